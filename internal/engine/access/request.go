package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// RequestView is a request with the grants that came of it.
type RequestView struct {
	governance.Request
	Grants []governance.GrantID
	// OnBehalfOf is in whose place the approver that was filtered by would speak;
	// empty when they would speak for themselves.
	OnBehalfOf governance.IdentityID
}

// Request makes a request. A denied one is a result with its reasons, not an
// error: it is kept as evidence. A call that comes again is answered with the
// request that it made before, as that is now.
func (a *Access) Request(ctx context.Context, by journal.Actor, ask Ask) (RequestView, error) {
	var view RequestView
	var again bool
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		view = RequestView{}
		id := tx.NewID()
		made, err := tx.Once(ctx, id)
		if err != nil {
			return err
		}
		if again = made != id; again {
			before, err := getRequest(ctx, tx, governance.RequestID(made))
			if err == nil {
				view, err = viewOf(ctx, tx, before.Request)
			}
			return err
		}
		if err := tx.MayGrant(); err != nil {
			return err
		}
		person, err := declared.Person(ctx, tx, ask.Identity)
		if err != nil {
			return err
		}
		if person == nil {
			return fault.New(fault.NotFound, "no identity %q", ask.Identity)
		}
		event, err := findEvent(ctx, tx, ask.BusinessEvent)
		if err != nil {
			return err
		}
		eventID := governance.EventID("")
		if event != nil {
			eventID = event.ID
		}
		if err := a.hold(ctx, tx, person.Identity, ask.Template, eventID); err != nil {
			return err
		}
		set, question, _, err := a.question(ctx, tx, ask)
		if err != nil {
			return err
		}
		decision := set.Decide(question)
		request := governance.Request{
			ID: governance.RequestID(id), Template: ask.Template, Identity: ask.Identity, Makers: by.Makers, Entitlements: question.Entitlements,
			Account: ask.Account, BusinessEvent: eventID, Justification: ask.Justification, Extends: ask.Extends,
			BreakGlass: ask.BreakGlass,
		}
		var stages []governance.ApprovalStage
		if template := set.Templates[ask.Template]; template != nil {
			stages = template.Approval.Stages
			request = request.From(ask.NotBefore, *template, tx.Now)
		}
		request, approved := request.Open(decision, stages, tx.Now)
		if approved {
			request = request.Conclude(decision, tx.Now)
		}
		if approved && ask.BreakGlass {
			request = request.OweReview(*set.Templates[ask.Template].BreakGlass, question.Identity, question.Owner)
		}
		if err := insertRequest(ctx, tx, request); err != nil {
			return err
		}
		if err := recordRequest(tx, request, evidence.Fields{"justification": journal.Private(ask.Justification)}); err != nil {
			return err
		}
		view.Request = request
		if approved {
			view.Grants, err = a.carryOut(ctx, tx, set, question, request)
		}
		return err
	})
	if err == nil && ask.BreakGlass && !again {
		a.sayBroken(view)
	}
	return view, err
}

// carryOut does what a request that has just been granted is for: it extends its
// grant or makes new ones.
func (a *Access) carryOut(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, q governance.Question, r governance.Request) ([]governance.GrantID, error) {
	if r.Extends != "" {
		return []governance.GrantID{r.Extends}, extend(ctx, tx, q, r)
	}
	return a.schedule(ctx, tx, set, q, r)
}

// schedule makes the grants of a request that has just been granted.
func (a *Access) schedule(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, q governance.Question, r governance.Request) ([]governance.GrantID, error) {
	made := governance.Schedule(r, *set.Templates[r.Template], q.Event, basisOf(set, q), tx.Now, func() governance.GrantID { return governance.GrantID(tx.NewID()) })
	ids := make([]governance.GrantID, len(made))
	for i, g := range made {
		if err := grants.Add(ctx, tx, g, slices.Contains(r.Decision.Creates, g.Account)); err != nil {
			return nil, err
		}
		ids[i] = g.ID
	}
	return ids, nil
}

// recordRequest appends evidence of a request's latest transition, with the
// decision behind it.
func recordRequest(tx *journal.Tx, r governance.Request, fields evidence.Fields) error {
	if r.Review != nil {
		return recordBreakGlass(tx, r, fields)
	}
	return recordRequestAs(tx, "request."+string(r.State), r, fields)
}

