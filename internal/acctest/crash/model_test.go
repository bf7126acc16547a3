package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// asked is what a person asked for and heard. What must hold follows from these
// alone, not from anything that the engine computes.
type asked struct {
	// grant is empty when no answer came.
	grant governance.GrantID
	// allowed: nobody has to agree (any more).
	allowed bool
	// until is the latest moment at which it may stand; until sure it must, once
	// it was answered.
	until, sure time.Time
	// mayBeOver: its end was asked for; over: and the answer came.
	mayBeOver, over bool
}

// allow notes that a grant may be given from now on.
func (a *asked) allow(now time.Time) {
	a.allowed = true
	a.until, a.sure = now.Add(activateWithin+duration+time.Second), now.Add(duration)
}

// judgeDead looks at what a killed server left, before another starts.
func (w *world) judgeDead(t *testing.T, p *person) (broken []string) {
	made := p.newcomer && w.exists(p)
	if !made && (p.stood || !w.holds(p)) {
		return nil
	}
	db, err := p.state.open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var intents int
	if made {
		if err := db.QueryRow(`SELECT count(*) FROM made_accounts WHERE account_id = $1 AND state IN ('creating', 'made', 'removing')`, "billing/"+p.name).Scan(&intents); err != nil {
			t.Fatal(err)
		}
		if intents == 0 {
			broken = append(broken, "intent first: the target has an account that was not committed to be made")
		}
		if !w.holds(p) {
			return broken
		}
	}
	if err := db.QueryRow(`SELECT count(*) FROM grants WHERE account_id = $1 AND state IN ('provisioning', 'active', 'revoking')`, "billing/"+p.name).Scan(&intents); err != nil {
		t.Fatal(err)
	}
	if intents == 0 {
		broken = append(broken, "intent first: the target holds a right that no committed grant was to give")
	}
	return broken
}

// judge compares the target with what was asked for, and with the state.
func (w *world) judge(t *testing.T, p *person) []string {
	broken := append(p.middle, w.judgeNow(p)...)
	p.middle = nil
	return append(broken, w.judgeKnown(t, p)...)
}

func (w *world) judgeNow(p *person) (broken []string) {
	holds, may, must, now := w.holds(p), p.stood, p.stood, p.now()
	for _, a := range p.asks {
		if a.allowed && !a.over && now.Before(a.until) {
			may = true
		}
		if a.grant != "" && !p.missing && !a.mayBeOver && now.Before(a.sure) {
			must = true
		}
	}
	if holds && !may {
		broken = append(broken, "every grant ends, ended means read back, two pairs of eyes: the target holds what nobody may have")
	}
	if must && p.newcomer && !w.usable(p) {
		broken = append(broken, "coverage: the account that was made is gone or locked while a grant rests on it")
	}
	if !holds && must {
		broken = append(broken, "coverage: the target lost what a grant, or somebody before it, gave")
	}
	return broken
}

// judgeKnown: the state knows what was answered, once, and the target agrees.
func (w *world) judgeKnown(t *testing.T, p *person) (broken []string) {
	list, err := w.grants(p)
	if err != nil {
		t.Error(err)
		return nil
	}
	if len(list) > len(p.asks) {
		broken = append(broken, fmt.Sprintf("%d grants came of %d requests", len(list), len(p.asks)))
	}
	var latest time.Time
	for _, a := range p.asks {
		if a.until.After(latest) {
			latest = a.until
		}
	}
	active := p.stood
	for _, g := range list {
		active = active || g.State == governance.GrantActive
		if g.NotAfter.After(latest) {
			broken = append(broken, fmt.Sprintf("every grant ends: %s may stand until %s", g.ID, g.NotAfter))
		}
	}
	for _, a := range p.asks {
		if a.grant != "" && !slices.ContainsFunc(list, func(g governance.Grant) bool { return g.ID == a.grant }) {
			broken = append(broken, fmt.Sprintf("grant %s was answered, and is forgotten", a.grant))
		}
	}
	if holds := w.holds(p); holds != active {
		broken = append(broken, fmt.Sprintf("ended means read back: active by the state is %t, in the target %t", active, holds))
	}
	return broken
}

// judgeEnd is after all that was asked for is long over.
func (w *world) judgeEnd(t *testing.T, p *person) (broken []string) {
	broken = w.judge(t, p)
	list, err := w.grants(p)
	if err != nil {
		t.Error(err)
		return broken
	}
	broken = append(broken, w.judgeEvidence(t, p, list)...)
	if p.newcomer && w.exists(p) {
		broken = append(broken, "nothing is stranded: every grant is over, and the account that was made for it is left")
	}
	for _, g := range list {
		if g.State.Live() {
			broken = append(broken, fmt.Sprintf("every grant ends: %s is %s", g.ID, g.State))
		}
		if g.Preexisting != nil && *g.Preexisting && !p.stood {
			broken = append(broken, "discovery never launders: "+string(g.ID)+" is said to have stood before")
		}
		if g.Outcome == governance.OutcomePreexisting != p.stood && g.Outcome != "" && g.Outcome != governance.OutcomeCovered {
			broken = append(broken, fmt.Sprintf("discovery never launders: %s came out as %s", g.ID, g.Outcome))
		}
	}
	return broken
}

