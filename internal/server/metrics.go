package server

import (
	"net/http"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// metrics answers Prometheus, whole or with an error. What applications there are
// and how they fare is not for everybody: it takes a token.
func (s *Server) metrics() http.HandlerFunc {
	may := rule{roles: []api.Role{api.RoleMonitor, api.RoleAdmin, api.RoleAuditor}}
	handler := promhttp.HandlerFor(s.engine.Metrics, promhttp.HandlerOpts{
		ErrorHandling: promhttp.HTTPErrorOnError,
		ErrorLog:      s.logger.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Error}),
	})
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := s.authenticate(r, s.engine.Tokens.Authenticate)
		if err != nil {
			s.refuse(r.Context(), err).write(w)
			return
		}
		exchangeOf(r.Context()).identity = who.identity()
		if !may.admits(who.roles) {
			newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may not read metrics%s", who.identity(), demand(may)).write(w)
			return
		}
		handler.ServeHTTP(w, r)
	}
}
