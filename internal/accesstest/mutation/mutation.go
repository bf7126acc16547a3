// Package mutation makes small changes of declared policy, one at a time, to find
// out whether access tests notice them: conjuncts dropped and negated, bounds moved
// by the smallest step, guardrails thinned out.
//
// It is for tests. It is pure, and gives the same mutants in the same order
// whenever it is asked.
package mutation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Suffix is appended to texts to make others of them.
const Suffix = "-mutant"

// Mutant is a declared object with one small change.
type Mutant struct {
	// Name says which object and what change; it is the same in every run.
	Name   string
	Object governance.Object
}

// Of lists the mutants of an object; none of kinds that hold no policy.
func Of(object governance.Object) []Mutant {
	m := &maker{of: fmt.Sprintf("%s %q: ", object.ObjectKind(), object.Key()), named: map[string]int{}}
	switch o := object.(type) {
	case governance.EligibilityPolicy:
		m.policy(o)
	case governance.GrantTemplate:
		m.template(o)
	case governance.Entitlement:
		m.entitlement(o)
	case governance.SoDRule:
		m.rule(o)
	}
	return m.made
}

type maker struct {
	of    string
	made  []Mutant
	named map[string]int
}

// add numbers mutants of one name, which are the same change in several places.
func (m *maker) add(object governance.Object, format string, args ...any) {
	name := m.of + fmt.Sprintf(format, args...)
	m.named[name]++
	if n := m.named[name]; n > 1 {
		name += fmt.Sprintf(" (%d)", n)
	}
	m.made = append(m.made, Mutant{name, object})
}

func (m *maker) policy(p governance.EligibilityPolicy) {
	compiles := func(text string) bool {
		changed := p
		changed.Condition = text
		return len(changed.Check()) == 0
	}
	for _, r := range conditions(p.Condition, compiles) {
		changed := p
		changed.Condition = r.text
		m.add(changed, "%s", r.what)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		for _, value := range parameters(p.Parameters[name]) {
			changed := p
			changed.Parameters = maps.Clone(p.Parameters)
			changed.Parameters[name] = value
			m.add(changed, "parameter %s %s to %s", name, p.Parameters[name], value)
		}
	}
	for i, id := range p.Entitlements {
		changed := p
		changed.Entitlements = without(p.Entitlements, i)
		m.add(changed, "drop entitlement %s", id)
	}
}

// parameters are other values of a parameter.
func parameters(raw json.RawMessage) []json.RawMessage {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil
	}
	var others []any
	switch value := value.(type) {
	case string:
		others = []any{value + Suffix}
	case bool:
		others = []any{!value}
	case float64:
		others = []any{value + 1, value - 1}
	case []any:
		for i := range value {
			others = append(others, without(value, i))
		}
	}
	texts := make([]json.RawMessage, 0, len(others))
	for _, other := range others {
		if text, err := json.Marshal(other); err == nil {
			texts = append(texts, text)
		}
	}
	return texts
}

func (m *maker) template(t governance.GrantTemplate) {
	for _, d := range steps(t.Duration.Max) {
		changed := t
		changed.Duration.Max = d
		m.add(changed, "duration.max %s to %s", t.Duration.Max, d)
	}
	for _, d := range steps(t.Duration.Default) {
		changed := t
		changed.Duration.Default = d
		m.add(changed, "duration.default %s to %s", t.Duration.Default, d)
	}
	if t.BusinessEvent != nil {
		changed := t
		changed.BusinessEvent = nil
		m.add(changed, "drop business_event")
		for i, kind := range t.BusinessEvent.Kinds {
			changed.BusinessEvent = &governance.EventRequirement{Kinds: without(t.BusinessEvent.Kinds, i)}
			m.add(changed, "drop business_event kind %s", kind)
		}
	}
	changed := t
	changed.Justification = map[governance.Justification]governance.Justification{
		governance.JustificationRequired: governance.JustificationOptional, governance.JustificationOptional: governance.JustificationRequired,
	}[t.Justification]
	m.add(changed, "justification %s to %s", t.Justification, changed.Justification)
	changed = t
	changed.Approval = governance.ApprovalDefinition{Automatic: true}
	if !t.Approval.Automatic {
		m.add(changed, "approve automatically")
	}
	for i, stage := range t.Approval.Stages {
		changed.Approval = governance.ApprovalDefinition{Stages: without(t.Approval.Stages, i)}
		m.add(changed, "drop stage %q", stage.Name)
	}
	if t.BreakGlass != nil {
		changed := t
		changed.BreakGlass = nil
		m.add(changed, "drop break_glass")
	}
	for i, id := range t.EligibilityPolicies {
		changed := t
		changed.EligibilityPolicies = without(t.EligibilityPolicies, i)
		m.add(changed, "drop policy %s", id)
	}
}

func (m *maker) entitlement(e governance.Entitlement) {
	if e.MaxDuration == nil {
		return
	}
	for _, d := range steps(*e.MaxDuration) {
		changed := e
		changed.MaxDuration = &d
		m.add(changed, "max_duration %s to %s", e.MaxDuration, d)
	}
	changed := e
	changed.MaxDuration = nil
	m.add(changed, "drop max_duration")
}

func (m *maker) rule(r governance.SoDRule) {
	for _, mode := range []governance.SoDMode{governance.SoDRecord, governance.SoDApprove, governance.SoDDeny} {
		if mode != r.Mode {
			changed := r
			changed.Mode = mode
			m.add(changed, "mode %s to %s", r.Mode, mode)
		}
	}
	for _, limit := range []int{r.Limit + 1, r.Limit - 1} {
		changed := r
		changed.Limit = limit
		m.add(changed, "limit %d to %d", r.Limit, limit)
	}
	changed := r
	changed.IncludeOwned = !r.IncludeOwned
	m.add(changed, "include_owned %t to %t", r.IncludeOwned, !r.IncludeOwned)
	for _, name := range slices.Sorted(maps.Keys(r.Duties)) {
		for i, id := range r.Duties[name].Entitlements {
			changed := r
			changed.Duties = maps.Clone(r.Duties)
			changed.Duties[name] = governance.Duty{Entitlements: without(r.Duties[name].Entitlements, i)}
			m.add(changed, "drop entitlement %s from duty %q", id, name)
		}
	}
}

// steps are a bound moved by the smallest step.
func steps(d governance.Duration) []governance.Duration {
	second := governance.Duration(time.Second)
	return []governance.Duration{d + second, d - second}
}

func without[T any](list []T, i int) []T {
	return slices.Delete(slices.Clone(list), i, i+1)
}
