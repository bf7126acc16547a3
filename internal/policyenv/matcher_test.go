package policyenv

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

func TestMatchersSeeTheirObjectAlone(t *testing.T) {
	in := withAttributes()
	for src, want := range map[string]bool{
		`contains(identity.groups, "sre-oncall")`:                             true,
		`identity.type != "human"`:                                            false,
		`identity.attributes.level != null && identity.attributes.level >= 3`: true,
	} {
		matcher, diags := CompileIdentityMatcher(src, declared)
		if err := diags.Err(); err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := matcher.Match(in.Identity); got != want || err != nil {
			t.Errorf("%s comes to %v, %v; want %v", src, got, err, want)
		}
	}
	for src, want := range map[string]bool{`entitlement.risk == "critical"`: true, `startswith(entitlement.native_id, "payment_")`: false} {
		matcher, diags := CompileEntitlementMatcher(src)
		if err := diags.Err(); err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := matcher.Match(in.Entitlement); got != want || err != nil {
			t.Errorf("%s comes to %v, %v; want %v", src, got, err, want)
		}
	}
	for _, src := range []string{`event == null`, `request.template == "x"`, `now < time("2026-01-01T00:00:00Z")`, `entitlement.risk == "low"`} {
		if _, diags := CompileIdentityMatcher(src, declared); len(diags) != 1 || diags[0].Code != condition.CodeUnknownName {
			t.Errorf("%s: found %v", src, diags)
		}
	}
	if _, diags := CompileEntitlementMatcher(`identity.type == "human"`); len(diags) != 1 || diags[0].Code != condition.CodeUnknownName {
		t.Errorf("an identity's type in a condition on entitlements: found %v", diags)
	}
}
