package governance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Touch says why an actor counts as having a duty.
type Touch struct {
	Duty    string  `json:"duty"`
	Holding Holding `json:"holding"`
	// Path leads from the held entitlement to the one in the duty; one element
	// when they are the same.
	Path []EntitlementID `json:"path"`
	// Requested: the holding is what is being asked for.
	Requested bool `json:"requested"`
}

// Violation is a rule that a request would break, or has broken.
type Violation struct {
	Rule    RuleID  `json:"rule"`
	Mode    SoDMode `json:"mode"`
	Limit   int     `json:"limit"`
	Touches []Touch `json:"touches"`
}

// before orders the touches of one duty by how well they explain it.
func (t Touch) before(other Touch) bool {
	if t.Requested != other.Requested {
		return other.Requested
	}
	return cmp.Or(
		cmp.Compare(len(t.Path), len(other.Path)),
		cmp.Compare(t.Holding.Account, other.Holding.Account),
		slices.Compare(t.Path, other.Path),
		cmp.Compare(t.Holding.Grant, other.Holding.Grant),
	) < 0
}

func (v Violation) String() string {
	parts := make([]string, len(v.Touches))
	for i, t := range v.Touches {
		verb := "has"
		if t.Requested {
			verb = "would get"
		}
		parts[i] = fmt.Sprintf("%s %s duty %q through %s", t.Holding.Identity, verb, t.Duty, t.Holding.Entitlement)
		if len(t.Path) > 1 {
			parts[i] += fmt.Sprintf(" (which includes %s)", t.Path[len(t.Path)-1])
		}
	}
	return fmt.Sprintf("rule %q allows %d of its duties to one actor: %s", v.Rule, v.Limit, strings.Join(parts, "; "))
}

// Violations reports the rules that adding to what is held would break. held is
// what the subject and, for rules that include owned identities, everyone of
// the same actor has; adding is what the subject asks for. A rule speaks only
// when the request touches one of its duties. Sorted by rule. The order of held
// and adding does not matter: what is held speaks before what is asked for, then
// the shorter path, then the lesser account and path.
func (s *PolicySet) Violations(subject IdentityID, held, adding []Holding, in Inclusions) []Violation {
	x := s.separation.with(in)
	return x.explain(x.broken(subject, held, adding, false), subject, held, adding)
}

// touched lists the rules of which what is asked for touches a duty.
func (s *PolicySet) touched(subject IdentityID, held, adding []Holding, in Inclusions) []RuleTrace {
	x := s.separation.with(in)
	explained := x.explain(x.broken(subject, held, adding, true), subject, held, adding)
	rules := make([]RuleTrace, len(explained))
	for i, v := range explained {
		rules[i] = RuleTrace{Violation: v, Violated: len(v.Touches) > v.Limit}
	}
	return rules
}

// explain tells for each of the rules which duties are touched, and by what.
func (x *SoDIndex) explain(rules []int32, subject IdentityID, held, adding []Holding) []Violation {
	if len(rules) == 0 {
		return nil
	}
	best := map[int32]Touch{} // by duty
	note := func(h Holding, requested bool) {
		for id, path := range x.inclusions.Closure(h.Entitlement) {
			for _, d := range x.of[id] {
				rule := x.ruleOf[d]
				if _, told := slices.BinarySearch(rules, rule); !told || !x.counts(h, rule, subject) {
					continue
				}
				touch := Touch{Duty: x.names[d], Holding: h, Path: path, Requested: requested}
				if known, have := best[d]; !have || touch.before(known) {
					best[d] = touch
				}
			}
		}
	}
	for _, h := range held {
		note(h, false)
	}
	for _, h := range adding {
		note(h, true)
	}
	violations := make([]Violation, len(rules))
	for i, rule := range rules {
		violations[i] = Violation{Rule: x.ids[rule], Mode: x.rules[rule].Mode, Limit: x.rules[rule].Limit}
	}
	for _, d := range slices.Sorted(maps.Keys(best)) {
		i, _ := slices.BinarySearch(rules, x.ruleOf[d])
		violations[i].Touches = append(violations[i].Touches, best[d])
	}
	return violations
}
