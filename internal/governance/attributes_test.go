package governance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var declaredAttributes = NewAttributes([]Attribute{
	{Object: IdentityAttribute, Name: "employment", Type: StringAttribute, Description: "How the identity is employed."},
	{Object: IdentityAttribute, Name: "level", Type: IntAttribute, Description: "How senior the identity is."},
	{Object: IdentityAttribute, Name: "sites", Type: ListAttribute, Description: "Where the identity works."},
	{Object: EventAttribute, Name: "region", Type: StringAttribute, Description: "Where it happens."},
	{Object: EventAttribute, Name: "notice", Type: DurationAttribute, Description: "How long it was known before."},
	{Object: EventAttribute, Name: "vetted", Type: BoolAttribute, Description: "Whether somebody looked."},
	{Object: EventAttribute, Name: "since", Type: TimeAttribute, Description: "When it began."},
})

func TestWhatIsNotAsAttributesAreDeclaredIsReported(t *testing.T) {
	identity := func(name, value string) Object {
		return with(goodIdentity(), func(i *Identity) { i.Attributes = raw(name, value) })
	}
	event := func(name, value string) Object {
		return with(goodEvent(), func(e *BusinessEvent) { e.Attributes = raw(name, value) })
	}
	policy := func(condition string) Object {
		return with(goodPolicy(), func(p *EligibilityPolicy) { p.Condition = condition })
	}
	application := func(correlation string) Object {
		return with(goodApplication(), func(a *Application) { a.Correlation = correlation })
	}
	for _, c := range []struct {
		name string
		o    Object
		want string // field and code of each problem
		says string
	}{
		{"values of every type", with(goodEvent(), func(e *BusinessEvent) {
			e.Attributes = map[string]json.RawMessage{"region": []byte(`"eu"`), "notice": []byte(`"2h"`), "vetted": []byte(`true`), "since": []byte(`"2026-03-10T12:00:00Z"`)}
		}), "", ""},
		{"a whole number", identity("level", "3"), "", ""},
		{"a list", identity("sites", `["a"]`), "", ""},
		{"a value of the wrong type", identity("level", `"3"`), `attributes["level"] invalid`, "write 3 without quotes"},
		{"a misspelt attribute", identity("employmnet", `"x"`), `attributes["employmnet"] unknown_reference`, `did you mean "employment"? If not, declare it with stint_attribute`},
		{"an attribute that resembles nothing", identity("x", `"x"`), `attributes["x"] unknown_reference`, `for object identity; declare it with stint_attribute`},
		{"an attribute of something else", identity("region", `"eu"`), `attributes["region"] unknown_reference`, `no attribute "region" is declared for object identity`},
		{"an attribute of an event that is declared for identities", event("level", `3`), `attributes["level"] unknown_reference`, `object business_event`},
		{"a duration that is none", event("notice", `"long"`), `attributes["notice"] invalid`, "1h30m"},

		{"a condition that reads what is declared", policy(`contains(identity.groups, param.team) && identity.attributes.level != null && identity.attributes.level > 2`), "", ""},
		{"a condition that reads a misspelt attribute", policy("contains(identity.groups, param.team)\n&& identity.attributes.employmnet != null"), "condition unknown_reference", "2:4: there is no identity.attributes.employmnet; did you mean identity.attributes.employment?"},
		{"a condition that reads an attribute as what it is not", policy(`contains(identity.groups, param.team) && identity.attributes.level != null && identity.attributes.level == "3"`), "condition condition", "without quotes"},
		{"a condition that compares the attributes of both", policy(`event != null && event.attributes.region != null && identity.attributes.sites != null && contains(identity.attributes.sites, event.attributes.region)`), "", ""},
		{"a correlation by an attribute", application(`identity.attributes.employment != null && account.name == identity.attributes.employment`), "", ""},
		{"a correlation by a misspelt attribute", application(`identity.attributes.x != null && account.name == identity.name`), "correlation unknown_reference", "1:1: there is no identity.attributes.x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if alone := c.o.Check(); len(alone) > 0 {
				t.Fatalf("the object itself is refused: %v", alone)
			}
			problems := declaredAttributes.Check(c.o)
			var got []string
			for _, p := range problems {
				got = append(got, p.Field+" "+p.Code)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Fatalf("problems (-want +got):\n%s%v", diff, problems)
			}
			if !strings.Contains(problems.Error(), c.says) {
				t.Errorf("%v does not say %q", problems, c.says)
			}
		})
	}
}

