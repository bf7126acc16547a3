package discovery

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Apply makes a complete inventory what is observed of the application:
// accounts, entitlements, inclusions and assignments come and go, accounts are
// correlated, findings follow. An assignment that a grant moved while the
// inventory was read keeps the state that the grant gave it.
//
// An inventory without too much of what is known is not believed: it is held,
// and nothing of it is taken over, until accept names it.
func (d *Discovery) Apply(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, a governance.Application, inv *connector.Inventory, startedAt time.Time, accept string) (Result, error) {
	w := applier{ctx: ctx, tx: tx, id: a.ID(), now: store.Micros(startedAt), moved: newMoved()}
	result := Result{Application: a.ID(), StartedAt: startedAt, Accounts: len(inv.Accounts), Entitlements: len(inv.Entitlements), Assignments: len(inv.Assignments)}
	if err := w.load(); err != nil {
		return result, fmt.Errorf("what is known of %s: %w", a.ID(), err)
	}
	if held, err := d.weigh(&w, set, a, inv, startedAt, accept); err != nil || held != nil {
		result.Held = held
		return result, err
	}
	correlator, err := newCorrelator(ctx, tx, set, a)
	if err != nil {
		return result, err
	}
	renamed, err := w.identify(inv)
	if err != nil {
		return result, fmt.Errorf("names in %s: %w", a.ID(), err)
	}
	if err := w.followMade(inv, startedAt); err != nil {
		return result, fmt.Errorf("accounts that were made in %s: %w", a.ID(), err)
	}
	if result.Orphans, err = w.accounts(inv.Accounts, correlator, startedAt); err != nil {
		return result, fmt.Errorf("accounts of %s: %w", a.ID(), err)
	}
	if err := w.entitlements(inv.Entitlements); err != nil {
		return result, fmt.Errorf("entitlements of %s: %w", a.ID(), err)
	}
	if err := w.inclusions(inv.Inclusions); err != nil {
		return result, fmt.Errorf("inclusions of %s: %w", a.ID(), err)
	}
	appeared, disappeared, err := w.assignments(inv.Assignments, startedAt)
	if err != nil {
		return result, fmt.Errorf("assignments of %s: %w", a.ID(), err)
	}
	if err := w.markMoved(set, appeared); err != nil {
		return result, err
	}
	result.Appeared, result.Disappeared = len(appeared), len(disappeared)
	if err := w.stamp(a, startedAt); err != nil {
		return result, err
	}
	if err := grants.RemoveIdle(ctx, tx, a.ID()); err != nil {
		return result, err
	}
	if err := w.seenGone(startedAt); err != nil {
		return result, err
	}
	if result.Findings, err = d.refresh(ctx, tx, set, a.ID()); err != nil {
		return result, err
	}
	result.FinishedAt = tx.Now
	fields := evidence.Fields{
		"started_at": startedAt, "accounts": result.Accounts, "entitlements": result.Entitlements,
		"assignments": result.Assignments, "orphans": result.Orphans, "findings": result.Findings,
	}
	if accept != "" {
		fields["accepted"] = accept
	}
	if !w.first() {
		// The first discovery finds everything; only what changed since is news.
		fields["appeared"], fields["disappeared"] = holdings(appeared), holdings(disappeared)
	}
	if len(renamed) > 0 {
		fields["renamed"] = renamed
	}
	return result, tx.Record("application.synced", "application", string(a.ID()), fields)
}

type applier struct {
	ctx context.Context
	tx  *journal.Tx
	id  governance.ApplicationID
	now int64
	// moved is what live grants may rest on and what is not as it was.
	moved moved

	// erosion is by how much the application has become less once the read is
	// believed; nothing when that was let through.
	erosion governance.Erosion

	// nesting names the inclusions from now on; empty where they are as they were.
	nesting string
	// status is what was known of reading the application; nil when it was never
	// read. The others are what was known of the target.
	status       *sqlc.Discovery
	accountRows  []sqlc.Account
	rightRows    []sqlc.DiscoveredEntitlement
	standingRows []sqlc.Assignment
}

