package discovery

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/findings"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Findings are the differences between declared and observed, of one
// application or all ("") and of one kind or all (""), as they follow from the
// latest state; for all applications also what is about identities alone.
// observedAt is when the oldest discovery in it began; zero when an application was
// never read completely.
func (d *Discovery) Findings(ctx context.Context, id governance.ApplicationID, kind governance.FindingKind) (found []governance.Finding, observedAt time.Time, err error) {
	if err := d.RefreshDue(ctx); err != nil {
		return nil, time.Time{}, err
	}
	err = d.Journal.Read(ctx, func(tx *journal.Tx) error {
		if observedAt, err = observed(ctx, tx, id); err != nil {
			return err
		}
		rows, err := tx.ListFindings(ctx)
		if err != nil {
			return err
		}
		found = []governance.Finding{}
		for _, row := range rows {
			finding, err := findings.Decode(row)
			if err != nil {
				return err
			}
			if finding.Application == "" {
				finding.LastSeen = tx.Now // it follows from what is declared and from time
			}
			if (id == "" || finding.Application == id) && (kind == "" || finding.Kind == kind) {
				found = append(found, finding)
			}
		}
		return nil
	})
	slices.SortFunc(found, func(a, b governance.Finding) int { return cmp.Compare(a.Key(), b.Key()) })
	return found, observedAt, err
}

// RefreshDue brings the findings of applications up to date whose inputs have
// changed.
func (d *Discovery) RefreshDue(ctx context.Context) error {
	var due []governance.ApplicationID
	if err := d.Journal.Read(ctx, func(tx *journal.Tx) error {
		rows, err := tx.ApplicationsWithFindingsDue(ctx)
		due = nil
		for _, id := range rows {
			due = append(due, governance.ApplicationID(id))
		}
		return err
	}); err != nil {
		return fmt.Errorf("look for due findings: %w", err)
	}
	for _, id := range due {
		if err := d.refreshDue(ctx, id); err != nil {
			return fmt.Errorf("findings of %s: %w", id, err)
		}
	}
	return nil
}

// looks is how often the findings of an application are looked for beside what
// changes them.
const looks = 3

// errLookedPast: what was found does not follow from the state any more.
var errLookedPast = errors.New("the findings were looked for at the same moment")

// refreshDue looks while others write, since that takes long where much is observed
// and granted, and writes what it found unless somebody else did meanwhile.
func (d *Discovery) refreshDue(ctx context.Context, id governance.ApplicationID) error {
	for range looks {
		seen, difference, err := d.look(ctx, id)
		if err != nil || len(seen) == 0 {
			return err
		}
		err = d.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
			if err := tx.LockDiscovery(ctx, string(id)); err != nil {
				return err
			}
			// Whoever takes the marks away that were there when it looked has
			// found what follows from them. Later ones stay, and so does one that
			// was made before and committed since.
			n, err := tx.DeleteFindingsDueUpTo(ctx, sqlc.DeleteFindingsDueUpToParams{ApplicationID: string(id), ID: seen[len(seen)-1]})
			if err != nil {
				return err
			}
			if n != int64(len(seen)) {
				return errLookedPast
			}
			return difference.Write(ctx, tx, subject(id))
		})
		if !errors.Is(err, errLookedPast) {
			return err
		}
	}
	return d.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		set, err := d.Declared.Set(ctx, tx)
		if err != nil {
			return err
		}
		_, err = d.refresh(ctx, tx, set, id)
		return err
	})
}

// look finds what an application's findings are now, and the marks that it has seen.
func (d *Discovery) look(ctx context.Context, id governance.ApplicationID) (seen []string, difference findings.Difference, err error) {
	err = d.Journal.Read(ctx, func(tx *journal.Tx) error {
		if seen, err = tx.ListFindingsDue(ctx, string(id)); err != nil || len(seen) == 0 {
			return err
		}
		set, err := d.Declared.Set(ctx, tx)
		if err != nil {
			return err
		}
		_, difference, err = find(ctx, tx, set, id)
		return err
	})
	return seen, difference, err
}

func (d *Discovery) refresh(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, id governance.ApplicationID) (int, error) {
	// One looks at a time, and nobody else waits for that: what changes from here
	// on marks the findings again.
	if err := tx.LockDiscovery(ctx, string(id)); err != nil {
		return 0, err
	}
	if err := tx.ClearFindingsDue(ctx, string(id)); err != nil {
		return 0, err
	}
	n, difference, err := find(ctx, tx, set, id)
	if err != nil {
		return 0, err
	}
	return n, difference.Write(ctx, tx, subject(id))
}

func subject(id governance.ApplicationID) evidence.Subject {
	return evidence.Subject{Type: "application", ID: string(id)}
}

// find is how many findings an application has, and how they differ from those that
// are known.
func find(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, id governance.ApplicationID) (n int, difference findings.Difference, err error) {
	observation, err := observe(ctx, tx, id)
	if err != nil {
		return 0, difference, fmt.Errorf("observation of %s: %w", id, err)
	}
	rows, err := tx.ListFindingsOf(ctx, string(id))
	if err != nil {
		return 0, difference, err
	}
	found := set.Findings(observation, tx.Now)
	for i := range found {
		found[i].LastSeen = observation.ReadAt
	}
	difference, err = findings.Compare(tx, rows, found)
	return len(found), difference, err
}

