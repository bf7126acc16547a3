package crash_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the state is read without the engine

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// asked is what a person asked for and heard. What must hold follows from these
// alone, not from anything that the engine computes.
type asked struct {
	at time.Time
	// grant is empty when no answer came.
	grant governance.GrantID
	// mayBeOver: its end was asked for; over: and the answer came.
	mayBeOver, over bool
}

// ends is the latest moment at which what was asked for may stand.
func (a asked) ends() time.Time { return a.at.Add(activateWithin + duration + time.Second) }

// judgeDead looks at what a killed server left, before another starts.
func (w *world) judgeDead(t *testing.T, p *person) (broken []string) {
	if p.stood || !w.holds(p) {
		return nil
	}
	db, err := sql.Open("sqlite", filepath.Join(p.folder, "stint.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var intents int
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
		if !a.over && now.Before(a.ends()) {
			may = true
		}
		if a.grant != "" && !a.mayBeOver && now.Before(a.at.Add(duration)) {
			must = true
		}
	}
	if holds && !may {
		broken = append(broken, "every grant ends, ended means read back: the target holds what nobody may have any more")
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
	active := p.stood
	for _, g := range list {
		active = active || g.State == governance.GrantActive
		if g.NotAfter.After(p.asks[len(p.asks)-1].ends()) {
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
		if len(broken) == 0 || time.Now().After(deadline) {
			return broken
		}
	}
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
		if slices.Contains([]string{"grant.scheduled", "grant.provisioning", "grant.activated", "grant.cancelled", "grant.revoking", "grant.ended"}, kind) {
			told = append(told, kind)
		}
	}
	if !slices.Equal(told, want) {
		return fmt.Sprintf("%s went %v, and the evidence tells %v", g.ID, want, told)
	}
	return ""
}

// evidence verifies the log with the command line, offline and against the key
// from before, and reads the kinds of record about each grant, in order.
func (w *world) evidence(t *testing.T, p *person) map[string][]string {
	bundle := filepath.Join(p.folder, "bundle")
	w.stint(t, p, "evidence", "export", bundle)
	w.stint(t, p, "evidence", "verify", "--key", w.key, "--bundle", bundle)
	text, err := os.ReadFile(bundle)
	if err != nil {
		t.Error(err)
		return nil
	}
	story := map[string][]string{}
	for line := range bytes.Lines(text) {
		var record struct{ Leaf []byte }
		var leaf struct {
			Kind    string
			Subject struct{ Type, ID string }
		}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Errorf("bundle: %v", err)
		}
		if json.Unmarshal(record.Leaf, &leaf) == nil && leaf.Subject.Type == "grant" {
			story[leaf.Subject.ID] = append(story[leaf.Subject.ID], leaf.Kind)
		}
	}
	return story
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