func TestAConditionIsCheckedBesideAttributesThatAreNotKnownYet(t *testing.T) {
	policy := with(goodPolicy(), func(p *EligibilityPolicy) {
		p.Condition = `identity.attributes.x == null && contains(identity.gruops, param.team)`
	})
	if problems := policy.Check(); len(problems) != 1 || problems[0].Code != CodeCondition || !strings.Contains(problems[0].Message, "identity.groups") {
		t.Errorf("problems: %v", problems)
	}
}

func TestAnObjectSaysWhichAttributesItUses(t *testing.T) {
	for _, c := range []struct {
		o    Object
		want []AttributeID
	}{
		{with(goodIdentity(), func(i *Identity) { i.Attributes = raw("level", "3") }), []AttributeID{"identity/level"}},
		{with(goodEvent(), func(e *BusinessEvent) { e.Attributes = raw("region", "3") }), []AttributeID{"business_event/region"}},
		{with(goodPolicy(), func(p *EligibilityPolicy) {
			p.Condition = `event.attributes.region == null || identity.attributes.level == identity.attributes.level`
		}), []AttributeID{"business_event/region", "identity/level"}},
		{with(goodApplication(), func(a *Application) { a.Correlation = `identity.attributes.level == account.name` }), []AttributeID{"identity/level"}},
		{goodTemplate(), nil},
	} {
		if diff := cmp.Diff(c.want, AttributesUsed(c.o)); diff != "" {
			t.Errorf("%s:\n%s", c.o.ObjectKind(), diff)
		}
	}
}

func TestADecisionSeesAttributes(t *testing.T) {
	w := readWorld(t)
	docs := Documents{
		Attributes: []Attribute{
			{Object: IdentityAttribute, Name: "employment", Type: StringAttribute, Description: "How the identity is employed."},
			{Object: EventAttribute, Name: "regulated", Type: BoolAttribute, Description: "Whether the regulator looks."},
		},
		Applications: []Application{{Name: "crm"}}, Entitlements: w.Entitlements, Templates: w.Templates,
		Policies: []EligibilityPolicy{
			{Name: "anyone", Effect: PolicyAllow, Entitlements: []EntitlementID{"crm/role/agent"}, Condition: `identity.status != "left"`},
			{Name: "no-contractors", Effect: PolicyDeny, Entitlements: []EntitlementID{"crm/role/agent"}, Condition: `identity.attributes.employment != null && identity.attributes.employment == "contractor"`},
			{Name: "regulated", Effect: PolicyDeny, Entitlements: []EntitlementID{"crm/role/agent"}, Condition: `event != null && event.attributes.regulated != null && event.attributes.regulated`},
		},
	}
	set := policySet(t, docs)
	decide := func(employment, regulated string) Decision {
		person, event := *w.person("tom"), *w.event("inc-7")
		if employment != "" {
			person.Attributes = raw("employment", employment)
		}
		if regulated != "" {
			event.Attributes = raw("regulated", regulated)
		}
		return set.Decide(Question{Now: noon, Identity: person, Template: "day-work", Entitlements: []EntitlementID{"crm/role/agent"}, Accounts: w.Accounts["tom"], Event: &event})
	}
	for _, c := range []struct {
		employment, regulated string
		want                  Effect
		denies                PolicyID
	}{
		{"", "", Allow, ""},
		{`"employee"`, `false`, Allow, ""},
		{`"contractor"`, ``, Deny, "no-contractors"},
		{`"employee"`, `true`, Deny, "regulated"},
		// Neither can be stored by the engine. Both must deny.
		{`17`, ``, Deny, "no-contractors"},
		{``, `"yes"`, Deny, "regulated"},
	} {
		d := decide(c.employment, c.regulated)
		if d.Effect != c.want || c.denies != "" && (len(d.Denials()) != 1 || d.Denials()[0].Policy != c.denies) {
			t.Errorf("employment %s, regulated %s: %s, %+v", c.employment, c.regulated, d.Effect, d.Denials())
		}
	}
}