// ForgetFindings drops the findings of an application that goes, but for what was
// abandoned in it; nobody may have looked since that was.
func (d *Discovery) ForgetFindings(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) error {
	set, err := d.Declared.Fresh(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := d.refresh(ctx, tx, set, id); err != nil {
		return err
	}
	standing, err := grants.Accounts(tx.ListStandingMadeAccounts(ctx, string(id)))
	if err != nil {
		return err
	}
	rows, err := tx.ListFindingsOf(ctx, string(id))
	if err != nil {
		return fmt.Errorf("read findings of %s: %w", id, err)
	}
	for _, row := range rows {
		finding, err := findings.Decode(row)
		if err != nil {
			return err
		}
		givenUp := finding.Kind == governance.FindingAccountLeft && slices.ContainsFunc(standing, func(a governance.MadeAccount) bool {
			return a.Account == finding.Account && a.State == governance.AccountAbandoned
		})
		if givenUp || finding.Kind == governance.FindingAbandoned {
			continue
		}
		if err := tx.DeleteFinding(ctx, row.Key); err != nil {
			return fmt.Errorf("forget a finding of %s: %w", id, err)
		}
	}
	return nil
}

// observe reads what bears on an application's findings.
func observe(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) (governance.Observation, error) {
	o := governance.Observation{Application: id, Entitlements: map[governance.EntitlementID]bool{}}
	discovery, err := tx.GetDiscovery(ctx, string(id))
	if err != nil {
		return o, err
	}
	if discovery.ObservedAt.Valid {
		o.ReadAt = store.Time(discovery.ObservedAt.Int64)
	}
	if o.Held, err = heldIn(discovery); err != nil {
		return o, err
	}
	accounts, err := tx.ListAccounts(ctx, string(id))
	if err != nil {
		return o, err
	}
	for _, row := range accounts {
		o.Accounts = append(o.Accounts, governance.ObservedAccount{
			ID: governance.AccountID(row.ID), Identity: governance.IdentityID(row.IdentityID), Matches: int(row.Matches), Mark: markIn(row.Attributes),
		})
	}
	entitlements, err := tx.ListDiscoveredEntitlements(ctx, string(id))
	if err != nil {
		return o, err
	}
	for _, row := range entitlements {
		o.Entitlements[governance.EntitlementID(row.ID)] = true
	}
	assignments, err := tx.ListAssignments(ctx, string(id))
	if err != nil {
		return o, err
	}
	for _, row := range assignments {
		o.Assignments = append(o.Assignments, governance.Holding{Account: governance.AccountID(row.AccountID), Entitlement: governance.EntitlementID(row.EntitlementID)})
	}
	if o.Inclusions, o.Implied, err = Inclusions(tx.ListInclusions(ctx, string(id))); err != nil {
		return o, err
	}
	return o, observeGrants(ctx, tx, &o)
}

func observeGrants(ctx context.Context, tx *journal.Tx, o *governance.Observation) error {
	live, err := grants.List(tx.ListLiveGrantsOfApplication(ctx, string(o.Application)))
	if err != nil {
		return err
	}
	ended, err := grants.List(tx.ListGrantsEndedSince(ctx, sqlc.ListGrantsEndedSinceParams{ApplicationID: string(o.Application), Since: store.NullMicros(&o.ReadAt)}))
	if err != nil {
		return err
	}
	for _, g := range append(live, ended...) {
		o.Grants = append(o.Grants, g.Grant)
	}
	lingering, err := grants.List(tx.ListLingeringGrants(ctx, string(o.Application)))
	if err != nil {
		return err
	}
	for _, g := range lingering {
		o.Lingering = append(o.Lingering, g.Grant)
	}
	if o.Made, err = grants.Accounts(tx.ListStandingMadeAccounts(ctx, string(o.Application))); err != nil {
		return err
	}
	if o.Unreviewed, err = unreviewed(ctx, tx, o.Application); err != nil {
		return err
	}
	resurfaced, err := grants.List(tx.ListResurfacedGrants(ctx, string(o.Application)))
	if err != nil {
		return err
	}
	for _, g := range resurfaced {
		o.Resurfaced = append(o.Resurfaced, g.Grant)
	}
	return nil
}

// markIn is the mark in the stored attributes of an account.
func markIn(attributes string) governance.MadeAccountID {
	if !strings.Contains(attributes, connector.MarkAttribute) {
		return ""
	}
	var stored map[string]string
	if err := json.Unmarshal([]byte(attributes), &stored); err != nil {
		return ""
	}
	return governance.MadeAccountID(stored[connector.MarkAttribute])
}

// outlived refuses an application that is not declared, unless findings have
// outlived it.
func outlived(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) error {
	rows, err := tx.ListFindingsOf(ctx, string(id))
	if err == nil && len(rows) == 0 {
		err = unknownApplication(id)
	}
	return err
}

// observed is when the oldest discovery that an answer rests on began.
func observed(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) (time.Time, error) {
	if id != "" {
		row, err := tx.GetDiscovery(ctx, string(id))
		if errors.Is(err, sql.ErrNoRows) {
			return time.Time{}, outlived(ctx, tx, id)
		}
		if err != nil || !row.ObservedAt.Valid {
			return time.Time{}, err
		}
		return store.Time(row.ObservedAt.Int64), nil
	}
	rows, err := tx.ListDiscoveries(ctx)
	if err != nil || len(rows) == 0 {
		return tx.Now, err
	}
	oldest := tx.Now
	for _, row := range rows {
		if !row.ObservedAt.Valid {
			return time.Time{}, nil
		}
		if at := store.Time(row.ObservedAt.Int64); at.Before(oldest) {
			oldest = at
		}
	}
	return oldest, nil
}
