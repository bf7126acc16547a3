package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/ledger"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func open(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func stands(t *testing.T, l *ledger.Ledger, ids ...governance.GrantID) {
	t.Helper()
	var e ledger.Entries
	for _, id := range ids {
		e.Stands(governance.Grant{ID: id, Account: "billing/tom"})
	}
	if err := l.Keep(e); err != nil {
		t.Fatal(err)
	}
}

// settle compares with a database that knows some grants, of which some stand.
func settle(l *ledger.Ledger, known, standing []governance.GrantID) (unknown []governance.GrantID, err error) {
	grants, err := l.Settle(func([]governance.GrantID) (live []governance.Grant, all map[governance.GrantID]bool, err error) {
		all = map[governance.GrantID]bool{}
		for _, id := range known {
			all[id] = true
		}
		for _, id := range standing {
			live = append(live, governance.Grant{ID: id, Account: "billing/tom"})
		}
		return live, all, nil
	})
	for _, g := range grants {
		unknown = append(unknown, g.ID)
	}
	return unknown, err
}

func mustSettle(t *testing.T, l *ledger.Ledger, known, standing, want []governance.GrantID) {
	t.Helper()
	if got, err := settle(l, known, standing); err != nil || !slices.Equal(got, want) {
		t.Errorf("a database that knows %v does not know %v, error %v; want %v", known, got, err, want)
	}
}

type ids = []governance.GrantID

func TestLedgerTellsWhatADatabaseDoesNotKnow(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	stands(t, l, "a", "b", "c", "d")
	var e ledger.Entries
	e.Over("b")
	if err := l.Keep(e); err != nil {
		t.Fatal(err)
	}
	mustSettle(t, open(t, dir), ids{"a", "c", "d"}, ids{"a", "c"}, nil)
	mustSettle(t, l, ids{"a", "c", "d"}, ids{"a", "c"}, nil) // d is over, and its line was lost
	mustSettle(t, l, ids{"c"}, ids{"c"}, ids{"a"})
	mustSettle(t, l, ids{"c"}, ids{"c"}, ids{"a"}) // it stays until it is known
	mustSettle(t, l, ids{"a", "c"}, nil, nil)
	mustSettle(t, l, nil, nil, nil)
}

func TestLineThatWasCutOffIsNoLine(t *testing.T) {
	dir := t.TempDir()
	stands(t, open(t, dir), "a", "b")
	path := filepath.Join(dir, "grants.jsonl")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(content); cut += 11 {
		if err := os.WriteFile(path, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l, want := open(t, dir), ids{"c"}
		if strings.Contains(string(content[:cut]), "\n") {
			want = ids{"a", "c"}
		}
		stands(t, l, "c") // whoever writes next mends it
		mustSettle(t, l, nil, nil, want)
	}
	if err := os.WriteFile(path, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := settle(open(t, dir), nil, nil); err == nil || !strings.Contains(err.Error(), "line 1: ") {
		t.Errorf("a damaged line: %v", err)
	}
}

func TestLedgerThatCannotBeWrittenSaysSoUntilItCan(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	path := filepath.Join(dir, "grants.jsonl")
	if err := os.Mkdir(path, 0o700); err != nil { // a file cannot be written there
		t.Fatal(err)
	}
	var e ledger.Entries
	e.Stands(governance.Grant{ID: "a"})
	if err := l.Keep(e); err == nil || l.Trouble() == nil || l.Retry() == nil {
		t.Errorf("kept %v, trouble %v", err, l.Trouble())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Retry(); err != nil || l.Trouble() != nil {
		t.Errorf("once it can be written: %v, trouble %v", err, l.Trouble())
	}
	mustSettle(t, l, nil, nil, ids{"a"})
}

func TestSeveralWriteOneLedger(t *testing.T) {
	dir := t.TempDir()
	var writing errgroup.Group
	for p := range 3 {
		l := open(t, dir)
		for w := range 4 {
			writing.Go(func() error {
				for n := range 10 {
					var e ledger.Entries
					id := governance.GrantID(fmt.Sprintf("%d-%d-%d", p, w, n))
					e.Stands(governance.Grant{ID: id})
					if err := l.Keep(e); err != nil {
						return err
					}
					if n%2 == 0 {
						e = ledger.Entries{}
						e.Over(id)
						if err := l.Keep(e); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
	}
	if err := writing.Wait(); err != nil {
		t.Fatal(err)
	}
	if unknown, err := settle(open(t, dir), nil, nil); err != nil || len(unknown) != 60 {
		t.Errorf("%d of 60 grants stand, error %v", len(unknown), err)
	}
}

// A process may be frozen in the middle of anything; the others go on.
func TestNobodyWaitsForAProcessThatIsFrozen(t *testing.T) {
	dir := t.TempDir()
	frozen, l := open(t, dir), open(t, dir)
	stands(t, frozen, "a")
	asked, thawed := make(chan struct{}), make(chan struct{})
	var settling errgroup.Group
	settling.Go(func() error {
		_, err := frozen.Settle(func(ids) ([]governance.Grant, map[governance.GrantID]bool, error) {
			close(asked)
			<-thawed
			return []governance.Grant{{ID: "a"}}, map[governance.GrantID]bool{"a": true}, nil
		})
		return err
	})
	<-asked
	done := make(chan struct{})
	go func() {
		defer close(done)
		stands(t, l, "b")
		mustSettle(t, l, ids{"b"}, ids{"b"}, ids{"a"})
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("one who writes waits for one who is frozen")
	}
	close(thawed)
	<-done
	if err := settling.Wait(); err != nil {
		t.Fatal(err)
	}
	mustSettle(t, open(t, dir), nil, nil, ids{"a", "b"})
}

// What a process has left that is gone stands with another, and a new process takes
// its file.
func TestFileOfADeadProcessIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	first, second := open(t, dir), open(t, dir)
	stands(t, first, "a")
	stands(t, second, "b")
	if err := second.Close(); err != nil { // as the system does for a dead one
		t.Fatal(err)
	}
	mustSettle(t, first, nil, nil, ids{"a", "b"})
	if files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl")); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third := open(t, dir)
	stands(t, third, "c")
	mustSettle(t, third, nil, nil, ids{"a", "b", "c"})
}

// An end that another process wrote counts when it is later by more than clocks differ.
func TestEndThatAnotherWroteCountsWhenItIsLater(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		later time.Duration
		want  ids
	}{{time.Hour, nil}, {time.Second, ids{"a"}}, {-time.Hour, ids{"a"}}} {
		dir := t.TempDir()
		gave, took := open(t, dir), open(t, dir)
		begun := ledger.Entries{At: noon}
		begun.Stands(governance.Grant{ID: "a"})
		over := ledger.Entries{At: noon.Add(c.later)}
		over.Over("a")
		if err := errors.Join(gave.Keep(begun), took.Keep(over)); err != nil {
			t.Fatal(err)
		}
		mustSettle(t, open(t, dir), nil, nil, c.want)
		mustSettle(t, took, nil, nil, c.want) // it keeps saying so for as long as the other does not
		mustSettle(t, open(t, dir), nil, nil, c.want)
		again := ledger.Entries{At: noon.Add(2 * time.Hour)}
		again.Stands(governance.Grant{ID: "a"})
		if err := gave.Keep(again); err != nil {
			t.Fatal(err)
		}
		mustSettle(t, took, nil, nil, ids{"a"})
	}
}
