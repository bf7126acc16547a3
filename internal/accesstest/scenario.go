package accesstest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// scenario reads one block: one case, or one for each row of its table. What
// cannot be read makes no case, so that no finding follows from another.
func (p *parser) scenario(block *hclsyntax.Block) []Case {
	name, before := block.Labels[0], len(p.found)
	from := p.members(block.Body, "scenario", append(slices.Clone(layerMembers), "cases"))
	common := p.layer(from)
	wrong := len(p.found) > before
	table, ok := from["cases"]
	if !ok {
		if wrong {
			return nil
		}
		return p.caseOf(name, "", block.DefRange(), common)
	}
	rows, ok := p.pairs(table, `cases = { "name" = { … } }`)
	if ok && len(rows) == 0 {
		p.report(table.at(), fmt.Sprintf("scenario %q has an empty table", name), "add a row, or take cases out")
	}
	var cases []Case
	for _, row := range rows {
		before := len(p.found)
		from, _ := p.object(row.value, fmt.Sprintf(`%q = { … }`, row.name), layerMembers)
		own := p.layer(from)
		if !wrong && len(p.found) == before {
			cases = append(cases, p.caseOf(name, row.name, row.value.name, own.over(common))...)
		}
	}
	return cases
}

// caseOf makes a case of all that is said about it; none when something lacks.
func (p *parser) caseOf(scenario, row string, at hcl.Range, l layer) []Case {
	before := len(p.found)
	c := Case{
		Scenario: scenario, Row: row, At: positionOf(at), Now: l.now.or(DefaultNow), Expect: l.expect.or(Expectation{}),
		Template: governance.TemplateID(l.request.template.or("")), Account: governance.AccountID(l.request.account.or("")),
		Duration: l.request.duration.value, Justification: l.request.justification.or(""), Holdings: l.holdings.or(nil),
		NotBefore: l.request.notBefore.value, BreakGlass: l.request.breakGlass.or(false),
	}
	for _, id := range l.request.entitlements.or(nil) {
		c.Entitlements = append(c.Entitlements, governance.EntitlementID(id))
	}
	if l.accounts.value != nil {
		c.Accounts = []governance.AccountID{}
	}
	for _, id := range l.accounts.or(nil) {
		c.Accounts = append(c.Accounts, governance.AccountID(id))
	}
	name := Result{Scenario: scenario, Row: row}.Name()
	p.demand(at, l.identity.value != nil, name, "identity", `identity = "alice", or identity = { groups = ["sre"] }`)
	p.demand(at, c.Template != "", name, "request.template", `request = { template = "…" }`)
	p.demand(at, l.expect.written, name, "expect", `expect = { decision = "allow" }`)
	if l.identity.value != nil {
		p.who(&c, *l.identity.value, l.identity.at)
	}
	if l.event.value != nil {
		p.why(&c, *l.event.value, l.event.at)
	}
	if len(p.found) > before {
		return nil
	}
	return []Case{c}
}

func (p *parser) demand(at hcl.Range, there bool, name, what, mend string) {
	if !there {
		p.report(at, fmt.Sprintf("%q has no %s", name, what), "add "+mend)
	}
}

func (p *parser) who(c *Case, i identityLayer, at hcl.Range) {
	if i.declared != "" {
		c.Identity = governance.IdentityID(i.declared)
		return
	}
	c.Person = &governance.Person{
		Identity: governance.Identity{
			Name: i.name.or(Somebody), Type: governance.IdentityType(i.kind.or(string(governance.Human))),
			Owner: governance.IdentityID(i.owner.or("")), Manager: governance.IdentityID(i.manager.or("")), Groups: i.groups.or([]string{}), Attributes: i.attributes.or(nil),
		},
		Status: governance.Status(i.status.or(string(governance.Active))), Version: 1,
	}
	c.Identity = c.Person.ID()
	p.problems("identity", c.Person.Check(), at, map[string]hcl.Range{
		"name": i.name.at, "type": i.kind.at, "owner": i.owner.at, "manager": i.manager.at, "groups": i.groups.at, "attributes": i.attributes.at,
	})
}

func (p *parser) why(c *Case, e eventLayer, at hcl.Range) {
	if e.declared != "" {
		c.EventRef = e.declared
		return
	}
	end := e.ends.or(eventEnd{in: governance.Duration(DefaultEventLasts)})
	event := governance.BusinessEvent{
		Name: e.name.or("event"), Kind: governance.EventKind(e.kind.or("")), Severity: e.severity.value,
		Reference: e.reference.or(""), EndsAt: c.Now.Add(end.in.Std()), Attributes: e.attributes.or(nil),
	}
	if end.at != nil {
		event.EndsAt = *end.at
	}
	if event.Kind == "" {
		p.report(at, "event has no kind", `add kind = "incident"`)
		return
	}
	p.problems("event", event.Check(), at, map[string]hcl.Range{
		"name": e.name.at, "kind": e.kind.at, "severity": e.severity.at, "reference": e.reference.at, "ends_at": e.ends.at, "attributes": e.attributes.at,
	})
	c.Event = &governance.OpenEvent{BusinessEvent: event, ID: event.DeclaredID(), OpenedAt: c.Now.Add(-time.Minute), Version: 1}
}

// problems reports what the vocabulary itself says of a description, at the member
// where it is written and else at the whole.
func (p *parser) problems(where string, found governance.Problems, whole hcl.Range, members map[string]hcl.Range) {
	for _, problem := range found {
		member, _, _ := strings.Cut(problem.Field, "[")
		at, ok := members[member]
		if !ok || at.Filename == "" {
			at = whole
		}
		p.report(at, fmt.Sprintf("%s.%s: %s", where, problem.Field, problem.Message), "")
	}
}
