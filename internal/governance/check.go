package governance

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// Limits of declared objects.
const (
	MaxName             = 200
	MaxText             = 4096
	MinDiscovery        = 10 * time.Second
	MaxGrantDuration    = 366 * 24 * time.Hour
	MaxApprovalTimeout  = 30 * 24 * time.Hour
	MaxActivationWindow = 7 * 24 * time.Hour
	// MinLifeSpan and MaxLifeSpan bound how often an identity has to be used, and
	// its owner to attest.
	MinLifeSpan = time.Hour
	MaxLifeSpan = 2 * 366 * 24 * time.Hour
)

// applicationName leaves out the underscore, so that an application's secret
// namespace (STINT_SECRET_<NAME>_…, with - written as _) belongs to it alone.
var applicationName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func checkName(p *Problems, field, name string) {
	switch {
	case name == "":
		p.add(field, CodeRequired, "a name is required")
	case !utf8.ValidString(name) || len(name) > MaxName:
		p.add(field, CodeInvalid, "must be valid UTF-8 of at most %d bytes", MaxName)
	case slices.ContainsFunc([]rune(name), func(r rune) bool { return !unicode.IsPrint(r) }):
		p.add(field, CodeInvalid, "%q holds a character that does not print; remove it", name)
	case name[0] == ' ' || name[len(name)-1] == ' ':
		p.add(field, CodeInvalid, "%q begins or ends with a space; remove it", name)
	}
}

// Check reports what is wrong with the application itself; a custom attribute
// that its correlation reads may be of any type. The connector's configuration is
// checked by its factory.
func (a Application) Check() Problems {
	var p Problems
	if !applicationName.MatchString(a.Name) || len(a.Name) > 63 {
		p.add("name", CodeInvalid, "%q is not an application name: use lower-case letters, digits and single hyphens, beginning with a letter, at most 63", a.Name)
	}
	if strings.HasPrefix(a.Name, "source-") {
		p.add("name", CodeInvalid, "%q begins with source-, where the secrets of event sources are kept; use another name", a.Name)
	}
	if len(a.Connector) != 1 {
		p.add("connector", CodeInvalid, "exactly one connector is required, %d are given", len(a.Connector))
	}
	if a.Correlation == "" {
		p.add("correlation", CodeRequired, "say which identity an account belongs to, for instance account.name == identity.name")
	} else {
		p.addCondition("correlation", policyenv.CheckCorrelation(a.Correlation))
	}
	if a.AccountName != "" {
		p.addCondition("account_name", policyenv.CheckAccountName(a.AccountName))
	}
	if a.Discovery.Interval.Std() < MinDiscovery {
		p.add("discovery.interval", CodeInvalid, "%s is too short: use at least %s", a.Discovery.Interval, Duration(MinDiscovery))
	}
	if percent := a.Discovery.MaxGonePercent; percent < 0 || percent > 100 {
		p.add("discovery.max_gone_percent", CodeInvalid, "%d is no share in percent: use 1 to 100 (100 believes every read)", percent)
	}
	if a.Limits != nil {
		a.Limits.check(&p, "limits")
	}
	return p
}

func (p *Problems) addCondition(field string, diags condition.Diagnostics) {
	for _, d := range diags {
		code := CodeCondition
		if d.Code == condition.CodeUndeclared {
			code = CodeUnknownReference
		}
		p.add(field, code, "%s", condition.Diagnostics{d}.Error())
	}
}

// Check reports what is wrong with the identity itself.
func (i Identity) Check() Problems {
	var p Problems
	checkName(&p, "name", i.Name)
	oneOf(&p, "type", i.Type, Human, ServiceAccount, Workload, Agent)
	if i.Type == Human && i.Owner != "" {
		p.add("owner", CodeInvalid, "a human identity has no owner; use manager, or another type")
	}
	if i.Owner != "" && i.Owner == i.ID() {
		p.add("owner", CodeInvalid, "an identity cannot own itself; name the human who answers for it")
	}
	if i.Type != Human && i.Owner == "" {
		p.add("owner", CodeRequired, "an identity of type %s needs an owner: the id of the human who answers for it", i.Type)
	}
	if i.Type != Human && i.Manager != "" {
		p.add("manager", CodeInvalid, "only a human identity has a manager; the owner's manager stands in for others")
	}
	if i.Manager != "" && i.Manager == i.ID() {
		p.add("manager", CodeInvalid, "an identity cannot manage itself")
	}
	checkSet(&p, "groups", i.Groups)
	for n, group := range i.Groups {
		checkName(&p, fmt.Sprintf("groups[%d]", n), group)
	}
	i.checkSpans(&p)
	checkValues(&p, i.Attributes)
	return p
}

