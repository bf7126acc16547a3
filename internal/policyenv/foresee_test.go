package policyenv

import (
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

func TestWhatARequestAndItsEventDecideIsOpenBeforeThem(t *testing.T) {
	const holds, fails = condition.CanHold, condition.CanFail
	nothing := Unknown{Longest: 4 * time.Hour, Justification: true, Event: EventUnknown}
	ofKind := Unknown{Longest: 4 * time.Hour, Justification: true, Event: EventOfKind}
	for _, c := range []struct {
		src     string
		unknown Unknown
		want    condition.Prospect
	}{
		{`contains(identity.groups, "sre-oncall")`, nothing, holds},
		{`contains(identity.groups, "finance") && event != null`, nothing, fails},
		{`request.duration <= duration("4h")`, nothing, holds},
		{`request.duration <= duration("3h")`, nothing, holds | fails},
		{`request.duration <= duration("3h")`, Unknown{}, holds},
		{`request.justification != null`, nothing, holds | fails},
		{`request.justification != null`, Unknown{}, holds},
		{`request.template == "incident-admin"`, nothing, holds},
		{`request.break_glass`, Unknown{BreakGlass: true}, holds | fails},
		{`request.break_glass`, Unknown{}, fails},
		{`event == null`, nothing, holds | fails},
		{`event == null`, ofKind, fails},
		{`event != null && event.kind == "incident"`, nothing, holds | fails},
		{`event != null && event.kind == "incident"`, ofKind, holds},
		{`event != null && event.kind == "change"`, ofKind, fails},
		{`event != null && event.severity != null && event.severity <= 2`, ofKind, holds | fails},
		{`event != null && event.severity != null && event.severity <= 2`, Unknown{}, holds},
		{`event != null && event.reference == null`, ofKind, holds | fails},
		{`event != null && event.ends_at > now`, ofKind, holds | fails},
		{`hour(now, "UTC") < 18`, nothing, holds},
		{`hour(now, "UTC") < 18`, Unknown{Now: true}, holds | fails},
		{`hour(request.not_before, "UTC") < 18`, Unknown{Now: true}, holds},
		{`hour(request.not_before, "UTC") < 18`, Unknown{Begins: true}, holds | fails},
		{`event != null && event.attributes.region != null && event.attributes.region == "eu"`, ofKind, holds | fails},
		{`event != null && event.attributes.region != null && event.attributes.region == "eu"`, Unknown{}, holds},
		{`identity.attributes.level != null && identity.attributes.level > 2`, nothing, holds},
		{`identity.attributes.level == null`, nothing, fails},
	} {
		in := withAttributes()
		policy, diags := CompileEligibility(c.src, nil, declared)
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		if got := policy.Foresee(&in, c.unknown).Prospect; got != c.want {
			t.Errorf("%s with %+v: %03b, want %03b", c.src, c.unknown, got, c.want)
		}
	}
}