// load reads what is known.
func (w *applier) load() error {
	row, err := w.tx.GetDiscovery(w.ctx, string(w.id))
	switch {
	case err == nil:
		w.status = &row
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if w.accountRows, err = w.tx.ListAccounts(w.ctx, string(w.id)); err != nil {
		return err
	}
	if w.rightRows, err = w.tx.ListDiscoveredEntitlements(w.ctx, string(w.id)); err != nil {
		return err
	}
	w.standingRows, err = w.tx.ListAssignments(w.ctx, string(w.id))
	return err
}

// first reports that the application was never read before.
func (w *applier) first() bool { return w.status == nil || !w.status.ObservedAt.Valid }

// markMoved has live grants decided again that rest on what has changed.
func (w *applier) markMoved(set *governance.PolicySet, appeared []assignmentKey) error {
	inclusions, _, err := Inclusions(w.tx.ListInclusions(w.ctx, string(w.id)))
	if err != nil {
		return err
	}
	if err := w.holders(set, appeared, inclusions); err != nil {
		return err
	}
	return w.moved.mark(w.ctx, w.tx, set, inclusions)
}

func (w *applier) accounts(seen []connector.Account, c *correlator, startedAt time.Time) (orphans int, err error) {
	made, removed, err := w.madeSince(startedAt)
	if err != nil {
		return 0, err
	}
	known := index(w.accountRows, func(r sqlc.Account) string { return r.ID })
	for _, account := range seen {
		id := string(governance.NewAccountID(w.id, account.Name))
		if removed[id] {
			continue
		}
		identity, matches, err := c.match(account)
		if err != nil {
			return 0, err
		}
		if identity == "" {
			orphans++
		}
		row := sqlc.PutAccountParams{
			ID: id, ApplicationID: string(w.id), Name: account.Name, Uid: account.UID, Disabled: account.Disabled,
			Attributes: text(account.Attributes), IdentityID: string(identity), Matches: int64(matches), FirstSeen: w.now,
		}
		old, was := known[id]
		delete(known, id)
		if was && sqlc.PutAccountParams(withFirstSeen(old, w.now)) == row {
			continue
		}
		if err := w.tx.PutAccount(w.ctx, row); err != nil {
			return 0, err
		}
		if was && old.IdentityID != row.IdentityID {
			w.moved.account(id, old.IdentityID, row.IdentityID)
		}
	}
	for id, old := range known {
		if made[id] {
			continue
		}
		w.moved.account(id, old.IdentityID, "")
		if err := w.tx.DeleteAccount(w.ctx, id); err != nil {
			return 0, err
		}
	}
	return orphans, nil
}

func withFirstSeen(row sqlc.Account, at int64) sqlc.Account {
	row.FirstSeen = at
	return row
}

func (w *applier) entitlements(seen []connector.DiscoveredEntitlement) error {
	known := index(w.rightRows, func(r sqlc.DiscoveredEntitlement) string { return r.ID })
	for _, e := range seen {
		id := string(governance.NewEntitlementID(w.id, e.Kind, e.NativeID))
		row := sqlc.PutDiscoveredEntitlementParams{
			ID: id, ApplicationID: string(w.id), Kind: e.Kind, NativeID: e.NativeID, Uid: e.UID,
			Attributes: text(e.Attributes), FirstSeen: w.now,
		}
		old, was := known[id]
		delete(known, id)
		if was && old.Uid == row.Uid && old.Attributes == row.Attributes {
			continue
		}
		if err := w.tx.PutDiscoveredEntitlement(w.ctx, row); err != nil {
			return err
		}
		if !was {
			w.moved.entitlements[governance.EntitlementID(id)] = true
		}
	}
	for id := range known {
		w.moved.entitlements[governance.EntitlementID(id)] = true
		if err := w.tx.DeleteDiscoveredEntitlement(w.ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (w *applier) inclusions(seen []connector.Inclusion) error {
	type key struct{ from, to string }
	rows, err := w.tx.ListInclusions(w.ctx, string(w.id))
	if err != nil {
		return err
	}
	known := index(rows, func(r sqlc.Inclusion) key { return key{r.FromID, r.ToID} })
	change := func(from string) {
		w.moved.entitlements[governance.EntitlementID(from)] = true
		w.nesting = w.tx.NewID()
	}
	for _, in := range seen {
		k := key{
			string(governance.NewEntitlementID(w.id, in.From.Kind, in.From.NativeID)),
			string(governance.NewEntitlementID(w.id, in.To.Kind, in.To.NativeID)),
		}
		old, was := known[k]
		delete(known, k)
		if was && old.Implied == in.Implied {
			continue
		}
		change(k.from)
		if err := w.tx.PutInclusion(w.ctx, sqlc.PutInclusionParams{ApplicationID: string(w.id), FromID: k.from, ToID: k.to, Implied: in.Implied}); err != nil {
			return err
		}
	}
	for k := range known {
		change(k.from)
		if err := w.tx.DeleteInclusion(w.ctx, sqlc.DeleteInclusionParams{FromID: k.from, ToID: k.to}); err != nil {
			return err
		}
	}
	return nil
}

type assignmentKey struct{ account, entitlement string }

// holdings names assignments in evidence.
func holdings(keys []assignmentKey) []string {
	named := make([]string, len(keys))
	for i, k := range keys {
		named[i] = k.account + " holds " + k.entitlement
	}
	slices.Sort(named)
	return named
}

func (w *applier) assignments(seen []connector.Assignment, startedAt time.Time) (appeared, disappeared []assignmentKey, err error) {
	moved, err := w.movedSince(startedAt)
	if err != nil {
		return nil, nil, err
	}
	known := index(w.standingRows, func(r sqlc.Assignment) assignmentKey { return assignmentKey{r.AccountID, r.EntitlementID} })
	for _, s := range seen {
		k := assignmentKey{
			string(governance.NewAccountID(w.id, s.Account)),
			string(governance.NewEntitlementID(w.id, s.Entitlement.Kind, s.Entitlement.NativeID)),
		}
		old, was := known[k]
		delete(known, k)
		attributes := text(s.Attributes)
		if moved[k] || was && old.Attributes == attributes {
			continue
		}
		if !was {
			appeared = append(appeared, k)
		}
		if err := w.tx.PutAssignment(w.ctx, sqlc.PutAssignmentParams{ApplicationID: string(w.id), AccountID: k.account, EntitlementID: k.entitlement, Attributes: attributes, FirstSeen: w.now}); err != nil {
			return nil, nil, err
		}
	}
	for k := range known {
		if moved[k] {
			continue
		}
		disappeared = append(disappeared, k)
		if err := w.tx.DeleteAssignment(w.ctx, sqlc.DeleteAssignmentParams{AccountID: k.account, EntitlementID: k.entitlement}); err != nil {
			return nil, nil, err
		}
	}
	return appeared, disappeared, nil
}

// movedSince are the assignments that a grant may have changed after the read
// began, with those that come and go with them.
func (w *applier) movedSince(startedAt time.Time) (map[assignmentKey]bool, error) {
	live, err := grants.List(w.tx.ListLiveGrantsOfApplication(w.ctx, string(w.id)))
	if err != nil {
		return nil, err
	}
	ended, err := grants.List(w.tx.ListGrantsEndedSince(w.ctx, sqlc.ListGrantsEndedSinceParams{ApplicationID: string(w.id), Since: store.NullMicros(&startedAt)}))
	if err != nil {
		return nil, err
	}
	_, implied, err := Inclusions(w.tx.ListInclusions(w.ctx, string(w.id)))
	if err != nil {
		return nil, err
	}
	moved := map[assignmentKey]bool{}
	for _, g := range append(live, ended...) {
		if g.State == governance.GrantScheduled || g.State == governance.GrantActive && g.ActivatedAt.Before(startedAt) {
			continue // it stood still: what was read is what there was
		}
		for id := range implied.Closure(g.Entitlement) {
			moved[assignmentKey{string(g.Account), string(id)}] = true
		}
	}
	return moved, nil
}

// Inclusions turns rows into the two relations: all of them, and the implied
// ones.
func Inclusions(rows []sqlc.Inclusion, err error) (all, implied governance.Inclusions, _ error) {
	if err != nil {
		return nil, nil, fmt.Errorf("read inclusions: %w", err)
	}
	all, implied = governance.Inclusions{}, governance.Inclusions{}
	for _, r := range rows {
		from, to := governance.EntitlementID(r.FromID), governance.EntitlementID(r.ToID)
		all[from] = append(all[from], to)
		if r.Implied {
			implied[from] = append(implied[from], to)
		}
	}
	for _, relation := range []governance.Inclusions{all, implied} {
		for from := range relation {
			slices.Sort(relation[from])
		}
	}
	return all, implied, nil
}

// stamp notes when the application was read.
func (w *applier) stamp(a governance.Application, startedAt time.Time) error {
	erosion, err := json.Marshal(w.erosion)
	if err != nil {
		return fmt.Errorf("encode erosion of %s: %w", w.id, err)
	}
	return w.tx.PutDiscovery(w.ctx, sqlc.PutDiscoveryParams{
		Erosion:       string(erosion),
		ApplicationID: string(w.id), ObservedAt: store.NullMicros(&startedAt),
		NextAt:  store.Micros(startedAt.Add(a.Discovery.Interval.Std())),
		Nesting: w.nesting,
	})
}

func index[K comparable, R any](rows []R, key func(R) K) map[K]R {
	m := make(map[K]R, len(rows))
	for _, r := range rows {
		m[key(r)] = r
	}
	return m
}

// text is attributes as they are stored: JSON with sorted keys.
func text(attributes map[string]string) string {
	if len(attributes) == 0 {
		return "{}"
	}
	b, _ := json.Marshal(attributes) // a map of strings always encodes
	return string(b)
}
