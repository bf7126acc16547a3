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
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/people"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// OperationKind is what an operation does in the target.
type OperationKind string

// The kinds of operations. Verify only reads. MakeAccount comes before Grant where
// a grant rests on an account that Stint makes, and RemoveAccount after the last such
// grant.
const (
	OperationGrant         OperationKind = "grant"
	OperationRevoke        OperationKind = "revoke"
	OperationVerify        OperationKind = "verify"
	OperationMakeAccount   OperationKind = "make_account"
	OperationRemoveAccount OperationKind = "remove_account"
)

// Stored is a grant with the text it was read from, which a write must still
// find.
type Stored struct {
	governance.Grant
	was string
}

// Add schedules a grant and the operation that provisions it, or the one that makes
// its account first; creates says that it may.
func Add(ctx context.Context, tx *journal.Tx, g governance.Grant, creates bool) error {
	g, err := identified(ctx, tx, g)
	if err != nil {
		return err
	}
	first := OperationGrant
	if g, err = restOn(ctx, tx, g, creates); err != nil {
		return err
	}
	if g.MadeAccount != "" {
		first = OperationMakeAccount
	}
	body, err := encode(g)
	if err != nil {
		return err
	}
	if err := insert(ctx, tx, g, body); err != nil {
		return err
	}
	if err := AddOperation(ctx, tx, g, first, g.NotBefore); err != nil {
		return err
	}
	if err := people.NoteUse(ctx, tx, g.Identity, tx.Now); err != nil {
		return err
	}
	fields := evidence.Fields{
		"request": g.Request, "template": g.Template, "duration": g.Duration, "not_before": g.NotBefore,
		"activate_by": g.ActivateBy, "not_after": g.NotAfter,
	}
	if g.BreakGlass {
		fields["break_glass"] = true
	}
	if g.MadeAccount != "" {
		fields["made_account"] = string(g.MadeAccount)
	}
	return Record(tx, "grant.scheduled", g, fields)
}

// Adopt takes up a grant that a target may hold and this database does not know,
// because it was given after the backup that the database comes from. It is taken
// back from the start.
func Adopt(ctx context.Context, tx *journal.Tx, g governance.Grant) error {
	g.State, g.ActivatedAt = governance.GrantActive, &tx.Now
	ending, err := g.End(governance.EndBackupRestored, tx.Now)
	if err != nil {
		return err
	}
	body, err := encode(ending)
	if err != nil {
		return err
	}
	if err := insert(ctx, tx, ending, body); err != nil {
		return err
	}
	if err := adoptAccount(ctx, tx, ending); err != nil {
		return err
	}
	return takeBack(ctx, tx, ending)
}

func takeBack(ctx context.Context, tx *journal.Tx, g governance.Grant) error {
	if err := AddOperation(ctx, tx, g, OperationRevoke, tx.Now); err != nil {
		return err
	}
	if err := tx.MarkFindingsDue(ctx, string(g.Application)); err != nil {
		return fmt.Errorf("adopt grant %s: %w", g.ID, err)
	}
	return Record(tx, "grant.adopted", g, evidence.Fields{
		"reason": g.EndReason, "request": g.Request, "template": g.Template, "not_after": g.NotAfter, "preexisting": g.Preexisting,
	})
}

// AdoptKnown is Adopt for a grant that was only scheduled when the backup was taken
// that the database comes from, and may have been given afterwards: given is what
// the ledger tells of it.
func AdoptKnown(ctx context.Context, tx *journal.Tx, was Stored, given governance.Grant) error {
	g := was.Grant
	g.State, g.Preexisting, g.Stood, g.ActivatedAt = governance.GrantProvisioning, given.Preexisting, given.Stood, given.ActivatedAt
	g.AccountUID, g.MadeAccount = given.AccountUID, given.MadeAccount
	g.EndReason, g.EndDetail, g.EndedAt = "", "", nil // it may have been cancelled since
	ending, err := g.End(governance.EndBackupRestored, tx.Now)
	if err != nil {
		return err
	}
	after, err := Update(ctx, tx, was, ending)
	if err != nil {
		return err
	}
	if err := supersede(ctx, tx, was.Grant); err != nil {
		return err
	}
	if err := adoptAccount(ctx, tx, after.Grant); err != nil {
		return err
	}
	return takeBack(ctx, tx, after.Grant)
}

func insert(ctx context.Context, tx *journal.Tx, g governance.Grant, body string) error {
	if err := tx.InsertGrant(ctx, sqlc.InsertGrantParams{
		ID: string(g.ID), RequestID: string(g.Request), IdentityID: string(g.Identity), TemplateID: string(g.Template),
		ApplicationID: string(g.Application), AccountID: string(g.Account), EntitlementID: string(g.Entitlement),
		EventID: string(g.BusinessEvent), State: string(g.State), Live: g.State.Live(),
		DueAt: dueAt(g), EndedAt: store.NullMicros(g.EndedAt), Body: body,
	}); err != nil {
		return fmt.Errorf("add grant %s: %w", g.ID, err)
	}
	return nil
}

