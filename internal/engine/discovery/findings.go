package discovery

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Findings are the differences between declared and observed, of one
// application or all ("") and of one kind or all (""), as they follow from the
// latest state. observedAt is when the oldest discovery in it began; zero when
// an application was never read completely.
func (d *Discovery) Findings(ctx context.Context, id governance.ApplicationID, kind governance.FindingKind) (found []governance.Finding, observedAt time.Time, err error) {
	if err := d.refreshDue(ctx); err != nil {
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
			finding, err := decodeFinding(row)
			if err != nil {
				return err
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

// refreshDue brings the findings of applications up to date whose inputs have
// changed.
func (d *Discovery) refreshDue(ctx context.Context) error {
	var due []governance.ApplicationID
	if err := d.Journal.Read(ctx, func(tx *journal.Tx) error {
		rows, err := tx.ListDiscoveries(ctx)
		due = nil
		for _, row := range rows {
			if row.FindingsDue {
				due = append(due, governance.ApplicationID(row.ApplicationID))
			}
		}
		return err
	}); err != nil {
		return fmt.Errorf("look for due findings: %w", err)
	}
	for _, id := range due {
		if err := d.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
			set, err := d.Declared.Set(ctx, tx)
			if err != nil {
				return err
			}
			_, err = d.refresh(ctx, tx, set, id)
			return err
		}); err != nil {
			return fmt.Errorf("findings of %s: %w", id, err)
		}
	}
	return nil
}

func (d *Discovery) refresh(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, id governance.ApplicationID) (int, error) {
	if _, err := tx.ClearFindingsDue(ctx, string(id)); err != nil {
		return 0, err
	}
	observation, err := observe(ctx, tx, id)
	if err != nil {
		return 0, fmt.Errorf("observation of %s: %w", id, err)
	}
	rows, err := tx.ListFindingsOf(ctx, string(id))
	if err != nil {
		return 0, err
	}
	known := index(rows, func(r sqlc.Finding) string { return r.Key })
	found := set.Findings(observation, tx.Now)
	var opened, resolved []evidence.Fields
	for _, finding := range found {
		finding.ID, finding.FirstSeen, finding.LastSeen = governance.FindingID(tx.NewID()), tx.Now, observation.ReadAt
		if row, was := known[finding.Key()]; was {
			old, err := decodeFinding(row)
			if err != nil {
				return 0, err
			}
			finding.ID, finding.FirstSeen = old.ID, old.FirstSeen
			delete(known, finding.Key())
		} else {
			opened = append(opened, findingFields(finding))
		}
		body, err := json.Marshal(finding)
		if err != nil {
			return 0, err
		}
		if err := tx.PutFinding(ctx, sqlc.PutFindingParams{Key: finding.Key(), ApplicationID: string(id), Body: string(body)}); err != nil {
			return 0, err
		}
	}
	for key, row := range known {
		old, err := decodeFinding(row)
		if err != nil {
			return 0, err
		}
		resolved = append(resolved, findingFields(old))
		if err := tx.DeleteFinding(ctx, key); err != nil {
			return 0, err
		}
	}
	if len(opened)+len(resolved) == 0 {
		return len(found), nil
	}
	return len(found), tx.Record("application.findings_changed", "application", string(id), evidence.Fields{"opened": opened, "resolved": resolved})
}

func findingFields(f governance.Finding) evidence.Fields {
	fields := evidence.Fields{"id": f.ID, "kind": f.Kind, "severity": f.Severity}
	for name, value := range map[string]string{"account": string(f.Account), "entitlement": string(f.Entitlement), "grant": string(f.Grant)} {
		if value != "" {
			fields[name] = value
		}
	}
	return fields
}

func decodeFinding(row sqlc.Finding) (governance.Finding, error) {
	var f governance.Finding
	if err := json.Unmarshal([]byte(row.Body), &f); err != nil {
		return f, fmt.Errorf("stored finding %s: %w", row.Key, err)
	}
	return f, nil
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
	accounts, err := tx.ListAccounts(ctx, string(id))
	if err != nil {
		return o, err
	}
	for _, row := range accounts {
		o.Accounts = append(o.Accounts, governance.ObservedAccount{ID: governance.AccountID(row.ID), Identity: governance.IdentityID(row.IdentityID), Matches: int(row.Matches)})
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
	open, err := tx.ListOpenOperations(ctx)
	if err != nil {
		return err
	}
	for _, op := range open {
		if op.ApplicationID != string(o.Application) || op.Kind != string(grants.OperationRevoke) {
			continue
		}
		g, err := grants.Get(ctx, tx, governance.GrantID(op.GrantID))
		if err != nil {
			return err
		}
		if !g.State.Live() {
			o.Resurfaced = append(o.Resurfaced, g.Grant)
		}
	}
	return nil
}

// observed is when the oldest discovery that an answer rests on began.
func observed(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) (time.Time, error) {
	if id != "" {
		row, err := tx.GetDiscovery(ctx, string(id))
		if errors.Is(err, sql.ErrNoRows) {
			return time.Time{}, unknownApplication(id)
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
