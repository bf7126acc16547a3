package accesstest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheGuideTellsEveryMember(t *testing.T) {
	text, err := os.ReadFile("../../templates/guides/access-tests.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	_, reference, _ := strings.Cut(string(text), "## Reference")
	members := slices.Concat(layerMembers, identityMembers, requestMembers, eventMembers, expectMembers, heldMembers)
	for _, name := range append(members, "cases", Somebody, DefaultNow.Format(time.RFC3339)) {
		if !strings.Contains(reference, "`"+name+"`") && !strings.Contains(reference, "`\""+name+"\"`") {
			t.Errorf("the guide's reference does not tell of %s", name)
		}
	}
}
