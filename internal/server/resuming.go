package server

import (
	"context"
	"net/http"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

type (
	clockResetInput  struct{ Body api.ClockResetInput }
	clockResetOutput struct{ Body api.ClockReset }
	resumeInput      struct{ Body api.ResumeInput }
	resumedOutput    struct{ Body api.Resumed }
)

// addResuming registers what lets granting go on after it was stopped: time that is
// put right, and an older state that is accepted.
func (s *Server) addResuming(r *router) {
	add(r, operation{
		id: "reset-clock", method: http.MethodPost, path: "/v1/clock/reset", tag: "operations",
		summary: "Take back a time that was seen and never was, so that granting goes on; no grant gains time",
	}, func(ctx context.Context, who caller, input *clockResetInput) (*clockResetOutput, error) {
		reset, err := s.engine.Access.ResetClock(ctx, who.actor, input.Body.Reason)
		if err != nil {
			return nil, err
		}
		return &clockResetOutput{Body: api.ClockReset{From: reset.From, To: reset.To}}, nil
	})
	add(r, operation{
		id: "resume", method: http.MethodPost, path: "/v1/resume", tag: "operations",
		summary: "Accept a state that comes from a backup, or from a standby that was behind, so that granting goes on",
	}, func(ctx context.Context, who caller, input *resumeInput) (*resumedOutput, error) {
		done, err := s.engine.Recovery.Resume(ctx, who.actor, input.Body.Reason)
		if err != nil {
			return nil, err
		}
		return &resumedOutput{Body: api.Resumed{AsOf: done.AsOf, EvidenceKey: done.EvidenceKey, FormerLog: done.Former, Lost: done.Lost}}, nil
	})
}
