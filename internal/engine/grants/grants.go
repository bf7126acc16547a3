// Package grants reads and writes grants with the operations they lead to. Every
// part of the engine that begins, ends or reads a grant does so through it, so
// that a grant and its operations never part.
package grants

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// OperationKind is what an operation does in the target.
type OperationKind string

// The kinds of operations. Verify only reads.
const (
	OperationGrant  OperationKind = "grant"
	OperationRevoke OperationKind = "revoke"
	OperationVerify OperationKind = "verify"
)

// Stored is a grant with the text it was read from, which a write must still
// find.
type Stored struct {
	governance.Grant
	was string
}

// Add schedules a grant and the operation that provisions it.
func Add(ctx context.Context, tx *journal.Tx, g governance.Grant) error {
	body, err := encode(g)
	if err != nil {
		return err
	}
	if err := tx.InsertGrant(ctx, sqlc.InsertGrantParams{
		ID: string(g.ID), RequestID: string(g.Request), IdentityID: string(g.Identity), TemplateID: string(g.Template),
		ApplicationID: string(g.Application), AccountID: string(g.Account), EntitlementID: string(g.Entitlement),
		EventID: string(g.BusinessEvent), State: string(g.State), Live: g.State.Live(),
		DueAt: dueAt(g), EndedAt: store.NullMicros(g.EndedAt), Body: body,
	}); err != nil {
		return fmt.Errorf("add grant %s: %w", g.ID, err)
	}
	if err := AddOperation(ctx, tx, g, OperationGrant, g.NotBefore); err != nil {
		return err
	}
	return Record(tx, "grant.scheduled", g, evidence.Fields{
		"request": g.Request, "template": g.Template, "duration": g.Duration, "not_before": g.NotBefore,
		"activate_by": g.ActivateBy, "not_after": g.NotAfter,
	})
}

// Update writes a grant that was read before. Another writer in between is an
// error; the caller reads again.
func Update(ctx context.Context, tx *journal.Tx, was Stored, g governance.Grant) (Stored, error) {
	body, err := encode(g)
	if err != nil {
		return was, err
	}
	n, err := tx.UpdateGrant(ctx, sqlc.UpdateGrantParams{
		ID: string(g.ID), State: string(g.State), Live: g.State.Live(), DueAt: dueAt(g),
		EndedAt: store.NullMicros(g.EndedAt), Body: body, Was: was.was,
	})
	if err != nil {
		return was, fmt.Errorf("update grant %s: %w", g.ID, err)
	}
	if n != 1 {
		return was, fmt.Errorf("update grant %s: %w", g.ID, ErrMoved)
	}
	return Stored{Grant: g, was: body}, nil
}

// ErrMoved refuses a write to a grant that changed since it was read.
var ErrMoved = fault.New(fault.Conflict, "the grant changed at the same moment; try again")

// dueAt is the next moment at which time alone changes the grant.
func dueAt(g governance.Grant) sql.NullInt64 {
	at, ok := g.DueAt()
	if !ok {
		return sql.NullInt64{}
	}
	return store.NullMicros(&at)
}

func encode(g governance.Grant) (string, error) {
	body, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("encode grant %s: %w", g.ID, err)
	}
	return string(body), nil
}

// AddOperation queues an operation for a grant.
func AddOperation(ctx context.Context, tx *journal.Tx, g governance.Grant, kind OperationKind, at time.Time) error {
	if err := tx.InsertOperation(ctx, sqlc.InsertOperationParams{
		ID: tx.NewID(), Kind: string(kind), GrantID: string(g.ID), ApplicationID: string(g.Application),
		AccountID: string(g.Account), NextAt: store.Micros(at), CreatedAt: store.Micros(tx.Now),
	}); err != nil {
		return fmt.Errorf("queue %s of grant %s: %w", kind, g.ID, err)
	}
	return nil
}

// Cause is why a grant is ended, and by whose word.
type Cause struct {
	Reason  governance.EndReason
	Comment string
	// Detail is what the target or the decision said, when that is the cause.
	Detail string
}

// End begins the end of a live grant: one that was never called for is
// cancelled, every other one gets an operation that revokes it. A grant that is
// ending already stays as it is.
func End(ctx context.Context, tx *journal.Tx, was Stored, cause Cause) (Stored, error) {
	ending, err := was.End(cause.Reason, tx.Now)
	if err != nil || was.State == governance.GrantRevoking {
		return was, err
	}
	ending.EndDetail = cause.Detail
	ended, err := Update(ctx, tx, was, ending)
	if err != nil {
		return was, err
	}
	if _, err := tx.FinishOperationsOfGrant(ctx, sqlc.FinishOperationsOfGrantParams{
		GrantID: string(was.ID), Kind: string(OperationGrant), DoneAt: store.NullMicros(&tx.Now), Result: "superseded",
	}); err != nil {
		return was, fmt.Errorf("supersede operations of grant %s: %w", was.ID, err)
	}
	fields := evidence.Fields{"reason": cause.Reason, "comment": journal.Private(cause.Comment), "detail": journal.Private(cause.Detail)}
	if ended.State == governance.GrantCancelled {
		return ended, Record(tx, "grant.cancelled", ended.Grant, fields)
	}
	if err := AddOperation(ctx, tx, ended.Grant, OperationRevoke, tx.Now); err != nil {
		return was, err
	}
	fields["due_at"] = *ended.RevokingAt
	return ended, Record(tx, "grant.revoking", ended.Grant, fields)
}

// Record appends evidence about a grant.
func Record(tx *journal.Tx, kind string, g governance.Grant, fields evidence.Fields) error {
	fields["identity"], fields["account"], fields["entitlement"] = g.Identity, g.Account, g.Entitlement
	if g.BusinessEvent != "" {
		fields["business_event"] = g.BusinessEvent
	}
	return tx.Record(kind, "grant", string(g.ID), fields)
}

// Get reads one grant.
func Get(ctx context.Context, tx *journal.Tx, id governance.GrantID) (Stored, error) {
	body, err := tx.GetGrant(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return Stored{}, fault.New(fault.NotFound, "no grant %q", id)
	}
	if err != nil {
		return Stored{}, fmt.Errorf("read grant %s: %w", id, err)
	}
	return decode(body)
}

func decode(body string) (Stored, error) {
	g := Stored{was: body}
	if err := json.Unmarshal([]byte(body), &g.Grant); err != nil {
		return g, fmt.Errorf("stored grant: %w", err)
	}
	return g, nil
}

// List reads the grants that a query answered.
func List(bodies []string, err error) ([]Stored, error) {
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	list := make([]Stored, len(bodies))
	for i, body := range bodies {
		if list[i], err = decode(body); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// InUse is the refusal to remove something that live grants depend on.
func InUse(what string, live []Stored) error {
	e := fault.New(fault.InUse, "%s has %d live grant(s); end them first", what, len(live))
	for _, g := range live {
		e.Problems = append(e.Problems, governance.Problem{
			Field: "grants", Code: string(fault.InUse),
			Message: fmt.Sprintf("grant %s: %s holds %s until %s (%s)", g.ID, g.Account, g.Entitlement, g.NotAfter.UTC().Format(time.RFC3339), g.State),
		})
	}
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Message
	}
	e.Message += ": " + strings.Join(lines, "; ")
	return e
}
