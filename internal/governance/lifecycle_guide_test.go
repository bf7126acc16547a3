package governance

import (
	"os"
	"strings"
	"testing"
	"time"
)

// guideTable reads the rows of the guide's table whose head begins with the
// given cells: by state, what each action comes to. A cell says the state in
// backticks, or in a word that there is none: refused, stays.
func guideTable(t *testing.T, section string, actions int) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../templates/guides/lifecycle.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), "\n## "+section+"\n")
	if !found {
		t.Fatalf("the guide has no section %q", section)
	}
	part, _, _ = strings.Cut(part, "\n## ")
	rows := map[string][]string{}
	for line := range strings.Lines(part) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != actions+2 || !strings.HasPrefix(strings.TrimSpace(cells[0]), "`") {
			continue
		}
		state := strings.Trim(strings.TrimSpace(cells[0]), "`")
		for _, cell := range cells[2:] {
			words := strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == '`' || r == ',' })
			rows[state] = append(rows[state], words[0])
		}
	}
	return rows
}

// comesTo says what an action made of a state, in the words of the guide.
func comesTo[S ~string](before, after S, err error) string {
	switch {
	case err != nil:
		return "refused"
	case before == after:
		return "stays"
	}
	return string(after)
}

func TestEveryStateAnswersEveryActionAsTheGuideSays(t *testing.T) {
	requests := guideTable(t, "A request", 4)
	for _, name := range declaredCodes(t, "request.go", "RequestState") {
		state, deadline, ended := RequestState(name), noon.Add(time.Minute), noon
		r := Request{ID: "r", State: state, Stages: []ApprovalStage{stage("lead", 1)}}
		if state == RequestPending {
			r.Deadline = &deadline
		} else {
			r.EndedAt = &ended
		}
		withdrawn, withdrawErr := r.Withdraw(noon)
		approved, done, approveErr := r.Approve(Voice{Approver: "ann"}, "", noon)
		if done {
			approved = approved.Conclude(Decision{Effect: NeedsApproval}, noon)
		}
		rejected, rejectErr := r.Reject(Voice{Approver: "ann"}, "", noon)
		late, _ := r.TimeOut(deadline)
		compareRow(t, requests, name, []string{
			comesTo(state, withdrawn.State, withdrawErr), comesTo(state, approved.State, approveErr),
			comesTo(state, rejected.State, rejectErr), comesTo(state, late.State, nil),
		})
	}

	grants := guideTable(t, "A grant", 3)
	for _, name := range declaredCodes(t, "grant.go", "GrantState") {
		state := GrantState(name)
		g := Grant{ID: "g", State: state, NotBefore: noon, ActivateBy: noon.Add(time.Minute), NotAfter: noon.Add(time.Hour)}
		returned, err := g.End(EndReturned, noon)
		revoked, revokeErr := g.End(EndRevokedBy, noon)
		if returned.State != revoked.State || (err == nil) != (revokeErr == nil) {
			t.Errorf("a grant that is %s becomes %s when it is returned, and %s when it is revoked", state, returned.State, revoked.State)
		}
		at := func(now time.Time) string {
			reason, due := g.DueReason(now)
			if !due {
				return "stays"
			}
			over, err := g.End(reason, now)
			return comesTo(state, over.State, err)
		}
		compareRow(t, grants, name, []string{comesTo(state, returned.State, err), at(g.ActivateBy), at(g.NotAfter)})
	}
}

func compareRow(t *testing.T, rows map[string][]string, state string, want []string) {
	t.Helper()
	if got := strings.Join(rows[state], ", "); got != strings.Join(want, ", ") {
		t.Errorf("of %s the guide says %s; it is %s", state, got, strings.Join(want, ", "))
	}
}

func TestTheGuideNamesEveryEndReason(t *testing.T) {
	text, err := os.ReadFile("../../templates/guides/lifecycle.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range declaredCodes(t, "grant.go", "EndReason") {
		if !strings.Contains(string(text), "\n| `"+reason+"` |") {
			t.Errorf("the guide does not say why a grant ends as %s", reason)
		}
	}
}
