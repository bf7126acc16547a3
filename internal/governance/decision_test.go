package governance

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// decisionCase is one case of testdata/decisions.txt: its name, where it
// stands, and its lines by keyword.
type decisionCase struct {
	name  string
	line  int
	words map[string][]string
}

var decisionKeywords = []string{
	"who", "template", "wants", "duration", "event", "reason", "account", "holds", "missing", "retired", "bootstrap", "extends",
	"begins", "used", "others", "breaks", "broke", "makes", "cannot",
	"comes to", "says", "tells", "lasts", "weighs", "lacks",
}

func readDecisionCases(t *testing.T) []decisionCase {
	t.Helper()
	text, err := os.ReadFile("testdata/decisions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []decisionCase
	for n, line := range strings.Split(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "case "); ok {
			cases = append(cases, decisionCase{name: name, line: n + 1, words: map[string][]string{}})
			continue
		}
		if line = strings.TrimLeft(line, " "); line == "" || line[0] == '#' {
			continue
		}
		i := slices.IndexFunc(decisionKeywords, func(word string) bool { return strings.HasPrefix(line, word+" ") })
		if i < 0 || len(cases) == 0 {
			t.Fatalf("testdata/decisions.txt:%d: %q begins with no keyword", n+1, line)
		}
		word := decisionKeywords[i]
		words := cases[len(cases)-1].words
		words[word] = append(words[word], strings.TrimLeft(line[len(word):], " "))
	}
	return cases
}

func (c decisionCase) one(word string) string {
	return strings.Join(c.words[word], " ")
}

