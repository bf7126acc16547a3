package fwconv_test

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

func TestFieldOfADocumentIsThePathOfItsAttribute(t *testing.T) {
	for field, want := range map[string]string{
		"name":                           "name",
		"stages[1].timeout":              "stages[1].timeout",
		`duties["a.b[0]\"c"]`:            `duties["a.b[0]\"c"]`,
		`duties["pay"].entitlements[2]`:  `duties["pay"].entitlements`,
		"groups[0]":                      "groups",
		"name.first":                     "name",
		"parameters.team":                "parameters",
		"version":                        "",
		"":                               "",
		"stages[x].timeout":              "stages",
		`duties["pay`:                    "duties",
		"stages[0].approvers.identities": "stages[0]",
	} {
		if got := fwconv.Path(t.Context(), shape(), field).String(); got != want {
			t.Errorf("%s is at %s, not at %s", field, got, want)
		}
	}
}

func TestWhatIsNotKnownTouchesWhatHoldsItAndWhatItHolds(t *testing.T) {
	u := fwconv.Unknown{`approval.stages[0].approvers.groups`, "duration"}
	for field, want := range map[string]struct{ touches, holds bool }{
		"duration":                            {true, true},
		"duration.max":                        {true, true},
		"durations":                           {false, false},
		"approval":                            {true, false},
		"approval.stages[0].approvers":        {true, false},
		"approval.stages[1].approvers":        {false, false},
		`approval.stages[0].approvers.groups`: {true, true},
	} {
		if got := u.Touches(field); got != want.touches {
			t.Errorf("touches %s: %v", field, got)
		}
		if got := u.Holds(field); got != want.holds {
			t.Errorf("holds %s: %v", field, got)
		}
	}
	if !u.TouchesAny([]string{"name", "approval.stages.approvers"}) || u.TouchesAny([]string{"name", "approval.stages.name"}) {
		t.Error("indexes matter where they should not")
	}
}
