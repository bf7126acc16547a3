package access

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Redecide asks a granted request's question again, for one of its grants that
// is about to be activated. refused is empty when the grant may be given; an
// approval that is demanded now and that nobody gave refuses it as well.
func (a *Access) Redecide(ctx context.Context, tx *journal.Tx, g governance.Grant) (refused string, err error) {
	set, question, request, err := a.anew(ctx, tx, g)
	if err != nil {
		return "", err
	}
	return set.Withheld(question, len(request.Approvals) > 0), nil
}

// anew is the question behind a grant, as it would be asked now.
func (a *Access) anew(ctx context.Context, tx *journal.Tx, g governance.Grant) (*governance.PolicySet, governance.Question, governance.Request, error) {
	request, err := getRequest(ctx, tx, g.Request)
	if err != nil {
		return nil, governance.Question{}, governance.Request{}, err
	}
	ask := askOf(request.Request)
	ask.Entitlements, ask.Account = []governance.EntitlementID{g.Entitlement}, g.Account
	ask.NotBefore, ask.admitted, ask.onMade = &g.NotBefore, true, g.MadeAccount != ""
	set, question, has, err := a.question(ctx, tx, ask)
	if err != nil {
		return nil, question, request.Request, err
	}
	// What counts as held next to a grant leaves out what the grant itself gave.
	question.Held = governance.Beside(g, question.Held, has.live, has.implied)
	return set, question, request.Request, nil
}

// redecideMarked decides marked grants again, many in a transaction. One that
// fails does not hold up another, and stays marked.
func (a *Access) redecideMarked(ctx context.Context, ids []string) error {
	slices.Sort(ids) // the oldest first: of two in conflict the newer one goes
	var errs []error
	for some := range slices.Chunk(ids, batch) {
		err := a.redecideTogether(ctx, some)
		if err == nil || len(some) == 1 {
			errs = append(errs, err)
			continue
		}
		for _, id := range some {
			errs = append(errs, a.redecideTogether(ctx, []string{id}))
		}
	}
	return errors.Join(errs...)
}

func (a *Access) redecideTogether(ctx context.Context, ids []string) error {
	return a.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		var on grants.Reliance
		for _, id := range ids {
			g, err := grants.Get(ctx, tx, governance.GrantID(id))
			if err != nil {
				return err
			}
			on.Identities, on.Templates, on.Events = append(on.Identities, g.Identity), append(on.Templates, g.Template), append(on.Events, g.BusinessEvent)
		}
		if err := on.Share(ctx, tx); err != nil {
			return err
		}
		// Whoever was waited for may have changed what is declared.
		if err := tx.RereadRevision(); err != nil {
			return err
		}
		for _, id := range ids {
			if err := a.redecide(ctx, tx, governance.GrantID(id)); err != nil {
				return fmt.Errorf("decide grant %s again: %w", id, err)
			}
		}
		return nil
	})
}

// redecide decides one marked grant again and takes the mark away.
func (a *Access) redecide(ctx context.Context, tx *journal.Tx, id governance.GrantID) error {
	if n, err := tx.UnmarkGrant(ctx, string(id)); err != nil || n == 0 {
		return err // another process was faster
	}
	g, err := grants.Get(ctx, tx, id)
	if _, goesOn := g.DueAt(); err != nil || !goesOn {
		return err
	}
	set, question, request, err := a.anew(ctx, tx, g.Grant)
	if err != nil {
		return err
	}
	template := set.Templates[g.Template]
	if template == nil {
		template = &governance.GrantTemplate{}
	}
	denial := set.Redecide(question, len(request.Approvals) > 0)
	judged, came := g.Reconsider(denial, *template, tx.Now)
	if came == governance.MustEnd {
		_, err := grants.End(ctx, tx, g, grants.Cause{Reason: denial.EndReason(), Detail: denial.Why})
		return err
	}
	judged.Basis = basisOf(set, question)
	if _, err := grants.Update(ctx, tx, g, judged); err != nil || came == governance.StaysAsItIs {
		return err
	}
	if err := tx.MarkFindingsDue(ctx, string(g.Application)); err != nil {
		return err
	}
	fields := evidence.Fields{}
	if denial != nil {
		reasons := make([]evidence.Fields, len(denial.Reasons))
		for i, reason := range denial.Reasons {
			reasons[i] = reasonFields(reason)
		}
		fields["why"], fields["reasons"], fields["since"] = journal.Private(denial.Why), reasons, judged.Ineligible.Since
		if judged.Ineligible.EndsAt != nil {
			fields["ends_at"] = *judged.Ineligible.EndsAt
		}
	}
	return grants.Record(tx, "grant."+string(came), judged, fields)
}

func basisOf(set *governance.PolicySet, q governance.Question) governance.Basis {
	basis := governance.Basis{Revision: set.Revision, IdentityVersion: q.Identity.Version}
	if q.Event != nil {
		basis.EventVersion = q.Event.Version
	}
	return basis
}
