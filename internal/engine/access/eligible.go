package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Eligibility is what an identity could request, on one revision.
type Eligibility struct {
	Revision int64
	Openings []governance.Opening
}

// Eligible lists what the identity of an ask could request: all templates and
// entitlements, narrowed by those that it names. What the ask says of account,
// event, duration and justification counts as known; the rest is open.
func (a *Access) Eligible(ctx context.Context, ask Ask) (Eligibility, error) {
	var eligibility Eligibility
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		set, question, _, err := a.question(ctx, tx, ask)
		if err != nil {
			return err
		}
		if question.Entitlements = ask.Entitlements; len(ask.Entitlements) == 0 {
			if question.Missing, err = missing(ctx, tx, set); err != nil {
				return err
			}
			if question.Inclusions, _, err = discovery.Inclusions(tx.ListAllInclusions(ctx)); err != nil {
				return err
			}
		}
		eligibility = Eligibility{Revision: set.Revision, Openings: set.Eligible(question)}
		return nil
	})
	if err != nil {
		return Eligibility{}, fmt.Errorf("list what %s could request: %w", ask.Identity, err)
	}
	return eligibility, nil
}

// missing are the declared entitlements that their target was last seen without.
func missing(ctx context.Context, tx *journal.Tx, set *governance.PolicySet) ([]governance.EntitlementID, error) {
	discovered, err := tx.ListDiscoveredEntitlementIDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read discovered entitlements: %w", err)
	}
	found := make(map[governance.EntitlementID]bool, len(discovered))
	for _, id := range discovered {
		found[governance.EntitlementID(id)] = true
	}
	var absent []governance.EntitlementID
	for id := range set.Entitlements {
		if !found[id] {
			absent = append(absent, id)
		}
	}
	return absent, nil
}

// Requesters lists, by id, the identities for which [Access.Eligible] would find
// an opening that is not never, of the entitlements that the ask names; its
// identity counts for nothing.
func (a *Access) Requesters(ctx context.Context, ask Ask) ([]governance.Identity, error) {
	var requesters []governance.Identity
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		requesters = nil
		set, asked, _, err := a.asked(ctx, tx, ask)
		if err != nil {
			return err
		}
		if asked.Inclusions, _, err = discovery.Inclusions(tx.ListAllInclusions(ctx)); err != nil {
			return err
		}
		rows, err := tx.ListIdentities(ctx)
		if err != nil {
			return fmt.Errorf("read identities: %w", err)
		}
		for _, row := range rows {
			if row.Status != string(governance.Active) {
				continue // it never may, so what it holds need not be read
			}
			question := asked
			if _, err := a.asker(ctx, tx, &question, row); err != nil {
				return err
			}
			if err := uses(ctx, tx, set, &question); err != nil {
				return err
			}
			if question.Broken, err = broken(ctx, tx, ask, row.ID); err != nil {
				return err
			}
			if err := a.newAccounts(ctx, tx, set, &question, false); err != nil {
				return err
			}
			if governance.Opens(set.Eligible(question)) {
				requesters = append(requesters, question.Identity.Identity)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list who could request %v: %w", ask.Entitlements, err)
	}
	slices.SortFunc(requesters, func(a, b governance.Identity) int { return strings.Compare(string(a.ID()), string(b.ID())) })
	return requesters, nil
}
