package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// ClockReset is how time was set back.
type ClockReset struct {
	From, To time.Time
}

// ResetClock takes back a time that was seen and never was, as a clock that once
// ran ahead leaves it, so that granting goes on. What is to come moves along: live
// grants and stages keep the time that they had left, and none gains any. What was
// noted in the wrong time is noted as long before now as it was before that time,
// and whoever lost access by it alone is judged again. What people have named by
// date stays.
func (a *Access) ResetClock(ctx context.Context, by journal.Actor, reason string) (ClockReset, error) {
	var reset ClockReset
	switch {
	case len(reason) > governance.MaxText:
		return reset, fault.FromProblems("the reset of the clock", governance.Problems{{Field: "reason", Code: governance.CodeInvalid, Message: fmt.Sprintf("is longer than %d bytes", governance.MaxText)}})
	case strings.TrimSpace(reason) == "":
		return reset, fault.FromProblems("the reset of the clock", governance.Problems{{Field: "reason", Code: governance.CodeRequired, Message: "says why the time that was seen is wrong"}})
	}
	const tries = 5 // revocations go on meanwhile
	for try := 1; ; try++ {
		err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
			from, err := tx.SetBack()
			if err != nil {
				return err
			}
			reset = ClockReset{From: from, To: tx.Now}
			moved, err := setBack(ctx, tx, from.Sub(tx.Now))
			if err != nil {
				return err
			}
			return tx.Record("clock.set_back", "clock", "mark", evidence.Fields{"from": from, "to": tx.Now, "reason": evidence.Private(reason), "grants": moved})
		})
		if err == nil || try == tries || !errors.Is(err, grants.ErrMoved) {
			return reset, err
		}
	}
}

// setBack moves everything that waits for a time; moved is how many grants did.
func setBack(ctx context.Context, tx *journal.Tx, span time.Duration) (moved int, err error) {
	live, err := grants.List(tx.ListLiveGrants(ctx))
	if err != nil {
		return 0, err
	}
	for _, g := range live {
		if _, err := grants.Update(ctx, tx, g, g.SetBack(span, tx.Now)); err != nil {
			return 0, err
		}
	}
	for _, part := range []struct {
		what string
		move func(ctx context.Context, tx *journal.Tx, span time.Duration) error
	}{
		{"identities", setPeopleBack}, {"business events", setEventsBack}, {"requests", setRequestsBack},
		{"grants that are over", setEndedBack}, {"proposals", setProposalsBack}, {"accounts that were made", setMadeBack}, {"findings", judgeFindings},
	} {
		if err := part.move(ctx, tx, span); err != nil {
			return 0, fmt.Errorf("set %s back: %w", part.what, err)
		}
	}
	us, now := span.Microseconds(), store.Micros(tx.Now)
	for _, part := range []struct {
		what string
		err  error
	}{
		{"leases", tx.SetBackLeases(ctx, sqlc.SetBackLeasesParams{Span: us, Now: now})},
		{"operations", tx.SetBackOperations(ctx, sqlc.SetBackOperationsParams{Span: us, Now: now})},
		{"open operations", tx.SetBackOpenOperations(ctx, sqlc.SetBackOpenOperationsParams{Span: us, Now: now})},
		{"discoveries", tx.SetBackDiscoveries(ctx, sqlc.SetBackDiscoveriesParams{Span: us, Now: now})},
		{"observations", tx.SetBackObservations(ctx, sqlc.SetBackObservationsParams{Span: store.NullInt(us), Now: store.NullInt(now)})},
		{"decisions", tx.SetBackRedecisions(ctx, sqlc.SetBackRedecisionsParams{Span: store.NullInt(us), Now: store.NullInt(now)})},
		{"paces", tx.SetBackPaces(ctx, sqlc.SetBackPacesParams{Span: us, Now: now})},
		{"what events mean", tx.SetBackEventKeys(ctx, now)},
		{"deliveries", tx.SetBackDeliveries(ctx, sqlc.SetBackDeliveriesParams{Span: us, Now: now})},
		{"calls", tx.SetBackCalls(ctx, sqlc.SetBackCallsParams{Span: us, Beyond: store.Micros(tx.Now.Add(journal.CallKnownFor))})},
	} {
		if part.err != nil {
			return 0, fmt.Errorf("set %s back: %w", part.what, part.err)
		}
	}
	return len(live), nil
}

