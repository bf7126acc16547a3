package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/eventsource"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// hook takes one delivery of an event source. It is no operation of the API: the
// delivery's signature stands in the place of a token, and what a body holds is
// the sender's.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		newRefusal(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "the body is larger than %d bytes", maxBody).write(w)
		return
	case err != nil:
		newRefusal(http.StatusBadRequest, api.CodeInvalid, "the body was broken off").write(w)
		return
	}
	answer, err := s.engine.EventSources.Receive(r.Context(), eventsource.Delivery{
		Source: governance.EventSourceID(r.PathValue("source")), Header: r.Header.Get, Body: body,
	})
	if err != nil {
		s.refuse(r.Context(), err).write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
