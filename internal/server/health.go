package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// alive says that the process answers. It looks at nothing else: a process that
// is restarted because its database is away comes back to the same database.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n")
}

// ready says whether requests belong here, and how each part is that they rest
// on.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	health := s.engine.Health(r.Context())
	answer := api.Readiness{Status: api.Ready, Checks: map[string]api.Check{}}
	var troubles []string
	for _, part := range health {
		answer.Checks[string(part.Part)] = api.Check{OK: part.Trouble == "", Detail: part.Trouble}
		if part.Trouble == "" {
			continue
		}
		answer.Status = api.Degraded
		troubles = append(troubles, fmt.Sprintf("%s: %s", part.Part, part.Trouble))
		if part.Err != nil {
			s.logger.Warn("not healthy", "part", part.Part, "request", exchangeOf(r.Context()).id, "error", part.Err)
		}
	}
	if health.Ready() {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	refusal := newRefusal(http.StatusServiceUnavailable, api.CodeUnavailable, "this server is not ready to work; %s", strings.Join(troubles, "; "))
	refusal.head(w)
	_ = json.NewEncoder(w).Encode(api.NotReady{Problem: *refusal.Problem, Checks: answer.Checks})
}
