package operations

import (
	"context"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// ProposeAbandon proposes to give up on an operation that has failed. Nothing
// changes until another person confirms it; see [Operations.ConfirmAbandon].
func (o *Operations) ProposeAbandon(ctx context.Context, by journal.Actor, id governance.OperationID, reason string) (governance.Proposal, error) {
	var proposal governance.Proposal
	err := o.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		row, g, err := abandonable(ctx, tx, id)
		if err != nil {
			return err
		}
		if proposal, err = o.propose(ctx, tx, by, matter{governance.ProposalAbandon, row.ID, []grants.Stored{g}}, reason); err != nil {
			return err
		}
		return tx.Record("operation.abandon_proposed", "operation", row.ID, evidence.Fields{
			"grant": g.ID, "application": g.Application, "account": g.Account, "entitlement": g.Entitlement,
			"why": evidence.Private(reason), "lapses_at": proposal.LapsesAt,
		})
	})
	return proposal, err
}

// ConfirmAbandon is the second person's word: the grant is over without that its
// end was observed, which stays a finding until the target was read without the
// right. Where an account was to be removed that Stint had made, it is that account
// which is given up, and the grant stays as it is. What the worker observed meanwhile
// wins.
func (o *Operations) ConfirmAbandon(ctx context.Context, by journal.Actor, id governance.OperationID) (governance.Grant, error) {
	var abandoned governance.Grant
	err := o.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		row, g, err := abandonable(ctx, tx, id)
		if err != nil {
			return err
		}
		proposal, err := o.confirm(ctx, tx, by, matter{governance.ProposalAbandon, row.ID, []grants.Stored{g}})
		if err != nil {
			return err
		}
		// Whoever finishes an operation holds it: a worker that observes
		// something now comes either before, and there is nothing left to give
		// up, or after, and finds it given up.
		n, err := tx.FinishOperation(ctx, sqlc.FinishOperationParams{ID: row.ID, DoneAt: store.NullMicros(&tx.Now), Result: grants.ResultAbandoned})
		if err != nil {
			return fmt.Errorf("abandon operation %s: %w", id, err)
		}
		if n == 0 {
			if row, err = get(ctx, tx, id); err != nil {
				return err
			}
			return isDone(row)
		}
		if g, err = grants.Get(ctx, tx, g.ID); err != nil {
			return err
		}
		fields := evidence.Fields{
			"operation": row.ID, "attempts": row.Attempts, "proposed_by": proposal.By, "why": evidence.Private(proposal.Reason),
		}
		if row.Kind == string(grants.OperationRemoveAccount) {
			abandoned = g.Grant
			return grants.AbandonRemoval(ctx, tx, g.Grant, fields)
		}
		after, err := grants.Abandon(ctx, tx, g, governance.EndRevokedBy, fields)
		abandoned = after.Grant
		return err
	})
	return abandoned, err
}

// WithdrawAbandon takes a proposal back that nobody has confirmed.
func (o *Operations) WithdrawAbandon(ctx context.Context, by journal.Actor, id governance.OperationID) (governance.Proposal, error) {
	return o.withdraw(ctx, by, governance.ProposalAbandon, string(id), "operation", "operation.abandon_withdrawn")
}

// abandonable reads an operation that people may give up on: one that was tried
// in vain, of a grant that is ending or over.
func abandonable(ctx context.Context, tx *journal.Tx, id governance.OperationID) (sqlc.Operation, grants.Stored, error) {
	row, err := get(ctx, tx, id)
	if err != nil {
		return row, grants.Stored{}, err
	}
	if row.DoneAt.Valid {
		return row, grants.Stored{}, isDone(row)
	}
	g, err := grants.Get(ctx, tx, governance.GrantID(row.GrantID))
	if err != nil {
		return row, g, err
	}
	switch {
	case row.Attempts == 0:
		return row, g, fault.New(fault.Conflict, "operation %s has not failed yet, so there is nothing to give up", id)
	case g.State.Live() && g.State != governance.GrantRevoking:
		return row, g, fault.New(fault.Conflict, "grant %s is %s, and only its end can be given up; end it first: stint revoke %s", g.ID, g.State, g.ID)
	}
	return row, g, nil
}