// identified is a grant with what the target itself calls its account and its
// entitlement.
func identified(ctx context.Context, tx *journal.Tx, g governance.Grant) (governance.Grant, error) {
	account, err := tx.GetAccountUID(ctx, string(g.Account))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return g, fmt.Errorf("read account %s: %w", g.Account, err)
	}
	entitlement, err := tx.GetEntitlementUID(ctx, string(g.Entitlement))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return g, fmt.Errorf("read entitlement %s: %w", g.Entitlement, err)
	}
	g.AccountUID, g.EntitlementUID = account, entitlement
	return g, nil
}

// Rename moves a grant, and what is still to be done for it, to what its account
// and its entitlement are called now.
func Rename(ctx context.Context, tx *journal.Tx, was Stored, g governance.Grant) error {
	body, err := encode(g)
	if err != nil {
		return err
	}
	n, err := tx.RenameGrant(ctx, sqlc.RenameGrantParams{
		ID: string(g.ID), AccountID: string(g.Account), EntitlementID: string(g.Entitlement), Body: body, Was: was.was,
	})
	if err != nil {
		return fmt.Errorf("rename what grant %s is of: %w", g.ID, err)
	}
	if n != 1 {
		return fmt.Errorf("rename what grant %s is of: %w", g.ID, ErrMoved)
	}
	if err := tx.RenameAccountOfOperations(ctx, sqlc.RenameAccountOfOperationsParams{GrantID: string(g.ID), AccountID: string(g.Account)}); err != nil {
		return fmt.Errorf("rename the account of the operations of grant %s: %w", g.ID, err)
	}
	if _, unseen := g.Unseen(); g.CalledFor() || unseen {
		tx.Outside.Stands(g)
	}
	return Record(tx, "grant.renamed", g, evidence.Fields{"was_account": was.Account, "was_entitlement": was.Entitlement})
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
		EndedAt: store.NullMicros(g.EndedAt), OverdueAt: overdueAt(g), Body: body, Was: was.was,
	})
	if err != nil {
		return was, fmt.Errorf("update grant %s: %w", g.ID, err)
	}
	if n != 1 {
		return was, fmt.Errorf("update grant %s: %w", g.ID, ErrMoved)
	}
	switch _, unseen := g.Unseen(); {
	case !was.CalledFor() && g.CalledFor():
		tx.Outside.Stands(g)
	case was.CalledFor() && !g.CalledFor() && !unseen:
		tx.Outside.Over(g.ID)
	}
	after := Stored{Grant: g, was: body}
	if g.MadeAccount != "" && was.State.Live() && !g.State.Live() {
		return after, release(ctx, tx, g)
	}
	return after, nil
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

