package governance

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestGuideTellsEveryStateOfAMadeAccount(t *testing.T) {
	text, err := os.ReadFile("../../templates/guides/lifecycle.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## An account for who has none\n")
	part, _, _ = strings.Cut(part, "\n## ")
	for _, state := range declaredCodes(t, "made_account.go", "MadeAccountState") {
		if !strings.Contains(part, "\n| `"+state+"` |") {
			t.Errorf("the guide does not tell the state %s", state)
		}
	}
}

// Whatever happens to an account that Stint makes, it is never taken for gone
// without that the target showed it, and nothing of it stays unless it is told.
func TestMadeAccountIsNeverLostSightOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		a := PlanAccount("m", Grant{ID: "g", Identity: "dora", Account: "billing/dora", Application: "billing"}, now)
		// there: the target may have it.
		there := false
		t.Repeat(map[string]func(*rapid.T){
			"create": func(*rapid.T) {
				if a.State != AccountCancelled { // another is planned then
					a, there = a.Create(now), true
				}
			},
			"made": func(t *rapid.T) {
				made, err := a.Made("7", now)
				var refused *TransitionError
				if (err == nil) != (a.State == AccountCreating) || err != nil && !errors.As(err, &refused) {
					t.Fatalf("made from %s: %v", a.State, err)
				}
				a = made
			},
			"release": func(*rapid.T) { a = a.Release(now) },
			"abandon": func(*rapid.T) { a = a.Abandon() },
			"resurface": func(t *rapid.T) {
				over := a.State == AccountRemoved || a.State == AccountCancelled
				back, err := a.Resurface(now)
				if (err == nil) != over {
					t.Fatalf("seen again when %s: %v", a.State, err)
				}
				a, there = back, there || over
			},
			"adopt": func(*rapid.T) { a, there = a.Adopt("7", now), true },
			"gone": func(t *rapid.T) {
				var kept []string
				if rapid.Bool().Draw(t, "kept") {
					kept = []string{"it owns something"}
				}
				gone, err := a.Gone(kept, now)
				if err != nil {
					if a.State == AccountRemoving || a.State == AccountLocked || a.State == AccountAbandoned {
						t.Fatalf("what the target showed of a %s account is refused: %v", a.State, err)
					}
					return
				}
				a, there = gone, len(kept) > 0
			},
			"time": func(*rapid.T) { now = now.Add(time.Minute) },
			"": func(t *rapid.T) {
				if there && !a.State.Standing() {
					t.Fatalf("the target may have it, and it counts as %s", a.State)
				}
				if a.State.Standing() && !a.State.Current() {
					t.Fatalf("a %s account stands, and another may be made under its name", a.State)
				}
				if (a.State == AccountLocked) != (len(a.Kept) > 0) && a.State != AccountAbandoned {
					t.Fatalf("a %s account is kept by %v", a.State, a.Kept)
				}
				if a.State == AccountRemoving && a.RemovingAt == nil {
					t.Fatal("nobody would know when its removal is overdue")
				}
				if at := a.SafeToRemove(time.Minute); a.State == AccountCreating && a.MadeAt == nil && at.IsZero() {
					t.Fatal("it would be taken for gone while a call is under way")
				}
			},
		})
	})
}