// judgeEvidence gives the sequencer a moment, which works a quarter of a second
// behind.
func (w *world) judgeEvidence(t *testing.T, p *person, list []governance.Grant) (broken []string) {
	for deadline := time.Now().Add(3 * time.Second); ; {
		story := w.evidence(t, p)
		broken = nil
		for _, g := range list {
			if problem := toldBy(story[string(g.ID)], g); problem != "" {
				broken = append(broken, "one evidence record for each change: "+problem)
			}
		}
		if problem := accountTold(story["billing/"+p.name], list); problem != "" {
			broken = append(broken, "one evidence record for each change: "+problem)
		}
		if len(broken) == 0 || time.Now().After(deadline) {
			return broken
		}
	}
}

// accountTold says what is wrong with the records about an account that Stint made,
// which is over. That it is about to be made is told of each try, and so is that it
// came back and went again.
func accountTold(kinds []string, list []governance.Grant) string {
	if !slices.ContainsFunc(list, func(g governance.Grant) bool { return g.MadeAccount != "" }) {
		return ""
	}
	once := slices.DeleteFunc(slices.Compact(slices.Clone(kinds)), func(kind string) bool { return kind == "account.removed_again" })
	told := strings.Join(once, " ")
	activated := slices.ContainsFunc(list, func(g governance.Grant) bool { return g.ActivatedAt != nil })
	switch told {
	case "account.planned account.creating account.made account.removing account.removed":
		return ""
	case "account.planned account.creating account.removing account.removed", "account.planned account.cancelled":
		if !activated {
			return ""
		}
	}
	return fmt.Sprintf("an account was made, had an active grant: %t, and is gone, and the evidence tells %v", activated, kinds)
}

// toldBy compares the records about a grant with how it came out.
func toldBy(kinds []string, g governance.Grant) string {
	want := []string{"grant.scheduled"}
	if g.Preexisting != nil {
		want = append(want, "grant.provisioning")
	}
	if g.ActivatedAt != nil {
		want = append(want, "grant.activated")
	}
	for range g.ExtendedBy {
		want = append(want, "grant.extended")
	}
	switch {
	case g.State == governance.GrantCancelled:
		want = append(want, "grant.cancelled")
	case g.RevokingAt != nil:
		want = append(want, "grant.revoking")
		if !g.State.Live() {
			want = append(want, "grant.ended")
		}
	}
	var told []string
	for _, kind := range kinds {
		if slices.Contains([]string{"grant.scheduled", "grant.provisioning", "grant.activated", "grant.extended", "grant.cancelled", "grant.revoking", "grant.ended"}, kind) {
			told = append(told, kind)
		}
	}
	if !slices.Equal(told, want) {
		return fmt.Sprintf("%s went %v, and the evidence tells %v", g.ID, want, told)
	}
	return ""
}

// evidence verifies the log with the command line, offline and against the key
// from before, and reads the kinds of record about each grant and each made account, in order.
func (w *world) evidence(t *testing.T, p *person) map[string][]string {
	story, _ := w.bundle(t, p)
	return story
}

// wholeEvidence is the evidence once the log holds all that was recorded so far.
func (w *world) wholeEvidence(t *testing.T, p *person) (story map[string][]string) {
	db, err := p.state.open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var recorded int
	if err := db.QueryRowContext(p.ctx(), `SELECT COUNT(*) FROM evidence_records`).Scan(&recorded); err != nil {
		t.Fatal(err)
	}
	if err := wait(p, func() (bool, error) {
		var records int
		story, records = w.bundle(t, p)
		return records >= recorded, nil
	}); err != nil {
		t.Errorf("not all of %d records come into the log: %v", recorded, err)
	}
	return story
}

// bundle is the evidence of the log, with how many records it holds.
func (w *world) bundle(t *testing.T, p *person) (story map[string][]string, records int) {
	bundle := filepath.Join(p.state.folder, "bundle")
	w.stint(t, p, "evidence", "export", bundle)
	w.stint(t, p, "evidence", "verify", "--key", w.key, "--bundle", bundle)
	text, err := os.ReadFile(bundle)
	if err != nil {
		t.Error(err)
		return nil, 0
	}
	story = map[string][]string{}
	for line := range bytes.Lines(text) {
		var record struct{ Leaf []byte }
		var leaf struct {
			Kind    string
			Subject struct{ Type, ID string }
		}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Errorf("bundle: %v", err)
		}
		if record.Leaf != nil {
			records++
		}
		if json.Unmarshal(record.Leaf, &leaf) == nil && (leaf.Subject.Type == "grant" || leaf.Subject.Type == "account") {
			story[leaf.Subject.ID] = append(story[leaf.Subject.ID], leaf.Kind)
		}
	}
	return story, records
}

// stint runs the command line against the person's server.
func (w *world) stint(t *testing.T, p *person, arguments ...string) {
	var said bytes.Buffer
	code := cli.Program{
		Version: "test", Out: &said, Err: &said, Now: time.Now, Zone: time.UTC,
		LookupEnv: func(name string) (string, bool) {
			value, ok := map[string]string{"STINT_ADDR": p.server.url, "STINT_TOKEN": w.token}[name]
			return value, ok
		},
	}.Run(context.Background(), arguments)
	if code != 0 {
		t.Errorf("stint %v: %s", arguments, said.String())
	}
}

func (w *world) grants(p *person) ([]governance.Grant, error) {
	listing, err := w.admin(p).Grants(p.ctx(), client.GrantFilter{Identity: governance.IdentityID(p.name)})
	if err != nil {
		return nil, err
	}
	var list []governance.Grant
	for _, g := range listing.Items {
		list = append(list, g.Grant)
	}
	return list, nil
}
