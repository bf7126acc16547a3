// Package operations is how people operate the worker: they see what is still to
// be done in targets and what keeps it, have it tried now, and, two together,
// give up on it. What is given up stays a finding until the target was seen
// without the right.
//
// It calls no target. What a target shows in the meantime wins over what people
// were about to say.
package operations

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Operations is the use cases around operations.
type Operations struct {
	Journal   *journal.Journal
	Declared  *declared.Loader
	Discovery *discovery.Discovery
	Logger    hclog.Logger
}

// Operation is what is still to be done in a target, with how it fares.
type Operation struct {
	ID          governance.OperationID
	Kind        grants.OperationKind
	Grant       governance.GrantID
	Identity    governance.IdentityID
	Application governance.ApplicationID
	Account     governance.AccountID
	Entitlement governance.EntitlementID
	// DueSince is when it was to be done.
	DueSince time.Time
	NextAt   time.Time
	Attempts int64
	// Called: the target was called for it, so that it may have been done.
	Called    bool
	LastError string
	// Overdue: it is a revocation that takes too long.
	Overdue bool
	// Proposal is to give up on it; nil when none waits.
	Proposal *governance.Proposal
}

// Filter narrows a list; empty members narrow nothing.
type Filter struct {
	Application governance.ApplicationID
	Kind        grants.OperationKind
	// Failing: only those that were tried and failed.
	Failing bool
	// Overdue: only revocations that take too long.
	Overdue bool
}

func (f Filter) takes(o Operation) bool {
	return (f.Application == "" || f.Application == o.Application) && (f.Kind == "" || f.Kind == o.Kind) &&
		(!f.Failing || o.Attempts > 0) && (!f.Overdue || o.Overdue)
}

