package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// broken are the earlier requests that count against one by break-glass. The
// actor is held by whoever then grants it, so two at once do not both slip under
// the limit.
func broken(ctx context.Context, tx *journal.Tx, ask Ask, identity string) ([]governance.Request, error) {
	if !ask.BreakGlass {
		return nil, nil
	}
	bodies, err := tx.ListBrokenOf(ctx, identity)
	if err != nil {
		return nil, fmt.Errorf("read the break-glass requests of %s: %w", identity, err)
	}
	requests := make([]governance.Request, len(bodies))
	for i, body := range bodies {
		r, err := decodeRequest(body)
		if err != nil {
			return nil, err
		}
		requests[i] = r.Request
	}
	return requests, nil
}

// sayBroken makes a request by break-glass heard beyond its evidence.
func (a *Access) sayBroken(view RequestView) {
	fields := []any{"request", view.ID, "identity", view.Identity, "template", view.Template, "entitlements", view.Entitlements, "state", view.State}
	if view.Review == nil {
		a.Logger.Warn("break-glass was asked for and refused", fields...)
		return
	}
	a.Logger.Warn("break-glass: access was given without approval", append(fields, "grants", view.Grants, "review_due", view.Review.DueAt.UTC().Format(time.RFC3339))...)
}

func recordBreakGlass(tx *journal.Tx, r governance.Request, fields evidence.Fields) error {
	fields["reviewers"], fields["review_due_at"] = r.Review.Reviewers.String(), r.Review.DueAt
	return recordRequestAs(tx, "request.break_glass", r, fields)
}

// Review gives the caller's verdict on a request that was granted by break-glass.
// Unjustified ends what it gave, where that is still live.
func (a *Access) Review(ctx context.Context, by journal.Actor, id governance.RequestID, verdict governance.ReviewState, comment string) (RequestView, error) {
	if err := fault.FromProblems(fmt.Sprintf("review of request %q", id), governance.CheckVerdict(verdict, comment)); err != nil {
		return RequestView{}, err
	}
	var view RequestView
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		was, voice, instead, err := a.forReview(ctx, tx, by, id)
		if err != nil {
			return err
		}
		request, err := was.Judge(verdict, voice, comment, tx.Now)
		if err != nil {
			return err
		}
		request.Review.Instead = instead
		if err := updateRequest(ctx, tx, was, request); err != nil {
			return err
		}
		fields := voiceFields(voice, comment)
		fields["verdict"], fields["review_due_at"] = verdict, request.Review.DueAt
		if instead {
			fields["instead_of"] = request.Review.Reviewers.String()
		}
		if err := recordReview(ctx, tx, "request.reviewed", request, fields); err != nil {
			return err
		}
		if verdict == governance.ReviewUnjustified {
			if err := endGrantsOf(ctx, tx, request, comment); err != nil {
				return err
			}
		}
		view, err = viewOf(ctx, tx, request)
		return err
	})
	return view, err
}

// forReview reads a request whose review the caller may give, and in whose place,
// with its actor held until the transaction ends. instead: none of its reviewers is
// left.
func (a *Access) forReview(ctx context.Context, tx *journal.Tx, by journal.Actor, id governance.RequestID) (was storedRequest, voice governance.Voice, instead bool, err error) {
	if was, err = getRequest(ctx, tx, id); err != nil {
		return was, voice, false, err
	}
	parties, err := a.reviewParties(ctx, tx, was.Request, by)
	if err != nil {
		return was, voice, false, err
	}
	if voice, instead, err = a.mayReview(ctx, tx, was.Request, parties, by.Admin); err != nil {
		return was, voice, false, err
	}
	if err := a.hold(ctx, tx, parties.Requester.Identity, was.Template, was.BusinessEvent); err != nil {
		return was, voice, false, err
	}
	// Read again: the hold waited for whoever else was deciding.
	was, err = getRequest(ctx, tx, id)
	return was, voice, instead, err
}

// mayReview is who reviews a request: its reviewers, and others instead of them
// once it is overdue and none of them is left.
func (a *Access) mayReview(ctx context.Context, tx *journal.Tx, r governance.Request, p governance.Parties, administrator bool) (voice governance.Voice, instead bool, err error) {
	voice, refused := r.MayReview(p)
	if refused == nil || !errors.Is(refused, governance.ErrNotApprover) {
		return voice, false, refused
	}
	if voice, err = r.MayReviewInstead(p, administrator); err != nil {
		return voice, false, refused
	}
	able, err := a.reviewerLeft(ctx, tx, r, p)
	if err != nil {
		return voice, false, err
	}
	if able != "" {
		return voice, false, fmt.Errorf("%w; %s can review it", refused, able)
	}
	return voice, true, nil
}