func setEndedBack(ctx context.Context, tx *journal.Tx, span time.Duration) error {
	over, err := grants.List(tx.ListGrantsEndedAfter(ctx, store.NullMicros(&tx.Now)))
	if err != nil {
		return err
	}
	for _, g := range over {
		if _, err := grants.Update(ctx, tx, g, g.SetBack(span, tx.Now)); err != nil {
			return err
		}
	}
	return nil
}

func setRequestsBack(ctx context.Context, tx *journal.Tx, span time.Duration) error {
	bodies, err := tx.ListRequestsWithTime(ctx)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		r, err := decodeRequest(body)
		if err != nil {
			return err
		}
		if err := updateRequest(ctx, tx, r, r.SetBack(span, tx.Now)); err != nil {
			return err
		}
	}
	return nil
}

func setMadeBack(ctx context.Context, tx *journal.Tx, span time.Duration) error {
	ids, err := tx.ListAllMadeAccountIDs(ctx)
	if err != nil {
		return err
	}
	slices.Sort(ids) // so that two never wait for each other
	for _, id := range ids {
		account, err := grants.HoldAccount(ctx, tx, governance.MadeAccountID(id))
		if err != nil {
			return err
		}
		account = account.SetBack(span, tx.Now)
		body, err := declared.Encode(account)
		if err != nil {
			return err
		}
		if err := tx.SetBackMadeAccount(ctx, sqlc.SetBackMadeAccountParams{ID: id, RemovedAt: store.NullMicros(account.RemovedAt), Body: body}); err != nil {
			return err
		}
	}
	return nil
}

func setProposalsBack(ctx context.Context, tx *journal.Tx, span time.Duration) error {
	bodies, err := tx.ListAllProposals(ctx)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		var p governance.Proposal
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			return fmt.Errorf("stored proposal: %w", err)
		}
		p = p.SetBack(span, tx.Now)
		written, err := declared.Encode(p)
		if err != nil {
			return err
		}
		if err := tx.SetBackProposal(ctx, sqlc.SetBackProposalParams{Kind: string(p.Kind), Subject: p.Subject, LapsesAt: store.Micros(p.LapsesAt), Body: written}); err != nil {
			return err
		}
	}
	return nil
}

// setEventsBack leaves events alone whose end is declared by date.
func setEventsBack(ctx context.Context, tx *journal.Tx, span time.Duration) error {
	rows, err := tx.ListEventsOpenedAfter(ctx, store.Micros(tx.Now))
	if err != nil {
		return err
	}
	marker := grants.NewMarker(ctx, tx)
	for _, row := range rows {
		if row.Declared {
			continue
		}
		event, err := declared.EventFrom(row)
		if err != nil {
			return err
		}
		back := event.SetBack(span, tx.Now)
		body, err := declared.Encode(back.BusinessEvent)
		if err != nil {
			return err
		}
		if err := tx.SetBackEvent(ctx, sqlc.SetBackEventParams{ID: row.ID, OpenedAt: store.Micros(back.OpenedAt), EndsAt: store.Micros(back.EndsAt), Body: body}); err != nil {
			return err
		}
		marker.Event(back.ID)
		if err := tx.Record("business_event.updated", "business_event", row.ID, evidence.Fields{"document": evidence.Private(body), "was": event.EndsAt, "ends_at": back.EndsAt}); err != nil {
			return err
		}
		if err := grants.TightenTo(ctx, tx, back.ID, back.EndsAt); err != nil {
			return err
		}
	}
	return marker.Err()
}

// setPeopleBack has everyone judged anew whose access time takes.
func setPeopleBack(ctx context.Context, tx *journal.Tx, span time.Duration) error {
	rows, err := tx.ListIdentities(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		person, err := declared.PersonFrom(row)
		if err != nil {
			return err
		}
		if len(person.Endings()) == 0 {
			continue
		}
		life, err := declared.Encode(person.Life.SetBack(span, tx.Now))
		if err != nil {
			return err
		}
		if _, err := tx.SetIdentityLife(ctx, sqlc.SetIdentityLifeParams{ID: row.ID, Life: life, DueAt: store.NullMicros(&tx.Now)}); err != nil {
			return err
		}
	}
	return tx.SetBackUse(ctx, sqlc.SetBackUseParams{Span: store.NullInt(span.Microseconds()), Now: store.NullMicros(&tx.Now)})
}

// judgeFindings has those looked at again that tell of a time.
func judgeFindings(ctx context.Context, tx *journal.Tx, _ time.Duration) error {
	rows, err := tx.ListDiscoveries(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := tx.MarkFindingsDue(ctx, row.ApplicationID); err != nil {
			return err
		}
	}
	return nil
}
