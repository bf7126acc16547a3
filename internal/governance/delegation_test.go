package governance

import (
	"slices"
	"testing"
	"time"
)

func TestADelegationIsInForceBetweenItsTimesAndForItsTemplates(t *testing.T) {
	starts, ends := noon, noon.Add(time.Hour)
	set := policySet(t, Documents{Delegations: []Delegation{
		{Name: "b", From: "carol", To: "dora", StartsAt: &starts, EndsAt: ends, Templates: []TemplateID{"admin"}},
		{Name: "a", From: "bob", To: "dora", EndsAt: ends},
		{Name: "c", From: "dora", To: "erin", EndsAt: ends},
		{Name: "d", From: "bob", To: "dora", EndsAt: ends.Add(time.Hour), Templates: []TemplateID{"read"}},
	}})
	for _, c := range []struct {
		to       IdentityID
		template TemplateID
		at       time.Time
		want     []IdentityID
	}{
		{"dora", "admin", noon, []IdentityID{"bob", "carol"}},
		{"dora", "admin", noon.Add(-time.Nanosecond), []IdentityID{"bob"}},
		{"dora", "read", noon, []IdentityID{"bob"}},
		{"dora", "admin", ends, nil},
		{"dora", "read", ends, []IdentityID{"bob"}},
		{"erin", "admin", noon, []IdentityID{"dora"}},
		{"bob", "admin", noon, nil},
	} {
		if got := set.Delegators(c.to, c.template, c.at); !slices.Equal(got, c.want) {
			t.Errorf("%s speaks through %s at %s for %v, want %v", c.to, c.template, c.at.Format(time.TimeOnly), got, c.want)
		}
	}
}

func TestADelegationThatCannotBeMeantIsRefused(t *testing.T) {
	later := noon.Add(time.Hour)
	for field, d := range map[string]Delegation{
		"name":         {From: "bob", To: "dora", EndsAt: noon},
		"from":         {Name: "d", To: "dora", EndsAt: noon},
		"to":           {Name: "d", From: "bob", To: "bob", EndsAt: noon},
		"ends_at":      {Name: "d", From: "bob", To: "dora", StartsAt: &later, EndsAt: noon},
		"templates[1]": {Name: "d", From: "bob", To: "dora", EndsAt: noon, Templates: []TemplateID{"a", "a"}},
	} {
		if problems := d.Check(); len(problems) != 1 || problems[0].Field != field {
			t.Errorf("%+v: %v, want one about %s", d, problems, field)
		}
	}
	if problems := (Delegation{Name: "d", From: "bob", To: "dora"}).Check(); len(problems) != 1 || problems[0].Code != CodeRequired {
		t.Errorf("without an end: %v", problems)
	}
}
