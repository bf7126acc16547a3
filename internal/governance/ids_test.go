package governance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// part draws what a name may be, and what it may not: separators, escapes,
// dots, bytes that are no text.
func part(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.StringN(1, 20, -1),
		rapid.StringMatching(`[a-z/%. ;"]{1,8}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 6), func(b []byte) string { return string(b) }),
	).Draw(t, label)
}

func TestIdentifiersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		application, kind, native := part(t, "application"), part(t, "kind"), part(t, "native_id")
		app := Application{Name: application}.ID()
		id := Entitlement{Application: app, Kind: kind, NativeID: native}.ID()
		gotApp, gotKind, gotNative, err := id.Split()
		if err != nil || gotApp != app || gotKind != kind || gotNative != native {
			t.Errorf("%q splits into %q, %q, %q, %v", id, gotApp, gotKind, gotNative, err)
		}
		account := NewAccountID(app, native)
		gotApp, gotName, err := account.Split()
		if err != nil || gotApp != app || gotName != native {
			t.Errorf("%q splits into %q, %q, %v", account, gotApp, gotName, err)
		}
	})
}

func TestOnlyOneTextIsTheIdentifierOfAThing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[a-zA-Z0-9%/ .+~]{0,14}`).Draw(t, "id")
		parts, err := DecodeID(id, "a/b")
		if err == nil && EncodeID(parts...) != id {
			t.Errorf("%q is taken for %q", id, EncodeID(parts...))
		}
	})
}

func TestIdentifiersThatAreNotCanonicalAreRefused(t *testing.T) {
	for _, id := range []string{"", "/", "a/", "/b", "a", "a/b/c", "a/b%2fc", "a/%62", "a/b c", "a/%", "a/%zz", "a/b?"} {
		if parts, err := DecodeID(id, "application/account"); err == nil || !strings.Contains(err.Error(), "application/account") {
			t.Errorf("%q decodes to %q, %v", id, parts, err)
		}
	}
	if _, _, _, err := EntitlementID("billing/role").Split(); err == nil {
		t.Error("an entitlement without native_id is split")
	}
	if _, _, err := AccountID("billing").Split(); err == nil {
		t.Error("an account without a name is split")
	}
}

func TestKeysAreTheEncodedNames(t *testing.T) {
	for want, o := range map[string]Object{
		"identity/cost_center":     Attribute{Object: IdentityAttribute, Name: "cost_center"},
		"business_event/caf%C3%A9": Attribute{Object: EventAttribute, Name: "café"},
		"billing":                  Application{Name: "billing"},
		"j%C3%BCrgen%2Fops":        Identity{Name: "jürgen/ops"},
		"billing/role/a%20b%2F":    Entitlement{Application: "billing", Kind: "role", NativeID: "a b/"},
		"on%20call":                EligibilityPolicy{Name: "on call"},
		"pay":                      SoDRule{Name: "pay"},
		"fix":                      GrantTemplate{Name: "fix"},
		"audit-2026":               BusinessEvent{Name: "audit-2026"},
		"on%20leave":               Delegation{Name: "on leave"},
		"pager%2Feu":               EventSource{Name: "pager/eu"},
	} {
		if o.Key() != want {
			t.Errorf("the key of %s is %q, want %q", o.ObjectKind(), o.Key(), want)
		}
	}
}

func TestObjectKindsAreTheirNamesInHCL(t *testing.T) {
	kinds := declaredCodes(t, "declared.go", "Kind")
	objects := []Object{Attribute{}, Application{}, Identity{}, Entitlement{}, EligibilityPolicy{}, SoDRule{}, GrantTemplate{}, BusinessEvent{}, Delegation{}, EventSource{}}
	if len(kinds) != len(objects) {
		t.Fatalf("%d kinds, %d documents", len(kinds), len(objects))
	}
	for i, o := range objects {
		if string(o.ObjectKind()) != kinds[i] {
			t.Errorf("%T is of kind %s, want %s", o, o.ObjectKind(), kinds[i])
		}
	}
}

func TestDurationsRoundTripAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(time.Duration(rapid.Int64Range(0, 1<<33).Draw(t, "seconds")) * time.Second)
		text, err := json.Marshal(map[string]Duration{"d": d})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]Duration
		if err := json.Unmarshal(text, &back); err != nil || back["d"] != d || back["d"].Std() != time.Duration(d) {
			t.Errorf("%s comes back as %s, %v", text, back["d"], err)
		}
	})
}

func TestDurationsOutsideTheGrammarAreRefused(t *testing.T) {
	for _, text := range []string{`"90"`, `"-1h"`, `"1.5h"`, `"1m1h"`, `""`, `"1h 30m"`, `"500ms"`, `3600`} {
		d := Duration(time.Hour)
		if err := json.Unmarshal([]byte(text), &d); err == nil || d != Duration(time.Hour) {
			t.Errorf("%s is read as %s, %v", text, d, err)
		}
	}
	var d Duration
	if err := json.Unmarshal([]byte(`"90m"`), &d); err != nil || d.String() != "1h30m" {
		t.Errorf("90m is %s, %v", d, err)
	}
}
