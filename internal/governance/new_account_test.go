package governance

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func newAccountIn(t *testing.T, a Application, who string, around AccountSurroundings) NewAccount {
	t.Helper()
	set := policySet(t, Documents{
		Applications: []Application{a},
		Attributes:   []Attribute{{Object: IdentityAttribute, Name: "login", Type: StringAttribute, Description: "Login."}},
	})
	people := map[string]Person{
		"dan": {Identity: Identity{Name: "dan", Type: Human, Attributes: map[string]json.RawMessage{"login": json.RawMessage(`"dlogin"`)}}, Status: Active},
		"Dan": {Identity: Identity{Name: "Dan", Type: Human}, Status: Active},
		"eve": {Identity: Identity{Name: "eve", Type: Human}, Status: Active},
	}
	if around.Owner == nil {
		around.Owner = func(AccountID) (IdentityID, bool) { return "", false }
	}
	if around.Others == nil {
		around.Others = []Person{people["dan"], people["Dan"], people["eve"]}
	}
	return set.NewAccount(a.ID(), people[who], around)
}

func TestNewAccountIsTheIdentitysOwn(t *testing.T) {
	owned := func(by IdentityID) func(AccountID) (IdentityID, bool) {
		return func(id AccountID) (IdentityID, bool) { return by, id == "billing/dan" }
	}
	login := `identity.attributes.login != null ? identity.attributes.login : ""`
	for name, c := range map[string]struct {
		a      Application
		who    string
		around AccountSurroundings
		want   string
		tells  string
	}{
		"named like the identity": {Application{Correlation: `account.name == identity.name`}, "dan", AccountSurroundings{}, "billing/dan", ""},
		"named by an expression": {Application{AccountName: login, Correlation: `identity.attributes.login != null && account.name == identity.attributes.login`}, "dan", AccountSurroundings{},
			"billing/dlogin", ""},
		"with an empty name": {Application{AccountName: login, Correlation: `account.name == identity.name`}, "eve", AccountSurroundings{},
			string(ReasonAccountNameInvalid), "empty name"},
		"that is its own already": {Application{Correlation: `account.name == identity.name`}, "dan", AccountSurroundings{Owner: owned("dan")}, "billing/dan", ""},
		"that is nobody's": {Application{Correlation: `account.name == identity.name`}, "dan", AccountSurroundings{Owner: owned("")},
			string(ReasonAccountTaken), "belongs to no identity"},
		"that is somebody else's": {Application{Correlation: `account.name == identity.name`}, "dan", AccountSurroundings{Owner: owned("eve")},
			string(ReasonAccountTaken), `belongs to "eve"`},
		"that the target refuses": {Application{Correlation: `account.name == identity.name`}, "dan", AccountSurroundings{Check: func(name string) error { return errors.New(name + " is reserved") }},
			string(ReasonAccountNameInvalid), "dan is reserved"},
		"that does not correlate": {Application{AccountName: `lower(identity.name)`, Correlation: `account.name == identity.name`}, "Dan", AccountSurroundings{Others: []Person{}},
			string(ReasonAccountUncorrelated), "would not be its own"},
		"that correlates with two": {Application{AccountName: `lower(identity.name)`, Correlation: `account.name == lower(identity.name)`}, "Dan", AccountSurroundings{},
			string(ReasonAccountUncorrelated), `would belong to "dan" as well`},
		"of which only the name is known": {Application{Correlation: `account.attributes["mail"] != null && account.attributes["mail"] == identity.name`}, "dan", AccountSurroundings{},
			string(ReasonAccountUncorrelated), "would not be its own"},
	} {
		c.a.Name = "billing"
		got := newAccountIn(t, c.a, c.who, c.around)
		if text := string(got.Account) + string(got.Problem); text != c.want || !strings.Contains(got.Message, c.tells) {
			t.Errorf("an account %s is %+v, want %s with %q", name, got, c.want, c.tells)
		}
	}
}

func TestAccountNameIsCheckedWithItsApplication(t *testing.T) {
	for src, code := range map[string]string{"": "", `lower(identity.name)`: "", `"same"`: CodeCondition, `identity.groups`: CodeCondition, `identity.naem`: CodeCondition} {
		var found Problems
		for _, p := range (Application{Name: "billing", Correlation: `account.name == identity.name`, AccountName: src}).Check() {
			if p.Field == "account_name" {
				found = append(found, p)
			}
		}
		if len(found) > 1 || code == "" && len(found) > 0 || code != "" && (len(found) == 0 || found[0].Code != code) {
			t.Errorf("account_name %q is found wrong with %v, want %q", src, found, code)
		}
	}
}
