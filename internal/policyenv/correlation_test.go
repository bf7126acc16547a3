package policyenv

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

func TestAccountsAreCorrelated(t *testing.T) {
	alice := Identity{ID: "alice", Name: "alice", Type: "human", Groups: []string{"staff"}, Status: "active"}
	for name, c := range map[string]struct {
		src     string
		account Account
		want    bool
	}{
		"by name":              {`account.name == identity.name`, Account{Name: "alice"}, true},
		"by another name":      {`account.name == identity.name`, Account{Name: "bob"}, false},
		"by lowered name":      {`lower(account.name) == identity.name`, Account{Name: "ALICE"}, true},
		"by an attribute":      {`account.attributes["employee"] != null && account.attributes["employee"] == identity.id`, Account{Attributes: map[string]string{"employee": "alice"}}, true},
		"attribute not there":  {`account.attributes["employee"] != null && account.attributes["employee"] == identity.id`, Account{Name: "alice"}, false},
		"by the target's uid":  {`account.uid == identity.id`, Account{UID: "alice"}, true},
		"by name, humans only": {`identity.type == "human" && startswith(account.name, identity.name)`, Account{Name: "alice@corp"}, true},
	} {
		correlation, diags := CompileCorrelation(c.src, nil)
		if err := diags.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := correlation.Match(c.account, alice); got != c.want || err != nil {
			t.Errorf("%s: comes to %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestACorrelationLooksAtBothSides(t *testing.T) {
	for _, src := range []string{`account.name == "root"`, `identity.name == "alice"`} {
		if _, diags := CompileCorrelation(src, nil); len(diags) != 1 || diags[0].Code != CodeOneSided {
			t.Errorf("%s: found %v", src, diags)
		}
	}
}

func TestACorrelationSeesNoRequest(t *testing.T) {
	_, diags := CompileCorrelation(`account.name == request.template`, nil)
	if len(diags) != 1 || diags[0].Code != condition.CodeUnknownName {
		t.Errorf("found %v", diags)
	}
}

func BenchmarkMatch(b *testing.B) {
	correlation, _ := CompileCorrelation(`account.name == identity.name`, nil)
	account, identity := Account{Name: "alice"}, Identity{ID: "bob", Name: "bob", Type: "human"}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = correlation.Match(account, identity)
	}
}
