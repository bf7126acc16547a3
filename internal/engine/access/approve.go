package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Approve adds the caller's approval. The last one needed has the request
// decided again: it is granted, or invalidated when it no longer holds.
func (a *Access) Approve(ctx context.Context, by journal.Actor, id governance.RequestID, comment string) (RequestView, error) {
	var view RequestView
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		view = RequestView{}
		was, voice, err := a.forVerdict(ctx, tx, by, id)
		if err != nil {
			return err
		}
		stage := was.Stages[was.Stage].Name
		request, done, err := was.Approve(voice, comment, tx.Now)
		if err != nil {
			return err
		}
		fields := voiceFields(voice, comment)
		fields["approved_stage"] = stage
		if !done {
			view.Request = request
			return errors.Join(updateRequest(ctx, tx, was, request), recordRequest(tx, request, fields))
		}
		if err := tx.MayGrant(); err != nil {
			return err
		}
		set, question, _, err := a.question(ctx, tx, askOf(request))
		if err != nil {
			return err
		}
		decision := set.Decide(question)
		request = request.Conclude(decision, tx.Now)
		if err := updateRequest(ctx, tx, was, request); err != nil {
			return err
		}
		if err := recordRequest(tx, request, fields); err != nil {
			return err
		}
		view.Request = request
		if request.State == governance.RequestGranted {
			view.Grants, err = a.carryOut(ctx, tx, set, question, request)
		}
		return err
	})
	return view, err
}

// Reject ends the request by an approver's word.
func (a *Access) Reject(ctx context.Context, by journal.Actor, id governance.RequestID, comment string) (RequestView, error) {
	var view RequestView
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		was, voice, err := a.forVerdict(ctx, tx, by, id)
		if err != nil {
			return err
		}
		request, err := was.Reject(voice, comment, tx.Now)
		if err != nil {
			return err
		}
		view = RequestView{Request: request}
		if err := updateRequest(ctx, tx, was, request); err != nil {
			return err
		}
		return recordRequest(tx, request, voiceFields(voice, comment))
	})
	return view, err
}

// Withdraw ends a pending request by its requester's wish.
func (a *Access) Withdraw(ctx context.Context, by journal.Actor, id governance.RequestID) (RequestView, error) {
	var view RequestView
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		if _, err := tx.HoldRequest(ctx, string(id)); err != nil {
			return fmt.Errorf("hold request %s: %w", id, err)
		}
		was, err := getRequest(ctx, tx, id)
		if err != nil {
			return err
		}
		if was.Identity != by.Identity {
			return fault.New(fault.Forbidden, "request %s was made by %s; only they withdraw it", id, was.Identity)
		}
		request, err := was.Withdraw(tx.Now)
		if err != nil {
			return err
		}
		view = RequestView{Request: request}
		if err := updateRequest(ctx, tx, was, request); err != nil {
			return err
		}
		return recordRequest(tx, request, evidence.Fields{})
	})
	return view, err
}

func voiceFields(voice governance.Voice, comment string) evidence.Fields {
	fields := evidence.Fields{"approver": voice.Approver, "comment": journal.Private(comment)}
	if voice.OnBehalfOf != "" {
		fields["on_behalf_of"] = voice.OnBehalfOf
	}
	return fields
}

// forVerdict reads a request that the caller may speak on, and in whose place,
// with its actor held until the transaction ends.
func (a *Access) forVerdict(ctx context.Context, tx *journal.Tx, by journal.Actor, id governance.RequestID) (storedRequest, governance.Voice, error) {
	was, err := pendingRequest(ctx, tx, id)
	if err != nil {
		return was, governance.Voice{}, err
	}
	parties, err := a.parties(ctx, tx, was.Request, by)
	if err != nil {
		return was, governance.Voice{}, err
	}
	if _, err := was.MayApprove(parties); err != nil {
		return was, governance.Voice{}, err
	}
	if err := a.hold(ctx, tx, parties.Requester.Identity, was.Template, was.BusinessEvent); err != nil {
		return was, governance.Voice{}, err
	}
	// Read again: the hold waited for whoever else was deciding.
	if was, err = pendingRequest(ctx, tx, id); err != nil {
		return was, governance.Voice{}, err
	}
	voice, err := was.MayApprove(parties)
	return was, voice, err
}