func recordRequestAs(tx *journal.Tx, kind string, r governance.Request, fields evidence.Fields) error {
	reasons := make([]evidence.Fields, len(r.Decision.Reasons))
	for i, reason := range r.Decision.Reasons {
		reasons[i] = reasonFields(reason)
	}
	fields["identity"], fields["template"], fields["entitlements"] = r.Identity, r.Template, r.Entitlements
	fields["duration"], fields["decision"], fields["reasons"] = r.Duration, r.Decision.Effect, reasons
	if r.BusinessEvent != "" {
		fields["business_event"] = r.BusinessEvent
	}
	if r.Extends != "" {
		fields["extends"] = r.Extends
	}
	if r.NotBefore != nil {
		fields["not_before"] = *r.NotBefore
	}
	if r.BreakGlass {
		fields["break_glass"] = true
	}
	if r.State == governance.RequestPending {
		fields["stage"] = r.Stages[r.Stage].Name
	}
	return tx.Record(kind, "request", string(r.ID), fields)
}

func reasonFields(r governance.Reason) evidence.Fields {
	fields := evidence.Fields{"code": r.Code, "weight": r.Weight}
	for name, value := range map[string]string{"policy": string(r.Policy), "rule": string(r.Rule), "entitlement": string(r.Entitlement)} {
		if value != "" {
			fields[name] = value
		}
	}
	var parts []evidence.Fields
	for _, part := range r.Parts {
		values := evidence.Fields{}
		for name, value := range part.Values {
			values[name] = evidence.Private(value)
		}
		parts = append(parts, evidence.Fields{"line": part.Line, "column": part.Column, "text": part.Text, "outcome": part.Outcome, "values": values})
	}
	if len(parts) > 0 {
		fields["parts"] = parts
	}
	if r.Violation != nil {
		var touches []evidence.Fields
		for _, t := range r.Violation.Touches {
			touches = append(touches, evidence.Fields{"duty": t.Duty, "identity": t.Holding.Identity, "account": t.Holding.Account, "path": t.Path, "requested": t.Requested})
		}
		fields["touches"] = touches
	}
	return fields
}

func insertRequest(ctx context.Context, tx *journal.Tx, r governance.Request) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode request %s: %w", r.ID, err)
	}
	if err := tx.InsertRequest(ctx, sqlc.InsertRequestParams{
		ID: string(r.ID), IdentityID: string(r.Identity), TemplateID: string(r.Template), EventID: string(r.BusinessEvent),
		State: string(r.State), Deadline: store.NullMicros(r.DueAt()), ExtendsID: string(r.Extends), Review: string(r.ReviewState()), Body: string(body),
	}); err != nil {
		return fmt.Errorf("add request %s: %w", r.ID, err)
	}
	return nil
}

// storedRequest is a request with the text it was read from.
type storedRequest struct {
	governance.Request
	was string
}

func getRequest(ctx context.Context, tx *journal.Tx, id governance.RequestID) (storedRequest, error) {
	body, err := tx.GetRequest(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return storedRequest{}, fault.New(fault.NotFound, "no request %q", id)
	}
	if err != nil {
		return storedRequest{}, fmt.Errorf("read request %s: %w", id, err)
	}
	return decodeRequest(body)
}

func decodeRequest(body string) (storedRequest, error) {
	r := storedRequest{was: body}
	if err := json.Unmarshal([]byte(body), &r.Request); err != nil {
		return r, fmt.Errorf("stored request: %w", err)
	}
	return r, nil
}

func updateRequest(ctx context.Context, tx *journal.Tx, was storedRequest, r governance.Request) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode request %s: %w", r.ID, err)
	}
	n, err := tx.UpdateRequest(ctx, sqlc.UpdateRequestParams{
		ID: string(r.ID), State: string(r.State), Deadline: store.NullMicros(r.DueAt()), Review: string(r.ReviewState()), Body: string(body), Was: was.was,
	})
	if err != nil {
		return fmt.Errorf("update request %s: %w", r.ID, err)
	}
	if n != 1 {
		return fault.New(fault.Conflict, "request %s changed at the same moment; try again", r.ID)
	}
	return nil
}