// overdueAt is when its revocation counts as overdue, while it is ending.
func overdueAt(g governance.Grant) sql.NullInt64 {
	at, ending := g.OverdueAt()
	if !ending {
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
	tx.NoteOperation(at)
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
	// What gave it is done once it is active.
	if was.State != governance.GrantActive {
		if err := supersede(ctx, tx, was.Grant); err != nil {
			return was, err
		}
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

// supersede ends the operations that were to give a grant.
func supersede(ctx context.Context, tx *journal.Tx, g governance.Grant) error {
	kinds := []OperationKind{OperationGrant}
	if g.MadeAccount != "" {
		kinds = append(kinds, OperationMakeAccount)
	}
	for _, kind := range kinds {
		if err := tx.FinishOperationsOfGrant(ctx, sqlc.FinishOperationsOfGrantParams{
			GrantID: string(g.ID), Kind: string(kind), DoneAt: store.NullMicros(&tx.Now), Result: "superseded",
		}); err != nil {
			return fmt.Errorf("supersede operations of grant %s: %w", g.ID, err)
		}
	}
	return nil
}

// Abandon ends a grant, and whatever is still to be done for it, by the word of
// two people and without an observation. A right that stood before stays anyway. Where
// only its account is still to be removed, nothing else is given up.
func Abandon(ctx context.Context, tx *journal.Tx, was Stored, reason governance.EndReason, fields evidence.Fields) (Stored, error) {
	if only, err := onlyRemoves(ctx, tx, was.Grant); err != nil || only {
		if err == nil {
			err = finishAll(ctx, tx, was.ID)
		}
		if err != nil {
			return was, err
		}
		return was, AbandonRemoval(ctx, tx, was.Grant, fields)
	}
	abandoned, err := was.Abandon(reason, tx.Now)
	if err != nil {
		return was, err
	}
	after, err := Update(ctx, tx, was, abandoned)
	if err != nil {
		return was, err
	}
	if err := finishAll(ctx, tx, was.ID); err != nil {
		return was, err
	}
	if err := abandonAccount(ctx, tx, after.Grant); err != nil {
		return was, err
	}
	if err := tx.MarkFindingsDue(ctx, string(was.Application)); err != nil {
		return was, err
	}
	if abandoned.State == governance.GrantCancelled {
		fields["reason"] = reason
		return after, Record(tx, "grant.cancelled", abandoned, fields)
	}
	if abandoned.AbandonedAt != nil {
		if err := tx.SetLingering(ctx, sqlc.SetLingeringParams{ID: string(was.ID), Lingering: true}); err != nil {
			return was, fmt.Errorf("mark grant %s: %w", was.ID, err)
		}
		tx.Outside.Stands(abandoned)
	}
	if !was.State.Live() {
		return after, Record(tx, "grant.abandoned", abandoned, fields)
	}
	fields["outcome"], fields["reason"], fields["due_at"] = abandoned.Outcome, abandoned.EndReason, abandoned.RevokingAt
	fields["late_us"] = abandoned.EndedAt.Sub(*abandoned.RevokingAt).Microseconds()
	return after, Record(tx, "grant.ended", abandoned, fields)
}

// onlyRemoves reports whether a grant is over, and all that is still to be done for it
// is to remove the account that it rested on.
func onlyRemoves(ctx context.Context, tx *journal.Tx, g governance.Grant) (bool, error) {
	if g.State.Live() || g.MadeAccount == "" {
		return false, nil
	}
	open, err := tx.ListOpenOperationsOfGrant(ctx, string(g.ID))
	if err != nil {
		return false, fmt.Errorf("read operations of grant %s: %w", g.ID, err)
	}
	return len(open) > 0 && !slices.ContainsFunc(open, func(row sqlc.Operation) bool { return row.Kind != string(OperationRemoveAccount) }), nil
}

func finishAll(ctx context.Context, tx *journal.Tx, id governance.GrantID) error {
	if _, err := tx.FinishAllOperationsOfGrant(ctx, sqlc.FinishAllOperationsOfGrantParams{
		GrantID: string(id), DoneAt: store.NullMicros(&tx.Now), Result: ResultAbandoned,
	}); err != nil {
		return fmt.Errorf("abandon the operations of grant %s: %w", id, err)
	}
	return nil
}

// ResultAbandoned is the result of an operation that two people gave up on.
const ResultAbandoned = "abandoned"

// EndDue begins the end of a grant whose time is over; due is false when it is
// not, or when it is ending already.
func EndDue(ctx context.Context, tx *journal.Tx, was Stored) (due bool, err error) {
	reason, due := was.DueReason(tx.Now)
	if !due {
		return false, nil
	}
	cause := Cause{Reason: reason}
	if reason == governance.EndIneligible {
		cause.Detail = was.Ineligible.Why
	}
	_, err = End(ctx, tx, was, cause)
	return true, err
}

// Record appends evidence about a grant.
func Record(tx *journal.Tx, kind string, g governance.Grant, fields evidence.Fields) error {
	fields["identity"], fields["account"], fields["entitlement"] = g.Identity, g.Account, g.Entitlement
	if g.BusinessEvent != "" {
		fields["business_event"] = g.BusinessEvent
	}
	return tx.Record(kind, "grant", string(g.ID), fields)
}

// Read makes a grant of the text that a query answered.
func Read(body string) (Stored, error) { return decode(body) }

// Unknown refuses a grant that there is not.
func Unknown(id governance.GrantID) error { return fault.New(fault.NotFound, "no grant %q", id) }

// Get reads one grant.
func Get(ctx context.Context, tx *journal.Tx, id governance.GrantID) (Stored, error) {
	body, err := tx.GetGrant(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return Stored{}, Unknown(id)
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

// MayStand are the grants on an account that are over while what they gave may
// still stand: two people gave up on them and it was not seen gone since, or an
// operation has still to read it a second time or to take it again.
func MayStand(ctx context.Context, tx *journal.Tx, account governance.AccountID) ([]Stored, error) {
	lingering, err := List(tx.ListLingeringGrantsOfAccount(ctx, string(account)))
	if err != nil {
		return nil, err
	}
	abandoned := slices.DeleteFunc(lingering, func(g Stored) bool { return g.AbandonedAt == nil })
	unsettled, err := List(tx.ListUnsettledGrantsOfAccount(ctx, string(account)))
	return append(abandoned, unsettled...), err
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
