package discovery

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// heldIn is the mass change that waits; nil when none does.
func heldIn(row sqlc.Discovery) (*governance.HeldChange, error) {
	if row.Held == "" {
		return nil, nil
	}
	var held governance.HeldChange
	if err := json.Unmarshal([]byte(row.Held), &held); err != nil {
		return nil, fmt.Errorf("stored mass change of %s: %w", row.ApplicationID, err)
	}
	return &held, nil
}

// erosionIn is by how much an application has become less without that anybody was
// asked.
func erosionIn(row sqlc.Discovery) (governance.Erosion, error) {
	var e governance.Erosion
	if err := json.Unmarshal([]byte(row.Erosion), &e); err != nil {
		return e, fmt.Errorf("stored erosion of %s: %w", row.ApplicationID, err)
	}
	return e, nil
}

// weigh holds an inventory that is a mass change and that nobody has let through;
// it answers what is held, or nil when the inventory may be applied.
func (d *Discovery) weigh(w *applier, set *governance.PolicySet, a governance.Application, inv *connector.Inventory, startedAt time.Time, accept string) (*governance.HeldChange, error) {
	if w.first() {
		if accept != "" {
			return nil, notHeld(w.id, accept, nil)
		}
		return nil, nil
	}
	before, err := heldIn(*w.status)
	if err != nil {
		return nil, err
	}
	var accepted *governance.HeldChange
	if accept != "" {
		if before == nil || before.ID != accept {
			return nil, notHeld(w.id, accept, before)
		}
		accepted = before
	}
	erosion, err := erosionIn(*w.status)
	if err != nil {
		return nil, err
	}
	vanished, err := w.vanished(inv, startedAt)
	if err != nil {
		return nil, err
	}
	vanished = vanished.Since(erosion)
	if !vanished.TooMuch(a.Discovery.MaxGone(), accepted) {
		if accepted == nil {
			w.erosion = vanished.Erosion()
		}
		return nil, nil
	}
	held := vanished.Hold(startedAt)
	if before != nil && before.ID == held.ID {
		held.At = before.At
	}
	body, err := json.Marshal(held)
	if err != nil {
		return nil, fmt.Errorf("encode mass change: %w", err)
	}
	if err := w.tx.HoldDiscovery(w.ctx, sqlc.HoldDiscoveryParams{
		ApplicationID: string(w.id), Held: string(body), NextAt: store.Micros(startedAt.Add(a.Discovery.Interval.Std())),
	}); err != nil {
		return nil, fmt.Errorf("hold the mass change of %s: %w", w.id, err)
	}
	if _, err := d.refresh(w.ctx, w.tx, set, w.id); err != nil {
		return nil, err
	}
	if before != nil && before.ID == held.ID {
		return &held, nil // that it is held was recorded when it was
	}
	return &held, w.tx.Record("application.sync_held", "application", string(w.id), evidence.Fields{
		"held": held.ID, "started_at": startedAt, "accounts_gone": len(held.Accounts.Gone), "entitlements_gone": len(held.Entitlements.Gone), "assignments_gone": len(held.Assignments.Gone),
	})
}

func notHeld(id governance.ApplicationID, asked string, held *governance.HeldChange) error {
	if held == nil {
		return fault.New(fault.Conflict, "no mass change of %q is held, so there is none to let through", id)
	}
	return fault.New(fault.Conflict, "what is held of %q is %s (%s), not %s; look at it, then let it through by that name", id, held.ID, held.Vanished, asked)
}

// vanished is what is known and not in the inventory, but for what grants moved.
// What has the name of something known and another UID is not that.
func (w *applier) vanished(inv *connector.Inventory, startedAt time.Time) (governance.Vanished, error) {
	v := governance.Vanished{
		Accounts:     governance.Share{Known: len(w.accountRows), Gone: []string{}},
		Entitlements: governance.Share{Known: len(w.rightRows), Gone: []string{}},
		Assignments:  governance.Share{Known: len(w.standingRows), Gone: []string{}},
	}
	seen := make(map[string]string, len(inv.Accounts)+len(inv.Entitlements))
	for _, account := range inv.Accounts {
		seen["account "+string(governance.NewAccountID(w.id, account.Name))] = account.UID
	}
	for _, e := range inv.Entitlements {
		seen["right "+string(governance.NewEntitlementID(w.id, e.Kind, e.NativeID))] = e.UID
	}
	known := make(map[string]bool, len(w.accountRows)+len(w.rightRows))
	for _, row := range w.accountRows {
		known["account "+row.ID] = true
	}
	for _, row := range w.rightRows {
		known["right "+row.ID] = true
	}
	for key := range seen {
		switch {
		case known[key]:
		case strings.HasPrefix(key, "account "):
			v.Accounts.Appeared++
		default:
			v.Entitlements.Appeared++
		}
	}
	gone := func(key, uid string) bool {
		now, there := seen[key]
		return !there || uid != "" && now != "" && now != uid
	}
	// another has the name of what is gone.
	another := func(key string) int {
		if _, there := seen[key]; there {
			return 1
		}
		return 0
	}
	for _, row := range w.accountRows {
		if gone("account "+row.ID, row.Uid) {
			v.Accounts.Gone = append(v.Accounts.Gone, row.ID)
			v.Accounts.Appeared += another("account " + row.ID)
		}
	}
	for _, row := range w.rightRows {
		if gone("right "+row.ID, row.Uid) {
			v.Entitlements.Gone = append(v.Entitlements.Gone, row.ID)
			v.Entitlements.Appeared += another("right " + row.ID)
		}
	}
	moved, err := w.movedSince(startedAt)
	if err != nil {
		return v, err
	}
	standing := make(map[assignmentKey]bool, len(inv.Assignments))
	for _, s := range inv.Assignments {
		standing[assignmentKey{
			string(governance.NewAccountID(w.id, s.Account)),
			string(governance.NewEntitlementID(w.id, s.Entitlement.Kind, s.Entitlement.NativeID)),
		}] = true
	}
	for _, row := range w.standingRows {
		k := assignmentKey{row.AccountID, row.EntitlementID}
		if !standing[k] && !moved[k] {
			v.Assignments.Gone = append(v.Assignments.Gone, holdings([]assignmentKey{k})...)
		}
		delete(standing, k)
	}
	for k := range standing {
		if !moved[k] {
			v.Assignments.Appeared++
		}
	}
	return v, nil
}

// seenGone closes the matter of grants that ended unseen and whose right was not
// there when the target was read after that.
func (w *applier) seenGone(startedAt time.Time) error {
	lingering, err := grants.List(w.tx.ListLingeringGrants(w.ctx, string(w.id)))
	if err != nil {
		return err
	}
	for _, g := range lingering {
		if since, unseen := g.Unseen(); !unseen || !since.Before(startedAt) {
			continue
		}
		n, err := w.tx.AssignmentExists(w.ctx, sqlc.AssignmentExistsParams{AccountID: string(g.Account), EntitlementID: string(g.Entitlement)})
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := w.tx.SetLingering(w.ctx, sqlc.SetLingeringParams{ID: string(g.ID), Lingering: false}); err != nil {
			return fmt.Errorf("mark grant %s: %w", g.ID, err)
		}
		w.tx.Outside.Over(g.ID)
		if err := grants.Record(w.tx, "grant.seen_gone", g.Grant, evidence.Fields{"started_at": startedAt}); err != nil {
			return err
		}
	}
	return nil
}