func (c decisionCase) question(t *testing.T, w world) Question {
	t.Helper()
	person := w.person(IdentityID(c.one("who")))
	if person == nil {
		t.Fatalf("nobody is called %q", c.one("who"))
	}
	q := Question{
		Now: noon, Identity: *person, Owner: w.person(person.Owner), Bootstrap: c.one("bootstrap") == "yes",
		Template: TemplateID(c.one("template")), Account: AccountID(c.one("account")),
		Justification: strings.NewReplacer("BLANK", " \n", "BOOK", strings.Repeat("x", MaxText+1)).Replace(c.one("reason")),
		EventRef:      c.one("event"), Event: w.event(c.one("event")),
		Accounts: w.Accounts[person.ID()], Inclusions: w.Inclusions,
	}
	for _, id := range strings.Fields(c.one("wants")) {
		q.Entitlements = append(q.Entitlements, EntitlementID(id))
	}
	for _, id := range strings.Fields(c.one("missing")) {
		q.Missing = append(q.Missing, EntitlementID(id))
	}
	for _, id := range strings.Fields(c.one("retired")) {
		q.Retired = append(q.Retired, ApplicationID(id))
	}
	for _, held := range c.words["holds"] {
		identity, entitlement, _ := strings.Cut(held, " ")
		q.Held = append(q.Held, Holding{Identity: IdentityID(identity), Account: AccountID("billing/" + identity), Entitlement: EntitlementID(entitlement)})
	}
	if text := c.one("begins"); text != "" {
		begins := fromNoon(t, text)
		q.NotBefore = &begins
	}
	q.Uses = map[TemplateID]Use{q.Template: c.use(t)}
	if text := c.one("extends"); text != "" {
		q.Extends = extended(t, q, text)
	}
	q.BreakGlass = c.one("breaks") == "the glass"
	for _, text := range c.words["broke"] {
		q.Broken = append(q.Broken, broken(t, text))
	}
	if made := c.one("makes"); made != "" {
		q.NewAccounts = map[ApplicationID]NewAccount{"billing": {Account: AccountID(made)}}
	}
	if code, message, ok := strings.Cut(c.one("cannot"), " "); ok {
		q.NewAccounts = map[ApplicationID]NewAccount{"billing": {Problem: ReasonCode(code), Message: message}}
	}
	if text := c.one("duration"); text != "" {
		q.Duration = new(Duration)
		if err := q.Duration.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return q
}

// fromNoon reads a time by its distance from noon.
func fromNoon(t *testing.T, text string) time.Time {
	t.Helper()
	distance, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return noon.Add(distance)
}

// use reads the requester's grants through the template, each with its state, its
// begin and its end, and how many live ones others have.
func (c decisionCase) use(t *testing.T) Use {
	t.Helper()
	var use Use
	for n, text := range c.words["used"] {
		words := strings.Fields(text)
		g := Grant{ID: GrantID(fmt.Sprint("g-", n+1)), State: GrantState(words[0]), NotBefore: fromNoon(t, words[1]), NotAfter: fromNoon(t, words[2])}
		if g.State.Live() {
			use.Live++
		} else {
			g.EndedAt = &g.NotAfter
		}
		use.Own = append(use.Own, g)
	}
	if text := c.one("others"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		use.Live += n
	}
	return use
}

// extended reads a grant of what is asked for: its state, and how long ago it
// was activated and how long it lasts on.
func extended(t *testing.T, q Question, text string) *Grant {
	t.Helper()
	words := strings.Fields(text)
	var since, left Duration
	if err := errors.Join(since.UnmarshalText([]byte(words[1])), left.UnmarshalText([]byte(words[2]))); err != nil {
		t.Fatal(err)
	}
	activated := noon.Add(-since.Std())
	return &Grant{
		ID: "g-1", State: GrantState(words[0]), Account: AccountID("billing/" + string(q.Identity.ID())), Entitlement: q.Entitlements[0],
		ActivatedAt: &activated, NotAfter: noon.Add(left.Std()),
	}
}

// broken reads an earlier request by break-glass: its template, how long ago it
// was made, where its review stands, and how long after the request that was due.
func broken(t *testing.T, text string) Request {
	t.Helper()
	words := strings.Fields(text)
	var ago, due Duration
	if err := errors.Join(ago.UnmarshalText([]byte(words[1])), due.UnmarshalText([]byte(words[3]))); err != nil {
		t.Fatal(err)
	}
	made := noon.Add(-ago.Std())
	return Request{
		ID: "r-1", Template: TemplateID(words[0]), State: RequestGranted, BreakGlass: true, CreatedAt: made,
		Review: &Review{State: ReviewState(words[2]), DueAt: made.Add(due.Std()), Reviewers: Approvers{Identities: []IdentityID{"carol"}}},
	}
}

var weightMarks = map[Weight]string{Denies: "!", DemandsConsent: "?", Supports: "+", Notes: "-"}

func TestDecisions(t *testing.T) {
	w := readWorld(t)
	plain, making := w.policySet(t), w.makingAccounts().policySet(t)
	for _, c := range readDecisionCases(t) {
		t.Run(c.name, func(t *testing.T) {
			set := plain
			if c.one("makes")+c.one("cannot") != "" {
				set = making
			}
			t.Logf("testdata/decisions.txt:%d", c.line)
			d := set.Decide(c.question(t, w))
			if string(d.Effect) != c.one("comes to") {
				t.Errorf("comes to %s, want %s", d.Effect, c.one("comes to"))
			}
			var said, messages []string
			for _, r := range d.Reasons {
				said = append(said, weightMarks[r.Weight]+string(r.Code))
				messages = append(messages, r.Message)
			}
			if diff := cmp.Diff(strings.Fields(c.one("says")), said); diff != "" {
				t.Errorf("says (-want +got):\n%s%s", diff, strings.Join(messages, "\n"))
			}
			for _, text := range c.words["tells"] {
				if !strings.Contains(strings.Join(messages, "\n"), text) {
					t.Errorf("no reason tells %q:\n%s", text, strings.Join(messages, "\n"))
				}
			}
			if lasts := c.one("lasts"); lasts != "" && d.Duration.String() != lasts {
				t.Errorf("lasts %s, want %s", d.Duration, lasts)
			}
			if d.Revision != 42 {
				t.Errorf("decided on revision %d, want 42", d.Revision)
			}
		})
	}
}

func TestEveryReasonCodeIsSaidInSomeCase(t *testing.T) {
	// These two are said of requests that are not made yet.
	said := map[string]bool{string(ReasonPolicyDepends): true, string(ReasonPolicyMayDeny): true}
	for _, c := range readDecisionCases(t) {
		for _, code := range strings.Fields(c.one("says")) {
			said[code[1:]] = true
		}
	}
	declared := declaredCodes(t, "reason.go", "ReasonCode")
	if len(declared) < 20 {
		t.Fatalf("only %d reason codes were found in reason.go", len(declared))
	}
	for _, code := range declared {
		if !said[code] {
			t.Errorf("no case of testdata/decisions.txt says %s", code)
		}
	}
}

// declaredCodes are the values of the constants of a type in a source file.
func declaredCodes(t *testing.T, file, typeName string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	return values
}

func TestReasonNamesPolicyPositionPartsAndValues(t *testing.T) {
	w := readWorld(t)
	d := w.policySet(t).Decide(Question{
		Now: noon, Identity: *w.person("alice"), Template: "incident-admin", Entitlements: []EntitlementID{"billing/role/admin"},
		EventRef: "chg-1", Event: w.event("chg-1"), Justification: "stuck", Accounts: w.Accounts["alice"],
	})
	want := []Reason{{
		Code: ReasonPolicyNoMatch, Weight: Denies, Template: "incident-admin", Policy: "oncall", Entitlement: "billing/role/admin",
		Message: `policy "oncall" does not match for "billing/role/admin": "event.kind == \"incident\"" is false (line 2, column 21)`,
		Parts: []Part{
			{Line: 1, Column: 1, Text: "contains(identity.groups, param.team)", Outcome: "true", Values: map[string]string{"identity.groups": `["sre-oncall"]`, "param.team": `"sre-oncall"`}},
			{Line: 2, Column: 4, Text: "event != null", Outcome: "true", Values: map[string]string{"event": "present"}},
			{Line: 2, Column: 21, Text: `event.kind == "incident"`, Outcome: "false", Values: map[string]string{"event.kind": `"change"`}},
		},
	}}
	if diff := cmp.Diff(want, d.Denials()); diff != "" {
		t.Errorf("denials (-want +got):\n%s", diff)
	}
}

func TestReasonOfAPolicyThatErrsCarriesTheError(t *testing.T) {
	w := readWorld(t)
	d := w.policySet(t).Decide(Question{
		Now: noon, Identity: *w.person("alice"), Template: "day-work", Entitlements: []EntitlementID{"crm/role/agent"},
		Justification: "because", Accounts: w.Accounts["alice"],
	})
	denials := d.Denials()
	if len(denials) != 1 || denials[0].Policy != "not-from-home" || len(denials[0].Parts) != 2 {
		t.Fatalf("denials: %+v", denials)
	}
	if part := denials[0].Parts[1]; part.Outcome != "error" || !strings.Contains(part.Error, "is not an IP address") || part.Values["request.justification"] != `"because"` {
		t.Errorf("part that erred: %+v", part)
	}
}

func TestDecisionNamesTheGrantsItComesTo(t *testing.T) {
	w := readWorld(t)
	d := w.policySet(t).Decide(Question{
		Now: noon, Identity: *w.person("tom"), Template: "day-work",
		Entitlements: []EntitlementID{"crm/role/agent", "billing/role/read", "crm/role/agent"}, Accounts: w.Accounts["tom"],
	})
	want := []Holding{
		{Identity: "tom", Account: "crm/tom", Entitlement: "crm/role/agent"},
		{Identity: "tom", Account: "billing/tom", Entitlement: "billing/role/read"},
	}
	if diff := cmp.Diff(want, d.Grants); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	if d.MaxDuration.String() != "8h" {
		t.Errorf("longest is %s, want 8h", d.MaxDuration)
	}
}
