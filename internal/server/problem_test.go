package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestEveryRefusalOfTheEngineHasItsStatus(t *testing.T) {
	s := &Server{logger: hclog.NewNullLogger()}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		ctx    context.Context
		err    error
		status int
		code   string
	}{
		{t.Context(), fault.New(fault.Invalid, "x"), 422, api.CodeInvalid},
		{t.Context(), fault.New(fault.NotFound, "x"), 404, api.CodeNotFound},
		{t.Context(), fault.New(fault.Conflict, "x"), 409, api.CodeConflict},
		{t.Context(), fault.New(fault.InUse, "x"), 409, api.CodeInUse},
		{t.Context(), fault.New(fault.ListChanged, "x"), 409, api.CodeListChanged},
		{t.Context(), fault.New(fault.AlreadyExists, "x"), 412, api.CodeAlreadyExists},
		{t.Context(), fault.New(fault.VersionMismatch, "x"), 412, api.CodeVersionMismatch},
		{t.Context(), fault.New(fault.Forbidden, "x"), 403, api.CodeForbidden},
		{t.Context(), fault.New(fault.Unauthenticated, "x"), 401, api.CodeUnauthenticated},
		{t.Context(), fmt.Errorf("read: %w", fault.New(fault.TargetFailed, "x")), 502, api.CodeTargetFailed},
		{t.Context(), fault.New(fault.Unavailable, "x"), 503, api.CodeUnavailable},
		{t.Context(), fmt.Errorf("approve: %w", governance.ErrNotApprover), 403, api.CodeForbidden},
		{t.Context(), &governance.TransitionError{Object: "request"}, 409, api.CodeConflict},
		{cancelled, context.Canceled, 503, api.CodeUnavailable},
		{t.Context(), fault.New("new", "x"), 500, api.CodeInternal},
	} {
		if got := s.refuse(tc.ctx, tc.err); got.Status != tc.status || got.Code != tc.code || got.Title != http.StatusText(tc.status) {
			t.Errorf("%v: %+v, want %d %s", tc.err, got.Problem, tc.status, tc.code)
		}
	}
}

func TestProblemsOfAnObjectReachTheCaller(t *testing.T) {
	s := &Server{logger: hclog.NewNullLogger()}
	problems := governance.Problems{{Field: `duties["create"].entitlements[0]`, Code: governance.CodeUnknownReference, Message: "no such entitlement"}}
	got := s.refuse(t.Context(), fault.FromProblems("sod rule", problems))
	if diff := cmp.Diff([]governance.Problem(problems), got.Errors); diff != "" {
		t.Error(diff)
	}
}

func TestInnerErrorIsLoggedAndNotTold(t *testing.T) {
	var log bytes.Buffer
	s := &Server{logger: hclog.New(&hclog.LoggerOptions{Output: &log})}
	ctx := context.WithValue(t.Context(), exchangeKey{}, &exchange{id: "r-1"})
	got := s.refuse(ctx, errors.New("password=hunter2 at 10.0.0.7"))
	if strings.Contains(got.Detail, "hunter2") || !strings.Contains(got.Detail, "r-1") {
		t.Errorf("told: %s", got.Detail)
	}
	if !strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "r-1") {
		t.Errorf("logged: %s", log.String())
	}
}

func TestSchemaErrorsBecomeProblemsWithTheirField(t *testing.T) {
	model := &huma.ErrorModel{Status: 422, Detail: "validation failed", Errors: []*huma.ErrorDetail{
		{Location: "body.duration.default", Message: "expected string", Value: "secret"},
		{Location: "body", Message: "expected required property name to be present"},
		{Location: "body.approval.stages[0]", Message: "expected required property quorum to be present"},
		{Location: "body.colour", Message: "unexpected property"},
		{Location: "query.limit", Message: "expected number <= 10000"},
		{Location: "body", Message: "expected object"},
	}}
	want := []governance.Problem{
		{Field: "duration.default", Code: "invalid", Message: "expected string"},
		{Field: "name", Code: "required", Message: "is required"},
		{Field: "approval.stages[0].quorum", Code: "required", Message: "is required"},
		{Field: "colour", Code: "invalid", Message: "unexpected property"},
		{Field: "limit", Code: "invalid", Message: "expected number <= 10000"},
		{Field: "body", Code: "invalid", Message: "expected object"},
	}
	got := fromModel(model)
	if diff := cmp.Diff(want, got.Errors); diff != "" || got.Code != api.CodeInvalid {
		t.Errorf("%s %s", got.Code, diff)
	}
	if strings.Contains(got.Detail, "secret") || !strings.Contains(got.Detail, "colour: unexpected property") {
		t.Error(got.Detail)
	}
}
