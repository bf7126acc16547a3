package operations

import (
	"context"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// ProposeRetire proposes to give up on an application whose target does not
// answer. Nothing changes until another person confirms it.
func (o *Operations) ProposeRetire(ctx context.Context, by journal.Actor, id governance.ApplicationID, reason string) (governance.Proposal, error) {
	var proposal governance.Proposal
	err := o.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		left, err := retirable(ctx, tx, id)
		if err != nil {
			return err
		}
		if proposal, err = o.propose(ctx, tx, by, matter{governance.ProposalRetire, string(id), left}, reason); err != nil {
			return err
		}
		return tx.Record("application.retire_proposed", "application", string(id), evidence.Fields{
			"grants": len(left), "why": evidence.Private(reason), "lapses_at": proposal.LapsesAt,
		})
	})
	return proposal, err
}

// Retired is what came of retiring an application.
type Retired struct {
	Application governance.ApplicationID
	// Grants are those that were given up.
	Grants []governance.GrantID
}

// ConfirmRetire is the second person's word: everything that was still to be done
// in the application is given up, its live grants are over, it is read no more
// and gives nothing any more. Its findings stay.
func (o *Operations) ConfirmRetire(ctx context.Context, by journal.Actor, id governance.ApplicationID) (Retired, error) {
	var retired Retired
	err := o.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		retired = Retired{Application: id, Grants: []governance.GrantID{}}
		if err := o.holdGiving(ctx, tx, id); err != nil {
			return err
		}
		// Marking them holds them: no worker moves one of them meanwhile.
		m := grants.NewMarker(ctx, tx)
		if m.Application(id); m.Err() != nil {
			return m.Err()
		}
		left, err := retirable(ctx, tx, id)
		if err != nil {
			return err
		}
		proposal, err := o.confirm(ctx, tx, by, matter{governance.ProposalRetire, string(id), left})
		if err != nil {
			return err
		}
		if _, err := tx.SetRetired(ctx, sqlc.SetRetiredParams{ApplicationID: string(id), RetiredAt: store.NullMicros(&tx.Now)}); err != nil {
			return fmt.Errorf("retire %s: %w", id, err)
		}
		if err := tx.MarkFindingsDue(ctx, string(id)); err != nil {
			return err
		}
		for _, g := range left {
			if _, err := grants.Abandon(ctx, tx, g, governance.EndApplicationRemoved, evidence.Fields{"proposed_by": proposal.By}); err != nil {
				return err
			}
			retired.Grants = append(retired.Grants, g.ID)
		}
		return tx.Record("application.retired", "application", string(id), evidence.Fields{
			"proposed_by": proposal.By, "why": evidence.Private(proposal.Reason), "grants": len(left),
		})
	})
	if err == nil {
		o.Discovery.Targets.Forget(id)
	}
	return retired, err
}

// WithdrawRetire takes a proposal back that nobody has confirmed.
func (o *Operations) WithdrawRetire(ctx context.Context, by journal.Actor, id governance.ApplicationID) (governance.Proposal, error) {
	return o.withdraw(ctx, by, governance.ProposalRetire, string(id), "application", "application.retire_withdrawn")
}

// holdGiving keeps out whoever grants something in an application until the
// transaction ends; who grants after that sees that it is retired.
func (o *Operations) holdGiving(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) error {
	set, err := o.Declared.Set(ctx, tx)
	if err != nil {
		return err
	}
	var on grants.Reliance
	for _, template := range set.Templates {
		if slices.ContainsFunc(template.Entitlements, func(e governance.EntitlementID) bool {
			application, _, _, err := e.Split()
			return err == nil && application == id
		}) {
			on.Templates = append(on.Templates, template.ID())
		}
	}
	return on.Hold(ctx, tx)
}

// retirable lists what there is to be given up in an application that may be
// retired: its live grants, and those that are over with something still to be
// done for them.
func retirable(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) ([]grants.Stored, error) {
	row, err := status(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case row.RetiredAt.Valid:
		return nil, fault.New(fault.Conflict, "application %q is retired already", id)
	case row.Error == "":
		return nil, fault.New(fault.Conflict, "the target of %q answered when it was last read, so its grants can be ended for real; read it again (stint sync %s) when it is gone since", id, id)
	}
	left, err := grants.List(tx.ListLiveGrantsOfApplication(ctx, string(id)))
	if err != nil {
		return nil, err
	}
	open, err := tx.ListOpenOperationsOf(ctx, string(id))
	if err != nil {
		return nil, fmt.Errorf("read operations of %s: %w", id, err)
	}
	for _, row := range open {
		if slices.ContainsFunc(left, func(g grants.Stored) bool { return string(g.ID) == row.GrantID }) {
			continue
		}
		g, err := grants.Get(ctx, tx, governance.GrantID(row.GrantID))
		if err != nil {
			return nil, err
		}
		left = append(left, g)
	}
	return left, nil
}

// Reinstated is what is taken up again with an application.
type Reinstated struct {
	// Grants is how many rights had been given up, still stood, and are being taken
	// back.
	Grants int
	// Accounts is how many accounts that Stint had made had been given up, and are being
	// removed.
	Accounts int
}

// Reinstate lets a retired application be governed again, once its target was
// read completely. What had been given up and still stands is taken back.
func (o *Operations) Reinstate(ctx context.Context, by journal.Actor, id governance.ApplicationID) (resumed Reinstated, err error) {
	if err := o.Journal.Read(ctx, func(tx *journal.Tx) error {
		row, err := status(ctx, tx, id)
		if err == nil && !row.RetiredAt.Valid {
			err = fault.New(fault.Conflict, "application %q is not retired", id)
		}
		return err
	}); err != nil {
		return resumed, err
	}
	if _, err := o.Discovery.Sync(ctx, by, id); err != nil {
		return resumed, err
	}
	err = o.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		resumed = Reinstated{}
		n, err := tx.SetRetired(ctx, sqlc.SetRetiredParams{ApplicationID: string(id)})
		if err != nil || n == 0 {
			return err
		}
		if err := tx.MarkFindingsDue(ctx, string(id)); err != nil {
			return err
		}
		standing, err := grants.Accounts(tx.ListStandingMadeAccounts(ctx, string(id)))
		if err != nil {
			return err
		}
		lingering, err := grants.List(tx.ListLingeringGrants(ctx, string(id)))
		if err != nil {
			return err
		}
		for _, g := range lingering {
			if g.AbandonedAt == nil {
				continue
			}
			switch _, err := resume(ctx, tx, g); {
			case err == nil:
				resumed.Grants++
			case !fault.Is(err, fault.Conflict): // else it is being taken back already
				return err
			}
		}
		for _, a := range standing {
			if a.State != governance.AccountAbandoned {
				continue
			}
			if _, err := grants.ResumeAccount(ctx, tx, a.ID); err != nil {
				return err
			}
			resumed.Accounts++
		}
		return tx.Record("application.reinstated", "application", string(id), evidence.Fields{"grants_resumed": resumed.Grants, "accounts_resumed": resumed.Accounts})
	})
	return resumed, err
}
