package policyenv

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

func TestAccountsAreNamedAfterTheirIdentity(t *testing.T) {
	attributes := Attributes{{Of: OfIdentity, Name: "login", Type: condition.String}}
	alice := Identity{ID: "alice", Name: "Alice", Type: "human", Attributes: Values{"login": "al"}}
	for src, want := range map[string]string{
		`identity.name`:        "Alice",
		`lower(identity.name)`: "alice",
		`identity.attributes.login != null ? identity.attributes.login : identity.name`: "al",
		`identity.type == "human" ? identity.name : "bot"`:                              "Alice",
	} {
		name, diags := CompileAccountName(src, attributes)
		if err := diags.Err(); err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := name.Of(alice); got != want || err != nil {
			t.Errorf("%s comes to %q, %v; want %q", src, got, err, want)
		}
	}
}

func TestWhatNamesNoAccountIsFound(t *testing.T) {
	for src, code := range map[string]condition.Code{
		`"shared"`:                  CodeOneSided,
		`identity.type == "human"`:  condition.CodeTypeMismatch,
		`identity.groups`:           condition.CodeTypeMismatch,
		`account.name`:              condition.CodeUnknownName,
		`identity.attributes.login`: "",
		`identity.manager`:          condition.CodeUnguardedOptional,
	} {
		diags := CheckAccountName(src)
		if code == "" {
			if len(diags) == 0 {
				t.Errorf("%s: an attribute that may be absent passes without a guard", src)
			}
			continue
		}
		if len(diags) != 1 || diags[0].Code != code {
			t.Errorf("%s: early check finds %v, want %s", src, diags, code)
		}
		if _, diags := CompileAccountName(src, nil); len(diags) != 1 || diags[0].Code != code {
			t.Errorf("%s: found %v, want %s", src, diags, code)
		}
	}
	if diags := CheckAccountName(`identity.attributes.login != null ? identity.attributes.login : identity.name`); len(diags) > 0 {
		t.Errorf("an attribute that may be declared yet: %v", diags)
	}
	if _, diags := CompileAccountName(`identity.attributes.login != null ? identity.attributes.login : identity.name`, nil); len(diags) == 0 {
		t.Error("an attribute that is not declared passes")
	}
}