func pendingRequest(ctx context.Context, tx *journal.Tx, id governance.RequestID) (storedRequest, error) {
	was, err := getRequest(ctx, tx, id)
	if err == nil && was.State != governance.RequestPending {
		err = &governance.TransitionError{Object: "request", ID: string(id), State: string(was.State), Verb: "decide on"}
	}
	return was, err
}

func (a *Access) parties(ctx context.Context, tx *journal.Tx, r governance.Request, by journal.Actor) (governance.Parties, error) {
	p := governance.Parties{Makers: by.Makers, Now: tx.Now}
	approver := by.Identity
	requester, err := declared.Person(ctx, tx, r.Identity)
	if err != nil {
		return p, err
	}
	switch {
	case requester != nil:
		p.Requester = *requester
	case r.Review != nil:
		p.Requester, p.RequesterOwner = r.RequesterThen()
	default:
		return p, fault.New(fault.Conflict, "requester %s is no longer declared", r.Identity)
	}
	if requester != nil && requester.Owner != "" {
		if p.RequesterOwner, err = declared.Person(ctx, tx, requester.Owner); err != nil {
			return p, err
		}
	}
	set, err := a.Declared.Set(ctx, tx)
	if err != nil {
		return p, err
	}
	for _, id := range r.Entitlements {
		owner := governance.IdentityID("")
		if e := set.Entitlements[id]; e != nil {
			owner = e.Owner
		}
		p.EntitlementOwners = append(p.EntitlementOwners, owner)
	}
	event, err := eventOf(ctx, tx, r.BusinessEvent)
	if err != nil {
		return p, err
	}
	p.Meets = set.ApproverTest(r, p.Requester, event, tx.Now)
	row, err := tx.GetIdentity(ctx, string(approver))
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.New(fault.Forbidden, "identity %s is no longer declared", approver)
	}
	if err != nil {
		return p, fmt.Errorf("read identity %s: %w", approver, err)
	}
	person, err := declared.PersonFrom(row)
	if err != nil {
		return p, err
	}
	p.Approver, p.Bootstrap = *person, row.Bootstrap
	p.Delegators, err = delegators(ctx, tx, set, r.Template, approver)
	return p, err
}

// eventOf reads the event that a request names; nil when it names none.
func eventOf(ctx context.Context, tx *journal.Tx, id governance.EventID) (*governance.OpenEvent, error) {
	if id == "" {
		return nil, nil
	}
	row, err := tx.GetEvent(ctx, string(id))
	if err != nil {
		return nil, fmt.Errorf("read business event %s: %w", id, err)
	}
	return declared.EventFrom(row)
}

// delegators are those who have delegated to the approver what they may approve
// of requests through the template, as far as the delegations are in force now.
func delegators(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, template governance.TemplateID, approver governance.IdentityID) ([]governance.Person, error) {
	var people []governance.Person
	for _, id := range set.Delegators(approver, template, tx.Now) {
		person, err := declared.Person(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if person != nil {
			people = append(people, *person)
		}
	}
	return people, nil
}

// askOf is the question that a request asked.
func askOf(r governance.Request) Ask {
	duration := r.Duration
	return Ask{
		Identity: r.Identity, Template: r.Template, Entitlements: r.Entitlements, Account: r.Account,
		BusinessEvent: string(r.BusinessEvent), Duration: &duration, Justification: r.Justification,
		NotBefore: r.NotBefore, Extends: r.Extends, BreakGlass: r.BreakGlass,
	}
}