// checkSpans checks what time takes from an identity.
func (i Identity) checkSpans(p *Problems) {
	if i.ValidUntil != nil && i.ValidUntil.IsZero() {
		p.add("valid_until", CodeInvalid, "the moment is missing; give it in RFC 3339, or leave valid_until out")
	}
	for _, demand := range []struct {
		field string
		span  *Duration
	}{{"attest_every", i.AttestEvery}, {"unused_after", i.UnusedAfter}} {
		field, span := demand.field, demand.span
		switch {
		case span == nil:
		case i.Type == Human:
			p.add(field, CodeInvalid, "only an identity that somebody owns has it; for a human use valid_until, or stint identity leave")
		case span.Std() < MinLifeSpan:
			p.add(field, CodeInvalid, "%s is too short: use at least %s", span, Duration(MinLifeSpan))
		default:
			checkSpan(p, field, *span, MaxLifeSpan)
		}
	}
}

func checkSet[T ~string](p *Problems, field string, values []T) {
	seen := make(map[T]bool, len(values))
	for n, v := range values {
		if seen[v] {
			p.add(fmt.Sprintf("%s[%d]", field, n), CodeInvalid, "%q stands twice", string(v))
		}
		seen[v] = true
	}
}

// Check reports what is wrong with the entitlement itself.
func (e Entitlement) Check() Problems {
	var p Problems
	if e.Application == "" {
		p.add("application", CodeRequired, "the id of the application is required")
	}
	checkName(&p, "kind", e.Kind)
	checkName(&p, "native_id", e.NativeID)
	oneOf(&p, "risk", e.Risk, RiskLow, RiskMedium, RiskHigh, RiskCritical)
	oneOf(&p, "standing", e.Standing, StandingAllowed, StandingForbidden)
	if e.MaxDuration != nil {
		checkSpan(&p, "max_duration", *e.MaxDuration, MaxGrantDuration)
	}
	return p
}

func checkSpan(p *Problems, field string, d Duration, most time.Duration) {
	if d <= 0 {
		p.add(field, CodeInvalid, "must be longer than 0s")
	}
	if d.Std() > most {
		p.add(field, CodeInvalid, "%s is longer than the %s that is possible", d, Duration(most))
	}
}

// Check reports what is wrong with the policy itself, its condition included; a
// custom attribute that it reads may be of any type.
func (p EligibilityPolicy) Check() Problems {
	var problems Problems
	checkName(&problems, "name", p.Name)
	oneOf(&problems, "effect", p.Effect, PolicyAllow, PolicyDeny)
	if len(p.Entitlements) == 0 {
		problems.add("entitlements", CodeRequired, "at least one entitlement is required")
	}
	checkSet(&problems, "entitlements", p.Entitlements)
	if params, err := p.params(); err != nil {
		problems.add("parameters", CodeInvalid, "%s", err)
	} else {
		problems.addCondition("condition", policyenv.CheckEligibility(p.Condition, params))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		var list []string
		if json.Unmarshal(p.Parameters[name], &list) == nil && list != nil && len(list) == 0 {
			problems.add(fmt.Sprintf("parameters[%q]", name), CodeInvalid, "the list is empty: allof(…, param.%[1]s) would hold for everybody, anyof(…, param.%[1]s) and contains(param.%[1]s, …) for nobody; give it an element, or take it out of the condition", name)
		}
	}
	return problems
}

func (p EligibilityPolicy) params() (policyenv.Params, error) {
	raw, err := json.Marshal(p.Parameters)
	if err != nil {
		return nil, err
	}
	return policyenv.ParseParams(raw)
}

func (p EligibilityPolicy) compile(declared policyenv.Attributes) (*policyenv.Policy, error) {
	params, err := p.params()
	if err != nil {
		return nil, err
	}
	compiled, diags := policyenv.CompileEligibility(p.Condition, params, declared)
	if len(diags) > 0 {
		return nil, diags
	}
	return compiled, nil
}

