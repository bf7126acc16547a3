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
	var violations []Violation
	for _, rule := range s.touched(subject, held, adding, in) {
		if rule.Violated {
			violations = append(violations, rule.Violation)
		}
	}
	return violations
}

// touched lists the rules of which what is asked for touches a duty.
func (s *PolicySet) touched(subject IdentityID, held, adding []Holding, in Inclusions) []RuleTrace {
	touched := map[RuleID]map[string]Touch{}
	asked := map[RuleID]bool{}
	note := func(h Holding, requested bool) {
		paths := in.Closure(h.Entitlement)
		for id := range paths {
			for _, ref := range s.duties[id] {
				if h.Identity != subject && !ref.rule.IncludeOwned {
					continue
				}
				rule := ref.rule.ID()
				asked[rule] = asked[rule] || requested
				if touched[rule] == nil {
					touched[rule] = map[string]Touch{}
				}
				touch := Touch{Duty: ref.duty, Holding: h, Path: paths[id], Requested: requested}
				if best, have := touched[rule][ref.duty]; !have || touch.before(best) {
					touched[rule][ref.duty] = touch
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
	rules := []RuleTrace{}
	for _, id := range slices.Sorted(maps.Keys(touched)) {
		if !asked[id] {
			continue
		}
		rule := s.Rules[id]
		touches := slices.Collect(maps.Values(touched[id]))
		slices.SortFunc(touches, func(a, b Touch) int { return cmp.Compare(a.Duty, b.Duty) })
		rules = append(rules, RuleTrace{
			Violation: Violation{Rule: id, Mode: rule.Mode, Limit: rule.Limit, Touches: touches},
			Violated:  len(touches) > rule.Limit,
		})
	}
	return rules
}
