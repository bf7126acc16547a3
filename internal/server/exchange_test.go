package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

func observed(t *testing.T, header http.Header, handler http.HandlerFunc) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	s := &Server{now: time.Now, logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Debug})}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/requests?q=querytext", strings.NewReader("bodytext"))
	request.Header = header
	answer := httptest.NewRecorder()
	s.observe(handler).ServeHTTP(answer, request)
	return answer, log.String()
}

func TestPanicIsAnsweredAsAProblem(t *testing.T) {
	answer, log := observed(t, http.Header{"X-Request-Id": {"r-7"}}, func(http.ResponseWriter, *http.Request) { panic("hunter2") })
	var problem api.Problem
	if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	if answer.Code != http.StatusInternalServerError || problem.Code != api.CodeInternal || !strings.Contains(problem.Detail, "r-7") || strings.Contains(problem.Detail, "hunter2") {
		t.Errorf("%d %+v", answer.Code, problem)
	}
	if !strings.Contains(log, "hunter2") || !strings.Contains(log, "exchange_test.go") {
		t.Errorf("the log does not tell where it came from: %s", log)
	}
}

func TestLogTellsNeitherTokenNorQueryNorBody(t *testing.T) {
	_, log := observed(t, http.Header{"Authorization": {"Bearer tokentext"}}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, private := range []string{"tokentext", "querytext", "bodytext"} {
		if strings.Contains(log, private) {
			t.Errorf("%s is in the log: %s", private, log)
		}
	}
	if !strings.Contains(log, "/v1/requests") || !strings.Contains(log, "418") {
		t.Errorf("the request is not in the log: %s", log)
	}
}

func TestRequestIDIsTheCallersWhenItIsSane(t *testing.T) {
	for given, kept := range map[string]bool{"trace-1.a_B": true, "": false, "a\nb": false, strings.Repeat("x", 65): false} {
		answer, _ := observed(t, http.Header{"X-Request-Id": {given}}, func(http.ResponseWriter, *http.Request) {})
		if got := answer.Header().Get("X-Request-Id"); got == "" || (got == given) != kept {
			t.Errorf("%q became %q", given, got)
		}
	}
}