// Check reports what is wrong with the rule itself.
func (r SoDRule) Check() Problems {
	var p Problems
	checkName(&p, "name", r.Name)
	oneOf(&p, "mode", r.Mode, SoDRecord, SoDApprove, SoDDeny)
	if len(r.Duties) < 2 {
		p.add("duties", CodeInvalid, "separation needs at least two duties, %d given", len(r.Duties))
	} else if r.Limit < 1 || r.Limit >= len(r.Duties) {
		p.add("limit", CodeInvalid, "%d must be at least 1 and below the number of duties (%d), else the rule never speaks", r.Limit, len(r.Duties))
	}
	owner := map[EntitlementID]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Duties)) {
		field := fmt.Sprintf("duties[%q]", name)
		checkName(&p, field, name)
		if len(r.Duties[name].Entitlements) == 0 {
			p.add(field+".entitlements", CodeRequired, "a duty needs at least one entitlement")
		}
		for n, id := range r.Duties[name].Entitlements {
			if first, taken := owner[id]; taken {
				p.add(fmt.Sprintf("%s.entitlements[%d]", field, n), CodeConflict, "%s stands in duty %q already; one entitlement belongs to one duty of a rule", id, first)
			}
			owner[id] = name
		}
	}
	return p
}

// Check reports what is wrong with the template itself.
func (t GrantTemplate) Check() Problems {
	var p Problems
	checkName(&p, "name", t.Name)
	if len(t.Entitlements) == 0 {
		p.add("entitlements", CodeRequired, "at least one entitlement is required")
	}
	checkSet(&p, "entitlements", t.Entitlements)
	if len(t.EligibilityPolicies) == 0 {
		p.add("eligibility_policies", CodeRequired, "at least one eligibility policy must open the template")
	}
	checkSet(&p, "eligibility_policies", t.EligibilityPolicies)
	checkSpan(&p, "duration.default", t.Duration.Default, MaxGrantDuration)
	checkSpan(&p, "duration.max", t.Duration.Max, MaxGrantDuration)
	if t.Duration.Default > t.Duration.Max {
		p.add("duration.default", CodeInvalid, "%s is longer than duration.max (%s)", t.Duration.Default, t.Duration.Max)
	}
	checkSpan(&p, "activate_within", t.ActivateWithin, MaxActivationWindow)
	oneOf(&p, "justification", t.Justification, JustificationRequired, JustificationOptional)
	if t.BusinessEvent != nil {
		if len(t.BusinessEvent.Kinds) == 0 {
			p.add("business_event.kinds", CodeRequired, "name at least one kind of business event, or leave business_event out")
		}
		for n, kind := range t.BusinessEvent.Kinds {
			checkEventKind(&p, fmt.Sprintf("business_event.kinds[%d]", n), kind)
		}
		checkSet(&p, "business_event.kinds", t.BusinessEvent.Kinds)
	}
	if t.Extension != nil {
		checkSpan(&p, "extension.max_total", t.Extension.MaxTotal, MaxGrantDuration)
		if t.Extension.MaxTotal < t.Duration.Max {
			p.add("extension.max_total", CodeInvalid, "%s is shorter than duration.max (%s), which a grant may last without an extension; give at least that", t.Extension.MaxTotal, t.Duration.Max)
		}
	}
	t.checkAdmission(&p)
	if t.BreakGlass != nil {
		t.BreakGlass.check(&p, "break_glass")
	}
	t.Approval.check(&p)
	t.checkIneligible(&p)
	return p
}

func (t GrantTemplate) checkIneligible(p *Problems) {
	if t.OnIneligible != "" {
		oneOf(p, "on_ineligible", t.OnIneligible, IneligibleRevoke, IneligibleGrace, IneligibleFlag)
	}
	switch {
	case t.OnIneligible == IneligibleGrace && t.IneligibleGrace == nil:
		p.add("ineligible_grace", CodeRequired, "on_ineligible = %q needs to know for how long: add ineligible_grace", IneligibleGrace)
	case t.OnIneligible != IneligibleGrace && t.IneligibleGrace != nil:
		p.add("ineligible_grace", CodeConflict, "it never has its turn; write on_ineligible = %q, or take it out", IneligibleGrace)
	case t.IneligibleGrace != nil:
		checkSpan(p, "ineligible_grace", *t.IneligibleGrace, MaxGrantDuration)
	}
}

