package accesstest

import "github.com/stint-dev/terraform-provider-stint/internal/governance"

// Outcome is what became of one test.
type Outcome string

// The outcomes. Error says that the test could not be put to the policy.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Errored Outcome = "error"
)

// Report is what came of the tests.
type Report struct {
	Results  []Result `json:"results"`
	Passed   int      `json:"passed"`
	Failed   int      `json:"failed"` // with errors
	Coverage Coverage `json:"coverage"`
}

// Result is what came of one case or one invariant.
type Result struct {
	// Scenario and Row name a case, Never an invariant.
	Scenario string   `json:"scenario,omitempty"`
	Row      string   `json:"row,omitempty"`
	Never    string   `json:"never,omitempty"`
	At       Position `json:"at"`
	Outcome  Outcome  `json:"outcome"`
	// Error says why the test could not be put.
	Error string `json:"error,omitempty"`
	// Misses are the expectations that did not hold.
	Misses []Miss `json:"misses,omitempty"`
	// Decision is what a case was answered, Trace all that was weighed for it.
	Decision *governance.Decision `json:"decision,omitempty"`
	Trace    *governance.Trace    `json:"trace,omitempty"`
	// Breaches are the ways on which an invariant does not hold.
	Breaches []Breach `json:"breaches,omitempty"`
}

// Name is what the test is called.
func (r Result) Name() string {
	switch {
	case r.Never != "":
		return "never " + r.Never
	case r.Row != "":
		return r.Scenario + " / " + r.Row
	}
	return r.Scenario
}

// Miss is one expectation, and what came instead.
type Miss struct {
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Breach is one identity that reaches one entitlement which it never may.
type Breach struct {
	Identity    governance.IdentityID    `json:"identity"`
	Entitlement governance.EntitlementID `json:"entitlement"`
	// Holding is what is held, Opening what could be requested; one of them is
	// set. Path leads from there to the entitlement.
	Holding *governance.Holding        `json:"holding,omitempty"`
	Opening *governance.Opening        `json:"opening,omitempty"`
	Path    []governance.EntitlementID `json:"path,omitempty"`
	// Error says that the invariant could not be judged, which breaks it.
	Error string `json:"error,omitempty"`
}

// Coverage says which parts of the policy the cases exercised.
type Coverage struct {
	Policies  []PolicyCoverage   `json:"policies"`
	Rules     []RuleCoverage     `json:"sod_rules"`
	Templates []TemplateCoverage `json:"grant_templates"`
}

// PolicyCoverage is how far one eligibility policy was exercised.
type PolicyCoverage struct {
	Policy    governance.PolicyID `json:"policy"`
	Evaluated bool                `json:"evaluated"`
	Conjuncts []ConjunctCoverage  `json:"conjuncts"`
}

// ConjunctCoverage says whether some case saw a conjunct true and some false.
type ConjunctCoverage struct {
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	Text      string `json:"text"`
	SeenTrue  bool   `json:"seen_true"`
	SeenFalse bool   `json:"seen_false"`
}

// RuleCoverage says whether some case broke a rule, and whether some case
// touched it and was let pass.
type RuleCoverage struct {
	Rule     governance.RuleID `json:"rule"`
	Violated bool              `json:"violated"`
	Upheld   bool              `json:"upheld"`
}

// TemplateCoverage says whether some case asked through a template.
type TemplateCoverage struct {
	Template  governance.TemplateID `json:"template"`
	Requested bool                  `json:"requested"`
}

// Gap is one thing that no case exercised.
type Gap struct {
	// Object is what it belongs to, such as `policy "oncall"`.
	Object string `json:"object"`
	// What says what was never seen.
	What string `json:"what"`
}
