package governance

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// NearestMiss is the least that would have to be otherwise for a denied request
// not to be denied. Of several policies that could open an entitlement it
// counts the one that comes closest.
type NearestMiss struct {
	// Count is how many things would have to change.
	Count int `json:"count"`
	// AtLeast: there is more that cannot be judged before, and that may stand
	// in the way as well: conjuncts behind others, or all there is to a template
	// that is not declared.
	AtLeast   bool       `json:"at_least"`
	Obstacles []Obstacle `json:"obstacles" nullable:"false"`
	Message   string     `json:"message"`
}

// Obstacle is one reason that would have to go.
type Obstacle struct {
	Code        ReasonCode    `json:"code"`
	Message     string        `json:"message"`
	Entitlement EntitlementID `json:"entitlement,omitempty"`
	Policy      PolicyID      `json:"policy,omitempty"`
	Rule        RuleID        `json:"rule,omitempty"`
	// Conjuncts number those of the policy's condition, from 1, that would have
	// to come out otherwise: of an allow policy each of them, of a deny policy
	// any one.
	Conjuncts []int `json:"conjuncts,omitempty"`
	// Unjudged are conjuncts that may stand in the way behind them.
	Unjudged []int `json:"unjudged,omitempty"`
}

// nearestMiss is nil for a decision that does not deny.
func (t *Trace) nearestMiss(d Decision) *NearestMiss {
	denials := d.Denials()
	if len(denials) == 0 {
		return nil
	}
	miss := &NearestMiss{AtLeast: t.Bounds == nil, Obstacles: []Obstacle{}}
	opened := map[EntitlementID]bool{}
	for _, reason := range denials {
		policy := t.policy(reason)
		switch {
		case policy == nil:
			miss.add(Obstacle{Code: reason.Code, Message: reason.Message, Entitlement: reason.Entitlement, Rule: reason.Rule}, 1)
		case policy.Effect == PolicyDeny:
			miss.add(policy.standing(reason), 1)
		case !opened[reason.Entitlement]:
			opened[reason.Entitlement] = true
			nearest := t.nearest(reason.Entitlement)
			miss.add(nearest.missing(reason.Entitlement), len(nearest.Failed))
		}
	}
	messages := make([]string, len(miss.Obstacles))
	for i, o := range miss.Obstacles {
		messages[i] = o.Message
	}
	miss.Message = fmt.Sprintf("%s: %s", miss.things(), strings.Join(messages, "; "))
	return miss
}

func (m *NearestMiss) add(o Obstacle, count int) {
	m.Obstacles = append(m.Obstacles, o)
	m.Count += count
	m.AtLeast = m.AtLeast || len(o.Unjudged) > 0
}

func (m *NearestMiss) things() string {
	switch {
	case m.Count == 1 && !m.AtLeast:
		return "one thing stands in the way"
	case m.AtLeast:
		return fmt.Sprintf("at least %d thing(s) stand in the way", m.Count)
	}
	return fmt.Sprintf("%d things stand in the way", m.Count)
}

// policy is the evaluation behind a reason; nil when there is none.
func (t *Trace) policy(r Reason) *PolicyTrace {
	for _, p := range t.of(r.Entitlement) {
		if p.Policy == r.Policy {
			return &p
		}
	}
	return nil
}

// nearest is the evaluated allow policy of an entitlement that the fewest
// conjuncts keep from opening it. There is one.
func (t *Trace) nearest(id EntitlementID) PolicyTrace {
	evaluated := slices.DeleteFunc(slices.Clone(t.of(id)), func(p PolicyTrace) bool {
		return p.Effect != PolicyAllow || p.Outcome == PolicyNotListed
	})
	return slices.MinFunc(evaluated, func(a, b PolicyTrace) int {
		return cmp.Or(cmp.Compare(len(a.Failed), len(b.Failed)), cmp.Compare(len(a.Unjudged), len(b.Unjudged)), cmp.Compare(a.Policy, b.Policy))
	})
}

// missing is what keeps an allow policy from opening an entitlement.
func (p PolicyTrace) missing(id EntitlementID) Obstacle {
	o := Obstacle{Code: ReasonPolicyNoMatch, Entitlement: id, Policy: p.Policy, Conjuncts: p.Failed, Unjudged: p.Unjudged}
	if p.Outcome == PolicyErrs {
		o.Code = ReasonPolicyError
	}
	o.Message = fmt.Sprintf("policy %q: %s", p.Policy, p.outcomes(p.Failed))
	if len(p.Unjudged) > 0 {
		o.Message += fmt.Sprintf(" (%s cannot be judged before)", numbered(p.Unjudged))
	}
	return o
}

// standing is what a deny policy stands on: one of its conjuncts would have to
// fail, or the one that errs be mended.
func (p PolicyTrace) standing(r Reason) Obstacle {
	o := Obstacle{Code: r.Code, Entitlement: r.Entitlement, Policy: p.Policy}
	for i, part := range p.Parts {
		if p.Outcome == PolicyMatches || part.Outcome == string(condition.OutcomeError) && !part.Behind {
			o.Conjuncts = append(o.Conjuncts, i+1)
		}
	}
	o.Message = fmt.Sprintf("deny policy %q: %s", p.Policy, p.outcomes(o.Conjuncts))
	if len(o.Conjuncts) > 1 {
		o.Message += "; one of them would have to fail"
	}
	return o
}

func (p PolicyTrace) outcomes(conjuncts []int) string {
	verbs := map[string]string{string(condition.OutcomeTrue): "is true", string(condition.OutcomeFalse): "is false", string(condition.OutcomeError): "errs"}
	texts := make([]string, len(conjuncts))
	for i, n := range conjuncts {
		part := p.Parts[n-1]
		texts[i] = fmt.Sprintf("conjunct %d %s (%s)", n, verbs[part.Outcome], strings.Join(strings.Fields(part.Text), " "))
	}
	return strings.Join(texts, ", ")
}

func numbered(conjuncts []int) string {
	if len(conjuncts) == 1 {
		return fmt.Sprintf("conjunct %d", conjuncts[0])
	}
	texts := make([]string, len(conjuncts))
	for i, n := range conjuncts {
		texts[i] = strconv.Itoa(n)
	}
	return "conjuncts " + strings.Join(texts, ", ")
}