func (a ApprovalDefinition) check(p *Problems) {
	if a.Automatic && len(a.Stages) > 0 {
		p.add("approval", CodeInvalid, "automatic = true and stages exclude each other; keep one")
	}
	if !a.Automatic && len(a.Stages) == 0 {
		p.add("approval", CodeRequired, "say how a request is approved: automatic = true, or at least one stage")
	}
	names := map[string]bool{}
	for n, stage := range a.Stages {
		field := stageField(n)
		checkName(p, field+".name", stage.Name)
		if names[stage.Name] {
			p.add(field+".name", CodeConflict, "stage %q stands twice", stage.Name)
		}
		names[stage.Name] = true
		stage.check(p, field)
		for i, earlier := range stage.DistinctFrom {
			if !slices.ContainsFunc(a.Stages[:n], func(s ApprovalStage) bool { return s.Name == earlier }) {
				p.add(fmt.Sprintf("%s.distinct_from[%d]", field, i), CodeUnknownReference, "no earlier stage is named %q", earlier)
			}
		}
	}
	if len(a.Stages) > 0 && !slices.ContainsFunc(a.Stages, func(s ApprovalStage) bool { return !s.MayNeed().confirms() }) {
		p.add("approval.stages", CodeInvalid, "each stage has relation %q, and a requester and its owner are one actor; add a stage without it, in which somebody else approves", Owner)
	}
}

func stageField(n int) string { return fmt.Sprintf("approval.stages[%d]", n) }

func (s ApprovalStage) check(p *Problems, field string) {
	s.Approvers.check(p, field+".approvers")
	if s.Quorum < 1 {
		p.add(field+".quorum", CodeInvalid, "must be at least 1")
	}
	checkSet(p, field+".distinct_from", s.DistinctFrom)
	checkSpan(p, field+".timeout", s.Timeout, MaxApprovalTimeout)
	oneOf(p, field+".on_timeout", s.OnTimeout, Lapse, Escalate)
	switch {
	case s.Escalation != nil && s.OnTimeout != Escalate:
		p.add(field+".escalation", CodeConflict, "it never has its turn with on_timeout = %q; write on_timeout = %q, or take it out", s.OnTimeout, Escalate)
	case s.Escalation == nil && s.OnTimeout == Escalate:
		p.add(field+".escalation", CodeRequired, "on_timeout = %q needs to know to whom: add escalation", Escalate)
	case s.Escalation != nil:
		s.Escalation.Approvers.check(p, field+".escalation.approvers")
		checkSpan(p, field+".escalation.timeout", s.Escalation.Timeout, MaxApprovalTimeout)
	}
	// A relation is one person; a group or a condition may be any number.
	all := s.MayNeed()
	if people := len(distinct(all.Identities)) + len(distinct(all.Relations)); len(all.Groups) == 0 && all.Condition == "" && s.Quorum > people {
		p.add(field+".quorum", CodeInvalid, "%d can never be reached by the %d people that the stage names", s.Quorum, people)
	}
}

func (a Approvers) check(p *Problems, field string) {
	if len(a.Identities)+len(a.Groups)+len(a.Relations) == 0 && a.Condition == "" {
		p.add(field, CodeRequired, "name at least one identity, group or relation that may approve, or a condition")
	}
	checkSet(p, field+".identities", a.Identities)
	checkSet(p, field+".groups", a.Groups)
	checkSet(p, field+".relations", a.Relations)
	for i, relation := range a.Relations {
		oneOf(p, fmt.Sprintf("%s.relations[%d]", field, i), relation, Manager, Owner, EntitlementOwner)
	}
	if a.Condition != "" {
		p.addCondition(field+".condition", policyenv.CheckApprover(a.Condition))
	}
}

// and is both together.
func (a Approvers) and(b Approvers) Approvers {
	return Approvers{
		Identities: slices.Concat(a.Identities, b.Identities), Groups: slices.Concat(a.Groups, b.Groups), Relations: slices.Concat(a.Relations, b.Relations),
		Condition: eitherCondition(a.Condition, b.Condition),
	}
}

func checkEventKind(p *Problems, field string, kind EventKind) {
	oneOf(p, field, kind, Incident, Engagement, Project, Change, Task)
}

// Check reports what is wrong with the event itself.
func (e BusinessEvent) Check() Problems {
	var p Problems
	checkName(&p, "name", e.Name)
	checkEventKind(&p, "kind", e.Kind)
	if e.EndsAt.IsZero() {
		p.add("ends_at", CodeRequired, "an event needs an end; there are no endless events")
	}
	if e.Severity != nil && (*e.Severity < 1 || *e.Severity > 10) {
		p.add("severity", CodeInvalid, "%d is not between 1 (worst) and 10", *e.Severity)
	}
	if len(e.Reference) > MaxText {
		p.add("reference", CodeInvalid, "longer than %d bytes", MaxText)
	}
	checkValues(&p, e.Attributes)
	return p
}