// reviewerLeft is somebody who may review a request by its own terms; empty when
// nobody may any more.
func (a *Access) reviewerLeft(ctx context.Context, tx *journal.Tx, r governance.Request, p governance.Parties) (governance.IdentityID, error) {
	set, err := a.Declared.Set(ctx, tx)
	if err != nil {
		return "", err
	}
	rows, err := tx.ListIdentities(ctx)
	if err != nil {
		return "", fmt.Errorf("look for reviewers: %w", err)
	}
	for _, row := range rows {
		person, err := declared.PersonFrom(row)
		if err != nil {
			return "", err
		}
		p.Approver, p.Bootstrap, p.Makers = *person, row.Bootstrap, nil
		if p.Delegators, err = delegators(ctx, tx, set, r.Template, person.ID()); err != nil {
			return "", err
		}
		if _, err := r.MayReview(p); err == nil {
			return person.ID(), nil
		}
	}
	return "", nil
}

// reviewParties are the people around a request that owes a review; where it owes
// none only the refusal of that counts.
func (a *Access) reviewParties(ctx context.Context, tx *journal.Tx, r governance.Request, reviewer journal.Actor) (governance.Parties, error) {
	if r.Review == nil {
		return governance.Parties{}, nil
	}
	return a.parties(ctx, tx, r, reviewer)
}

// awaitsReview says whether a request's review waits for an identity, and in whose
// place they would give it.
func (a *Access) awaitsReview(ctx context.Context, tx *journal.Tx, r governance.Request, reviewer journal.Actor) (bool, governance.Voice, error) {
	if !r.ReviewState().Awaited() {
		return false, governance.Voice{}, nil
	}
	parties, err := a.parties(ctx, tx, r, reviewer)
	if err != nil {
		return false, governance.Voice{}, err
	}
	voice, _, err := a.mayReview(ctx, tx, r, parties, false)
	if err != nil && !errors.Is(err, governance.ErrNotApprover) {
		return false, voice, err
	}
	return err == nil, voice, nil
}

// endGrantsOf ends the live grants of a request that should not have been made.
func endGrantsOf(ctx context.Context, tx *journal.Tx, r governance.Request, comment string) error {
	if _, err := tx.HoldGrantsOfRequest(ctx, string(r.ID)); err != nil {
		return fmt.Errorf("hold grants of request %s: %w", r.ID, err)
	}
	list, err := grants.List(tx.ListGrantsOfRequest(ctx, string(r.ID)))
	if err != nil {
		return err
	}
	cause := grants.Cause{Reason: governance.EndRevokedBy, Comment: comment, Detail: fmt.Sprintf("%s reviewed its break-glass as %s", r.Review.Reviewer, r.Review.State)}
	for _, g := range list {
		if !g.State.Live() {
			continue
		}
		if _, err := grants.End(ctx, tx, g, cause); err != nil {
			return err
		}
	}
	return nil
}

func reviewOverdue(ctx context.Context, tx *journal.Tx, was storedRequest, overdue governance.Request) error {
	if err := updateRequest(ctx, tx, was, overdue); err != nil {
		return err
	}
	return recordReview(ctx, tx, "request.review_overdue", overdue, evidence.Fields{
		"reviewers": overdue.Review.Reviewers.String(), "review_due_at": overdue.Review.DueAt,
	})
}

// recordReview appends evidence of a turn of a review, and has the findings looked
// at again that depend on it.
func recordReview(ctx context.Context, tx *journal.Tx, kind string, r governance.Request, fields evidence.Fields) error {
	var applications []governance.ApplicationID
	for _, id := range r.Entitlements {
		application, _, _, err := id.Split()
		if err != nil {
			return fmt.Errorf("request %s: %w", r.ID, err)
		}
		applications = append(applications, application)
	}
	slices.Sort(applications)
	for _, application := range slices.Compact(applications) {
		if err := tx.MarkFindingsDue(ctx, string(application)); err != nil {
			return err
		}
	}
	fields["identity"], fields["template"], fields["entitlements"] = r.Identity, r.Template, r.Entitlements
	return tx.Record(kind, "request", string(r.ID), fields)
}
