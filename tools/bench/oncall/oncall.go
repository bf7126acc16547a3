// Package oncall holds one realistic condition, "the on-call team may have this
// for up to four hours while a severe incident is open", decided by Stint and by
// others. Each says it in its own words and as fast as it can.
package oncall

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// Condition is the condition as Stint's authors write it.
const Condition = `identity.type == "human"
  && contains(identity.groups, "sre-oncall")
  && event != null && event.kind == "incident" && event.severity != null && event.severity <= 2
  && request.duration <= duration("4h")`

// longest is the bound of the condition for those who count.
const longest = 4 * time.Hour

// Engine decides the condition in one way.
type Engine struct {
	Name string
	// Ready puts a question into the engine's own form, once, and returns what
	// decides it any number of times. Nil when the engine has no such form.
	Ready func(*policyenv.Input) func() (bool, error)
	// Filled decides a question of this program, conversion included.
	Filled func(*policyenv.Input) (bool, error)
}

// Engines are all of them: Stint first, then the closure tree, which is the
// limit, then the others.
func Engines() ([]Engine, error) {
	engines := []Engine{}
	for _, build := range []func() (Engine, error){stint, closures, celGo, cedarGo, opa, hclValue, straight} {
		engine, err := build()
		if err != nil {
			return nil, err
		}
		engines = append(engines, engine)
	}
	return engines, nil
}

// Question is a request that the condition holds for.
func Question() *policyenv.Input {
	severity := int64(2)
	return &policyenv.Input{
		Identity: policyenv.Identity{
			ID: "alice", Name: "alice", Type: "human", Manager: "carol",
			Groups: []string{"staff", "payments", "sre-oncall"}, Status: "active",
		},
		Entitlement: policyenv.Entitlement{
			ID: "billing/role/billing_admin", Application: "billing", Kind: "role", NativeID: "billing_admin",
			Owner: "dave", Risk: "critical",
		},
		Request: policyenv.Request{Duration: 2 * time.Hour, Justification: "INC-42", Template: "incident-admin"},
		Event: &policyenv.Event{
			ID: "e-1", Name: "inc-42", Kind: "incident", Severity: &severity, Reference: "INC-42",
			EndsAt: time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC),
		},
		Now: time.Date(2026, 3, 10, 17, 30, 0, 0, time.UTC),
	}
}
