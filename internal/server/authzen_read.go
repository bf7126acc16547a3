package server

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/authorization"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func malformed(format string, args ...any) *refusal {
	return newRefusal(http.StatusBadRequest, api.CodeMalformed, format, args...)
}

// readJSON reads a body that somebody else's client wrote: member names count
// exactly, one that is not known is ignored, one that comes twice is refused
// because no two readers agree on it. The refusal does not repeat values.
func readJSON(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var wrong *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return malformed("%s must be %s", memberOf(wrong.JSONPointer), wanted(wrong.GoType))
	case errors.Is(err, jsontext.ErrDuplicateName):
		return malformed("the body has a member twice")
	}
	return malformed("the body is not JSON")
}

func memberOf(pointer jsontext.Pointer) string {
	if pointer == "" {
		return "the body"
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(pointer), "/"), "/", ".")
}

func wanted(t reflect.Type) string {
	switch {
	case t == nil:
		return "something else"
	case t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Int64:
		return "a whole number"
	case t.Kind() == reflect.Slice:
		return "an array"
	}
	return "an object"
}

// needs collects which required members are missing.
type needs []string

func (n *needs) text(member string, value *string) string {
	if value == nil {
		*n = append(*n, member)
		return ""
	}
	return *value
}

func (n *needs) entity(member string, e *api.AuthZENEntity, needsID bool) (kind, id string) {
	if e == nil {
		*n = append(*n, member)
		return "", ""
	}
	kind = n.text(member+".type", e.Type)
	if needsID {
		id = n.text(member+".id", e.ID)
	}
	return kind, id
}

func (n *needs) action(a *api.AuthZENAction) string {
	if a == nil {
		*n = append(*n, "action")
		return ""
	}
	return n.text("action.name", a.Name)
}

func (n needs) refusal() error {
	switch len(n) {
	case 0:
		return nil
	case 1:
		return malformed("%s is required", n[0])
	}
	return malformed("%s are required", strings.Join(n, ", "))
}

// sought is the member that a search looks for and therefore does not demand.
type sought int

const (
	noneSought sought = iota
	subjectSought
	resourceSought
	actionSought
)

// questionOf reads one question; what is searched for is left empty.
func questionOf(e *api.AuthZENEvaluation, seeks sought) (authorization.Question, error) {
	var q authorization.Question
	var missing needs
	kind, id := missing.entity("subject", e.Subject, seeks != subjectSought)
	q.Subject = authorization.Subject{Type: kind, ID: governance.IdentityID(id)}
	if seeks != actionSought {
		q.Action = missing.action(e.Action)
	}
	kind, id = missing.entity("resource", e.Resource, seeks != resourceSought)
	q.Resource = authorization.Resource{Type: kind, ID: governance.EntitlementID(id)}
	if err := missing.refusal(); err != nil {
		return q, err
	}
	if e.Context == nil || seeks != actionSought && q.Action != authorization.Request {
		return q, nil
	}
	var err error
	q.Given, err = givenBy(e.Context)
	return q, err
}

// givenBy reads what the context tells of a request.
func givenBy(c *api.AuthZENContext) (authorization.Given, error) {
	var given authorization.Given
	var template, duration, notBefore string
	for _, member := range []struct {
		name  string
		value any
		into  *string
	}{
		{"template", c.Template, &template}, {"duration", c.Duration, &duration}, {"not_before", c.NotBefore, &notBefore},
		{"justification", c.Justification, &given.Justification}, {"business_event", c.BusinessEvent, &given.BusinessEvent},
	} {
		text, is := member.value.(string)
		if member.value != nil && !is {
			return given, malformed("context.%s must be a string", member.name)
		}
		*member.into = text
	}
	broken, is := c.BreakGlass.(bool)
	if c.BreakGlass != nil && !is {
		return given, malformed("context.break_glass must be a boolean")
	}
	given.Template, given.BreakGlass = governance.TemplateID(template), broken
	if notBefore != "" {
		begins, err := time.Parse(time.RFC3339, notBefore)
		if err != nil {
			return given, malformed("context.not_before must be a time like 2026-03-10T17:30:00Z")
		}
		given.NotBefore = &begins
	}
	if duration == "" {
		return given, nil
	}
	given.Duration = new(governance.Duration)
	if err := given.Duration.UnmarshalText([]byte(duration)); err != nil {
		return given, malformed("context.duration: %s", err)
	}
	return given, nil
}

// withDefaults fills in what an evaluation of a batch leaves out: whole members,
// and of a member that it gives the parts that one must have.
func withDefaults(e, defaults api.AuthZENEvaluation) api.AuthZENEvaluation {
	e.Subject, e.Resource = entityWithDefaults(e.Subject, defaults.Subject), entityWithDefaults(e.Resource, defaults.Resource)
	if e.Action == nil || e.Action.Name == nil && defaults.Action != nil {
		e.Action = defaults.Action
	}
	if e.Context == nil {
		e.Context = defaults.Context
	}
	return e
}

func entityWithDefaults(e, defaults *api.AuthZENEntity) *api.AuthZENEntity {
	if e == nil || defaults == nil {
		return firstOf(e, defaults)
	}
	return &api.AuthZENEntity{Type: firstOf(e.Type, defaults.Type), ID: firstOf(e.ID, defaults.ID)}
}

func firstOf[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// batch is [api.AuthZENEvaluations] with evaluations of which each may be
// wrong by itself.
type batch struct {
	api.AuthZENEvaluation
	Evaluations []jsontext.Value    `json:"evaluations"`
	Options     *api.AuthZENOptions `json:"options"`
}

func (b *batch) semantic() (string, error) {
	if b.Options == nil || b.Options.EvaluationsSemantic == nil {
		return api.AuthZENExecuteAll, nil
	}
	switch semantic := *b.Options.EvaluationsSemantic; semantic {
	case api.AuthZENExecuteAll, api.AuthZENDenyOnFirstDeny, api.AuthZENPermitOnFirstPermit:
		return semantic, nil
	}
	return "", malformed("options.evaluations_semantic must be %s, %s or %s", api.AuthZENExecuteAll, api.AuthZENDenyOnFirstDeny, api.AuthZENPermitOnFirstPermit)
}

// evaluation reads the n-th one with the defaults.
func (b *batch) evaluation(n int) (api.AuthZENEvaluation, error) {
	var e api.AuthZENEvaluation
	if b.Evaluations[n].Kind() != '{' {
		return e, malformed("evaluations.%d must be an object", n)
	}
	err := readJSON(b.Evaluations[n], &e)
	return withDefaults(e, b.AuthZENEvaluation), err
}