// List reads what is still to be done, what is due longest first.
func (o *Operations) List(ctx context.Context, filter Filter) ([]Operation, error) {
	list := []Operation{}
	err := o.Journal.Read(ctx, func(tx *journal.Tx) error {
		list = list[:0]
		rows, err := tx.ListOpenOperationsWithGrants(ctx)
		if err != nil {
			return err
		}
		proposals, err := waiting(ctx, tx, governance.ProposalAbandon)
		if err != nil {
			return err
		}
		for _, row := range rows {
			operation, err := from(row, tx.Now)
			if err != nil {
				return err
			}
			if proposal, ok := proposals[string(operation.ID)]; ok {
				operation.Proposal = &proposal
			}
			if filter.takes(operation) {
				list = append(list, operation)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read operations: %w", err)
	}
	slices.SortFunc(list, func(a, b Operation) int {
		return cmp.Or(a.DueSince.Compare(b.DueSince), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

func from(row sqlc.ListOpenOperationsWithGrantsRow, now time.Time) (Operation, error) {
	var g governance.Grant
	if err := json.Unmarshal([]byte(row.Body), &g); err != nil {
		return Operation{}, fmt.Errorf("stored grant of operation %s: %w", row.ID, err)
	}
	o := Operation{
		ID: governance.OperationID(row.ID), Kind: grants.OperationKind(row.Kind), Grant: g.ID, Identity: g.Identity,
		Application: g.Application, Account: g.Account, Entitlement: g.Entitlement,
		DueSince: store.Time(row.CreatedAt), NextAt: store.Time(row.NextAt), Attempts: row.Attempts, Called: row.Called, LastError: row.LastError,
	}
	switch {
	case o.Kind == grants.OperationGrant:
		o.DueSince = g.NotBefore
	case o.Kind == grants.OperationRevoke && g.State == governance.GrantRevoking:
		o.DueSince = *g.RevokingAt
	}
	if at, ending := g.OverdueAt(); ending && o.Kind == grants.OperationRevoke {
		o.Overdue = !now.Before(at)
	}
	return o, nil
}

func waiting(ctx context.Context, tx *journal.Tx, kind governance.ProposalKind) (map[string]governance.Proposal, error) {
	bodies, err := tx.ListProposals(ctx, sqlc.ListProposalsParams{Kind: string(kind), Now: store.Micros(tx.Now)})
	if err != nil {
		return nil, fmt.Errorf("read proposals: %w", err)
	}
	proposals := make(map[string]governance.Proposal, len(bodies))
	for _, body := range bodies {
		proposal, err := decodeProposal(body)
		if err != nil {
			return nil, err
		}
		proposals[proposal.Subject] = proposal
	}
	return proposals, nil
}

func get(ctx context.Context, tx *journal.Tx, id governance.OperationID) (sqlc.Operation, error) {
	row, err := tx.GetOperation(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return row, fault.New(fault.NotFound, "no operation %q", id)
	}
	if err != nil {
		return row, fmt.Errorf("read operation %s: %w", id, err)
	}
	return row, nil
}

func isDone(row sqlc.Operation) error {
	return fault.New(fault.Conflict, "operation %s is done already, with the result %q", row.ID, row.Result)
}

// Retry has an operation tried now, however long it would have waited. One that
// was given up is taken up again: the right, if it still stands, is taken back, and
// the account that Stint had made is removed.
// It answers with the operation that is to be done. A read that waits until no
// call can be carried out any more is refused: sooner it would prove nothing.
func (o *Operations) Retry(ctx context.Context, by journal.Actor, id governance.OperationID) (governance.OperationID, error) {
	var next governance.OperationID
	err := o.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		next = id
		row, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.DoneAt.Valid && row.Result == grants.ResultAbandoned {
			g, err := grants.Get(ctx, tx, governance.GrantID(row.GrantID))
			if err != nil {
				return err
			}
			if row.Kind == string(grants.OperationRemoveAccount) {
				next, err = resumeRemoval(ctx, tx, g)
			} else {
				next, err = resume(ctx, tx, g)
			}
			return err
		}
		n, err := tx.HurryOperation(ctx, sqlc.HurryOperationParams{ID: row.ID, Now: store.Micros(tx.Now)})
		if err != nil {
			return fmt.Errorf("hurry operation %s: %w", id, err)
		}
		if n == 0 {
			if row, err = get(ctx, tx, id); err != nil {
				return err
			}
			if !row.DoneAt.Valid {
				return fault.New(fault.Conflict, "operation %s reads the target at %s to see that no call which was sent before has been carried out since; sooner it would prove nothing, so let it wait",
					row.ID, store.Time(row.NextAt).Format(time.RFC3339))
			}
			return isDone(row)
		}
		return tx.Record("operation.retried", "operation", row.ID, evidence.Fields{
			"kind": row.Kind, "grant": row.GrantID, "application": row.ApplicationID, "account": row.AccountID, "attempts": row.Attempts,
		})
	})
	return next, err
}

// resume takes up again what two people had given up: the right is revoked as
// one that came back.
func resume(ctx context.Context, tx *journal.Tx, g grants.Stored) (governance.OperationID, error) {
	// Held, so that a worker which sees the right go is either done or waits.
	if _, err := tx.HoldGrant(ctx, string(g.ID)); err != nil {
		return "", fmt.Errorf("hold grant %s: %w", g.ID, err)
	}
	lingering, err := grants.List(tx.ListLingeringGrantsOfAccount(ctx, string(g.Account)))
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(lingering, func(other grants.Stored) bool { return other.ID == g.ID }) {
		return "", fault.New(fault.Conflict, "the target was seen without what grant %s gave; there is nothing to take back", g.ID)
	}
	open, err := tx.ListOpenOperationsOfGrant(ctx, string(g.ID))
	if err != nil {
		return "", err
	}
	for _, row := range open {
		if row.Kind == string(grants.OperationRevoke) {
			return "", fault.New(fault.Conflict, "grant %s is being taken back already, by operation %s", g.ID, row.ID)
		}
	}
	if err := grants.AddOperation(ctx, tx, g.Grant, grants.OperationRevoke, tx.Now); err != nil {
		return "", err
	}
	if g.MadeAccount != "" {
		if _, err := grants.ResumeAccount(ctx, tx, g.MadeAccount); err != nil {
			return "", err
		}
	}
	if open, err = tx.ListOpenOperationsOfGrant(ctx, string(g.ID)); err != nil {
		return "", err
	}
	if err := tx.MarkFindingsDue(ctx, string(g.Application)); err != nil {
		return "", err
	}
	id := ofKind(open, grants.OperationRevoke)
	return id, grants.Record(tx, "grant.resumed", g.Grant, evidence.Fields{"operation": string(id)})
}

// resumeRemoval takes up again that an account is to be removed.
func resumeRemoval(ctx context.Context, tx *journal.Tx, g grants.Stored) (governance.OperationID, error) {
	resumed, err := grants.ResumeAccount(ctx, tx, g.MadeAccount)
	if err != nil {
		return "", err
	}
	if !resumed {
		return "", fault.New(fault.Conflict, "the account %s is not given up any more: it is being removed, was seen gone, or a grant needs it", g.Account)
	}
	a, err := grants.HoldAccount(ctx, tx, g.MadeAccount)
	if err != nil {
		return "", err
	}
	open, err := tx.ListOpenOperationsOfGrant(ctx, string(a.Grant))
	return ofKind(open, grants.OperationRemoveAccount), err
}

// ofKind is the first operation of a kind.
func ofKind(open []sqlc.Operation, kind grants.OperationKind) governance.OperationID {
	for _, row := range open {
		if row.Kind == string(kind) {
			return governance.OperationID(row.ID)
		}
	}
	return ""
}

// RetryAll has everything that waits in an application tried now, but for what
// Retry refuses, and says how much that is.
func (o *Operations) RetryAll(ctx context.Context, by journal.Actor, id governance.ApplicationID) (int64, error) {
	var hurried int64
	err := o.Journal.Write(ctx, by, func(tx *journal.Tx) (err error) {
		if _, err := status(ctx, tx, id); err != nil {
			return err
		}
		if hurried, err = tx.HurryOperationsOf(ctx, sqlc.HurryOperationsOfParams{ApplicationID: string(id), Now: store.Micros(tx.Now)}); err != nil || hurried == 0 {
			return err
		}
		return tx.Record("application.operations_retried", "application", string(id), evidence.Fields{"operations": hurried})
	})
	return hurried, err
}

// status is what is known of reading an application.
func status(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) (sqlc.Discovery, error) {
	row, err := tx.GetDiscovery(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return row, fault.New(fault.NotFound, "no application %q is declared", id)
	}
	if err != nil {
		return row, fmt.Errorf("read the state of %s: %w", id, err)
	}
	return row, nil
}
