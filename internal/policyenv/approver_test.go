package policyenv

import (
	"strings"
	"testing"
)

func TestAnApproverConditionSeesTheApproverAndTheRequest(t *testing.T) {
	in := withAttributes()
	approver := Identity{ID: "dora", Name: "dora", Type: "human", Groups: []string{"leads"}, Status: "active", Attributes: in.Identity.Attributes}
	for src, want := range map[string]bool{
		`contains(approver.groups, "leads")`:                                                          true,
		`approver.id == identity.id`:                                                                  false,
		`approver.id != identity.id && entitlement.risk == "critical"`:                                in.Entitlement.Risk == "critical",
		`approver.manager != null && approver.manager == "x"`:                                         false,
		`approver.attributes.level != null && approver.attributes.level >= 3`:                         true,
		`approver.name == "dora" && event != null && event.kind == "incident" && now < event.ends_at`: true,
	} {
		c, diags := CompileApprover(src, declared)
		if err := diags.Err(); err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		if got, err := c.Holds(approver, in); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", src, got, err, want)
		}
	}
}

func TestAnApproverConditionThatCannotBeMeantIsRefused(t *testing.T) {
	for src, want := range map[string]string{
		`identity.type == "human"`:      "looks at the approver",
		`approver.nickname == "d"`:      "nickname",
		`approver.manager == "x"`:       "null",
		`approver.type == "person"`:     "person",
		`approver.attributes.nope == 1`: "stint_attribute",
		`contains(approver.groups, "a"`: "",
		`param.team == approver.name`:   "param",
	} {
		_, diags := CompileApprover(src, declared)
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", src, err, want)
		}
	}
	if diags := CheckApprover(`approver.attributes.anything != null && approver.attributes.anything == "x"`); len(diags) > 0 {
		t.Errorf("an attribute that is not known yet: %v", diags)
	}
}
