package accesstest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Run puts the tests of files to the bench. With pick, only those whose name it
// picks. Coverage counts what these saw.
func (b *Bench) Run(files []*File, pick func(name string) bool) Report {
	r := Report{Results: []Result{}, Coverage: b.coverage()}
	for _, file := range files {
		for _, c := range file.Cases {
			if result := (Result{Scenario: c.Scenario, Row: c.Row, At: c.At}); pick == nil || pick(result.Name()) {
				r.add(b.decide(c, result, &r.Coverage))
			}
		}
		for _, n := range file.Nevers {
			if result := (Result{Never: n.Name, At: n.At}); pick == nil || pick(result.Name()) {
				r.add(b.never(n, result))
			}
		}
	}
	return r
}

func (r *Report) add(result Result) {
	r.Results = append(r.Results, result)
	if result.Outcome == Passed {
		r.Passed++
	} else {
		r.Failed++
	}
}

// decide puts one case.
func (b *Bench) decide(c Case, result Result, seen *Coverage) Result {
	result.Outcome = Passed
	q, err := b.question(c)
	if err != nil {
		result.Outcome, result.Error = Errored, err.Error()
		return result
	}
	decision, trace := b.set.Trace(q)
	seen.see(q.Template, trace)
	result.Decision, result.Trace = &decision, &trace
	if result.Misses = c.Expect.compare(decision, b.stages(c.Template, decision)); len(result.Misses) > 0 {
		result.Outcome = Failed
	}
	return result
}

// stages are the names of the approval stages that the decision leads to.
func (b *Bench) stages(template governance.TemplateID, d governance.Decision) []string {
	stages := []string{}
	if d.Effect == governance.NeedsApproval {
		for _, stage := range b.set.Templates[template].Approval.Stages {
			stages = append(stages, stage.Name)
		}
	}
	return stages
}

// compare lists what does not hold.
func (e Expectation) compare(d governance.Decision, stages []string) []Miss {
	var misses []Miss
	miss := func(what, want, got string) {
		if want != got {
			misses = append(misses, Miss{what, want, got})
		}
	}
	miss("decision", string(e.Decision), string(d.Effect))
	if e.DeniedBy != nil {
		miss("denied_by", list(sorted(e.DeniedBy)), list(deniers(d)))
	}
	if e.Stages != nil && e.Decision == d.Effect {
		miss("stages", list(e.Stages), list(stages))
	}
	if e.Duration != nil {
		miss("duration", e.Duration.String(), d.Duration.String())
	}
	if e.MaxDuration != nil {
		miss("max_duration", e.MaxDuration.String(), d.MaxDuration.String())
	}
	came := map[governance.ReasonCode]bool{}
	for _, reason := range d.Reasons {
		came[reason.Code] = true
	}
	for _, code := range e.Reasons {
		if !came[code] {
			misses = append(misses, Miss{"reasons", string(code), "not among the reasons"})
		}
	}
	return misses
}

// deniers names what denied: policies and rules by their id, what is neither by
// its reason code.
func deniers(d governance.Decision) []string {
	var names []string
	for _, reason := range d.Denials() {
		names = append(names, cmp.Or(string(reason.Policy), string(reason.Rule), string(reason.Code)))
	}
	return sorted(names)
}

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func compare[T ~string](a, b T) int { return strings.Compare(string(a), string(b)) }
