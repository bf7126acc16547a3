package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// sortByID puts the newest last: identifiers of run-time objects begin with
// their time.
func sortByID[T any](list []T, id func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(id(a), id(b)) })
}

// GetRequest reads one request.
func (a *Access) GetRequest(ctx context.Context, id governance.RequestID) (RequestView, error) {
	var view RequestView
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		r, err := getRequest(ctx, tx, id)
		if err != nil {
			return err
		}
		view, err = viewOf(ctx, tx, r.Request)
		return err
	})
	return view, err
}

func viewOf(ctx context.Context, tx *journal.Tx, r governance.Request) (RequestView, error) {
	view := RequestView{Request: r, Grants: []governance.GrantID{}}
	if r.State != governance.RequestGranted {
		return view, nil
	}
	if r.Extends != "" {
		view.Grants = append(view.Grants, r.Extends)
		return view, nil
	}
	list, err := grants.List(tx.ListGrantsOfRequest(ctx, string(r.ID)))
	if err != nil {
		return view, err
	}
	for _, g := range list {
		view.Grants = append(view.Grants, g.ID)
	}
	slices.Sort(view.Grants)
	return view, nil
}

// RequestFilter picks requests; empty members pick all.
type RequestFilter struct {
	State    governance.RequestState
	Identity governance.IdentityID
	// Approver picks pending requests whose stage waits for this identity.
	Approver governance.IdentityID
	// BreakGlass picks requests that break-glass granted, and Review those whose review
	// stands there.
	BreakGlass bool
	Review     governance.ReviewState
	// Reviewer picks requests whose review this identity may give.
	Reviewer governance.IdentityID
}

// ListRequests reads requests, oldest first.
func (a *Access) ListRequests(ctx context.Context, filter RequestFilter) ([]RequestView, error) {
	var views []RequestView
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		views = []RequestView{}
		bodies, err := filter.read(ctx, tx)
		if err != nil {
			return fmt.Errorf("read requests: %w", err)
		}
		for _, body := range bodies {
			r, err := decodeRequest(body)
			if err != nil {
				return err
			}
			picked, voice, err := a.picks(ctx, tx, filter, r.Request)
			if err != nil {
				return err
			}
			if !picked {
				continue
			}
			view, err := viewOf(ctx, tx, r.Request)
			if err != nil {
				return err
			}
			view.OnBehalfOf = voice.OnBehalfOf
			views = append(views, view)
		}
		return nil
	})
	sortByID(views, func(v RequestView) string { return string(v.ID) })
	return views, err
}

func (f RequestFilter) read(ctx context.Context, tx *journal.Tx) ([]string, error) {
	switch {
	case f.Identity != "":
		return tx.ListRequestsOf(ctx, string(f.Identity))
	case f.Approver != "":
		return tx.ListRequestsByState(ctx, string(governance.RequestPending))
	case f.Reviewer != "":
		return tx.ListAwaitingReview(ctx)
	case f.Review != "":
		return tx.ListRequestsByReview(ctx, string(f.Review))
	case f.State != "":
		return tx.ListRequestsByState(ctx, string(f.State))
	}
	return tx.ListRequests(ctx)
}

func (a *Access) picks(ctx context.Context, tx *journal.Tx, f RequestFilter, r governance.Request) (bool, governance.Voice, error) {
	var voice governance.Voice
	if f.State != "" && r.State != f.State || f.Identity != "" && r.Identity != f.Identity {
		return false, voice, nil
	}
	if f.BreakGlass && r.Review == nil || f.Review != "" && r.ReviewState() != f.Review {
		return false, voice, nil
	}
	if f.Reviewer != "" {
		return a.awaitsReview(ctx, tx, r, journal.Actor{Identity: f.Reviewer})
	}
	if f.Approver == "" {
		return true, voice, nil
	}
	if r.State != governance.RequestPending {
		return false, voice, nil
	}
	parties, err := a.parties(ctx, tx, r, journal.Actor{Identity: f.Approver})
	if err != nil {
		return false, voice, err
	}
	voice, err = r.MayApprove(parties)
	return err == nil && r.Awaits(voice, tx.Now) == nil, voice, nil
}
