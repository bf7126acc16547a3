package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// Account is a principal that was observed.
type Account struct {
	ID          governance.AccountID
	Application governance.ApplicationID
	Name        string
	UID         string
	Disabled    bool
	Attributes  map[string]string
	Identity    governance.IdentityID
	FirstSeen   time.Time
	LastSeen    time.Time
}

// Entitlement is a right that was observed.
type Entitlement struct {
	ID          governance.EntitlementID
	Application governance.ApplicationID
	Kind        string
	NativeID    string
	UID         string
	Attributes  map[string]string
	Includes    []governance.EntitlementID
	Declared    bool
	Holders     int
	FirstSeen   time.Time
	LastSeen    time.Time
}

// Assignment is an entitlement that an account was observed to hold directly.
type Assignment struct {
	Application governance.ApplicationID
	Account     governance.AccountID
	Identity    governance.IdentityID
	Entitlement governance.EntitlementID
	Attributes  map[string]string
	Grant       governance.GrantID
	FirstSeen   time.Time
	LastSeen    time.Time
}

func unknownApplication(id governance.ApplicationID) error {
	return fault.New(fault.NotFound, "no application %q is declared", id)
}

// Accounts lists what was last observed, of one application or all (""),
// sorted by id.
func (d *Discovery) Accounts(ctx context.Context, id governance.ApplicationID) (list []Account, observedAt time.Time, err error) {
	list = []Account{}
	observedAt, err = d.each(ctx, id, func(tx *journal.Tx, id governance.ApplicationID, seen time.Time) error {
		rows, err := tx.ListAccounts(ctx, string(id))
		if err != nil {
			return err
		}
		for _, r := range rows {
			attributes, err := decodeAttributes(r.Attributes)
			if err != nil {
				return err
			}
			list = append(list, Account{
				ID: governance.AccountID(r.ID), Application: id, Name: r.Name, UID: r.Uid, Disabled: r.Disabled, Attributes: attributes,
				Identity: governance.IdentityID(r.IdentityID), FirstSeen: store.Time(r.FirstSeen), LastSeen: seen,
			})
		}
		return nil
	}, func() { list = list[:0] })
	slices.SortFunc(list, func(a, b Account) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list, observedAt, err
}

// Entitlements lists what was last observed, of one application or all (""),
// sorted by id.
func (d *Discovery) Entitlements(ctx context.Context, id governance.ApplicationID) (list []Entitlement, observedAt time.Time, err error) {
	list = []Entitlement{}
	observedAt, err = d.each(ctx, id, func(tx *journal.Tx, id governance.ApplicationID, seen time.Time) error {
		set, err := d.Declared.Set(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.ListDiscoveredEntitlements(ctx, string(id))
		if err != nil {
			return err
		}
		all, _, err := Inclusions(tx.ListInclusions(ctx, string(id)))
		if err != nil {
			return err
		}
		assignments, err := tx.ListAssignments(ctx, string(id))
		if err != nil {
			return err
		}
		holders := map[string]int{}
		for _, a := range assignments {
			holders[a.EntitlementID]++
		}
		for _, r := range rows {
			attributes, err := decodeAttributes(r.Attributes)
			if err != nil {
				return err
			}
			eid := governance.EntitlementID(r.ID)
			list = append(list, Entitlement{
				ID: eid, Application: id, Kind: r.Kind, NativeID: r.NativeID, UID: r.Uid, Attributes: attributes,
				Includes: append([]governance.EntitlementID{}, all[eid]...), Declared: set.Entitlements[eid] != nil,
				Holders: holders[r.ID], FirstSeen: store.Time(r.FirstSeen), LastSeen: seen,
			})
		}
		return nil
	}, func() { list = list[:0] })
	slices.SortFunc(list, func(a, b Entitlement) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list, observedAt, err
}

// Assignments lists what was last observed, of one application or all (""),
// sorted by account and entitlement.
func (d *Discovery) Assignments(ctx context.Context, id governance.ApplicationID) (list []Assignment, observedAt time.Time, err error) {
	list = []Assignment{}
	observedAt, err = d.each(ctx, id, func(tx *journal.Tx, id governance.ApplicationID, seen time.Time) error {
		rows, err := tx.ListAssignments(ctx, string(id))
		if err != nil {
			return err
		}
		accounts, err := tx.ListAccounts(ctx, string(id))
		if err != nil {
			return err
		}
		live, err := grants.List(tx.ListLiveGrantsOfApplication(ctx, string(id)))
		if err != nil {
			return err
		}
		_, implied, err := Inclusions(tx.ListInclusions(ctx, string(id)))
		if err != nil {
			return err
		}
		identity := map[string]string{}
		for _, a := range accounts {
			identity[a.ID] = a.IdentityID
		}
		by := map[assignmentKey]governance.GrantID{}
		for _, g := range live {
			if g.Preexisting == nil || *g.Preexisting {
				continue
			}
			for entitlement := range implied.Closure(g.Entitlement) {
				by[assignmentKey{string(g.Account), string(entitlement)}] = g.ID
			}
		}
		for _, r := range rows {
			attributes, err := decodeAttributes(r.Attributes)
			if err != nil {
				return err
			}
			list = append(list, Assignment{
				Application: id, Account: governance.AccountID(r.AccountID), Identity: governance.IdentityID(identity[r.AccountID]),
				Entitlement: governance.EntitlementID(r.EntitlementID), Attributes: attributes,
				Grant: by[assignmentKey{r.AccountID, r.EntitlementID}], FirstSeen: store.Time(r.FirstSeen), LastSeen: seen,
			})
		}
		return nil
	}, func() { list = list[:0] })
	slices.SortFunc(list, func(a, b Assignment) int {
		return strings.Compare(string(a.Account)+"\x00"+string(a.Entitlement), string(b.Account)+"\x00"+string(b.Entitlement))
	})
	return list, observedAt, err
}

// each visits one application or all of them in one consistent state.
func (d *Discovery) each(ctx context.Context, id governance.ApplicationID, visit func(*journal.Tx, governance.ApplicationID, time.Time) error, reset func()) (observedAt time.Time, err error) {
	err = d.Journal.Read(ctx, func(tx *journal.Tx) error {
		reset()
		if observedAt, err = observed(ctx, tx, id); err != nil {
			return err
		}
		rows, err := tx.ListDiscoveries(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if (id != "" && row.ApplicationID != string(id)) || !row.ObservedAt.Valid {
				continue
			}
			if err := visit(tx, governance.ApplicationID(row.ApplicationID), store.Time(row.ObservedAt.Int64)); err != nil {
				return fmt.Errorf("read %s: %w", row.ApplicationID, err)
			}
		}
		return nil
	})
	return observedAt, err
}

func decodeAttributes(body string) (map[string]string, error) {
	var attributes map[string]string
	if err := json.Unmarshal([]byte(body), &attributes); err != nil {
		return nil, fmt.Errorf("stored attributes: %w", err)
	}
	return attributes, nil
}
