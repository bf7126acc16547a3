package grant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// holder takes and gives back rights in the name of the provider's token.
type holder struct {
	client *client.Client
	// timeout bounds each wait for the target.
	timeout time.Duration
}

// request asks first what would become of it, so that nothing is left behind
// that waits for an approver.
func (h holder) request(ctx context.Context, input api.RequestInput) (api.Request, diag.Diagnostic) {
	decision, err := h.client.Decide(ctx, api.DecisionInput{RequestInput: input})
	if err != nil {
		return api.Request{}, diag.NewErrorDiagnostic("The right was not requested", fwconv.Sentence(err.Error()))
	}
	if decision.Effect != governance.Allow {
		return api.Request{}, refusal(string(input.Template), decision)
	}
	request, err := h.client.Request(ctx, input)
	if err != nil {
		return request, diag.NewErrorDiagnostic("The right was not requested", fwconv.Sentence(err.Error()))
	}
	switch request.State {
	case governance.RequestGranted:
		return request, nil
	case governance.RequestPending:
		// The policy changed since it was asked.
		_, err := h.client.Withdraw(ctx, request.ID)
		return request, diag.NewErrorDiagnostic("The request needs an approval", fwconv.Sentence(errors.Join(errors.New("it was withdrawn: a run does not wait for people"), err).Error()))
	}
	return request, refusal(string(input.Template), api.ExplainedDecision{Decision: request.Decision})
}

// activate waits until the target has every one of the grants.
func (h holder) activate(ctx context.Context, ids []governance.GrantID) ([]api.Grant, error) {
	held := make([]api.Grant, len(ids))
	return held, h.await(ctx, func(ctx context.Context) (pending string, err error) {
		for i, id := range ids {
			if held[i], err = h.client.GetGrant(ctx, id); err != nil {
				return "", err
			}
			switch g := held[i]; g.State {
			case governance.GrantActive:
			case governance.GrantScheduled, governance.GrantProvisioning:
				return fmt.Sprintf("%s does not have %s yet (%s)", g.Account, g.Entitlement, reasonOr(g.LastError, string(g.State))), nil
			default:
				return "", fmt.Errorf("the grant of %s to %s is %s: %s", g.Entitlement, g.Account, g.State, reasonOr(g.EndDetail, string(g.EndReason)))
			}
		}
		return "", nil
	})
}

// extend asks for the first span once more, and says when the first of the grants
// ends then.
func (h holder) extend(ctx context.Context, kept custody) (ends time.Time, err error) {
	held := make([]api.Grant, len(kept.Grants))
	for i, id := range kept.Grants {
		request, err := h.client.Extend(ctx, id, api.ExtendInput{Duration: &kept.Span, Justification: kept.Justification})
		if err != nil {
			return ends, fmt.Errorf("extend grant %s: %w", id, err)
		}
		if held[i], err = h.client.GetGrant(ctx, id); err != nil {
			return ends, fmt.Errorf("read grant %s: %w", id, err)
		}
		switch request.State {
		case governance.RequestGranted:
		case governance.RequestPending:
			_, err := h.client.Withdraw(ctx, request.ID)
			return ends, errors.Join(fmt.Errorf("the extension needs an approval, which a run does not wait for; the right ends at %s", held[i].NotAfter.UTC().Format(time.RFC3339)), err)
		default:
			return ends, fmt.Errorf("the right ends at %s: %s", held[i].NotAfter.UTC().Format(time.RFC3339), messages(request.Decision))
		}
	}
	return earliestEnd(held), nil
}

func messages(d governance.Decision) string {
	var texts []string
	for _, r := range d.Denials() {
		texts = append(texts, r.Message)
	}
	return strings.Join(texts, "; ")
}

// giveBack returns what is not over, and waits until the target was read and the
// rights are gone.
func (h holder) giveBack(ctx context.Context, ids []governance.GrantID) error {
	for _, id := range ids {
		if _, err := h.client.Return(ctx, id, "the Terraform run is over"); err != nil {
			if g, readErr := h.client.GetGrant(ctx, id); readErr != nil || g.State.Live() && g.State != governance.GrantRevoking {
				return fmt.Errorf("return grant %s, which ends by itself when its time is over: %w", id, err)
			}
		}
	}
	return h.await(ctx, func(ctx context.Context) (string, error) {
		var standing []string
		for _, id := range ids {
			g, err := h.client.GetGrant(ctx, id)
			if err != nil {
				return "", err
			}
			if g.State.Live() {
				standing = append(standing, fmt.Sprintf("%s of %s is being taken back (%s); the server goes on trying", g.Entitlement, g.Account, reasonOr(g.LastError, string(g.State))))
			}
		}
		return strings.Join(standing, "; "), nil
	})
}

func reasonOr(reason, state string) string {
	if reason == "" {
		return state
	}
	return reason
}

// askEvery is how often the server is asked while the target is waited for.
const askEvery = 200 * time.Millisecond

// await looks until nothing is pending, or says what is when the time is over.
func (h holder) await(ctx context.Context, look func(context.Context) (pending string, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	again := time.NewTicker(askEvery)
	defer again.Stop()
	pending := ""
	for {
		now, err := look(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("waited %s in vain: %s", h.timeout, reasonOr(pending, "the server did not answer"))
		}
		if err != nil || now == "" {
			return err
		}
		pending = now
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}
