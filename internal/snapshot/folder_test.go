package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/snapshot"
)

func state() snapshot.State {
	return snapshot.State{
		TakenAt: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC), Revision: 7, Checkpoint: api.Checkpoint{Size: 9, Root: "cm9vdA=="},
		Attributes: []api.Attribute{}, Applications: []api.Application{}, Entitlements: []api.Entitlement{}, EligibilityPolicies: []api.EligibilityPolicy{},
		SoDRules: []api.SoDRule{}, GrantTemplates: []api.GrantTemplate{}, Delegations: []api.Delegation{}, EventSources: []api.EventSource{},
		Identities: []api.Identity{
			{Meta: api.Meta{ID: "alice", Version: 2}, Identity: governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{"a&b"}}, Status: governance.Left},
		},
		BusinessEvents: []api.BusinessEvent{
			{Meta: api.Meta{ID: "audit"}, BusinessEvent: governance.BusinessEvent{Name: "audit", Kind: governance.Engagement}},
			{Meta: api.Meta{ID: "0190a000-0000-7000-8000-0123456789ab"}, BusinessEvent: governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident}},
		},
		DiscoveredAccounts: []api.DiscoveredAccount{}, DiscoveredEntitlements: []api.DiscoveredEntitlement{},
		DiscoveredAssignments: []api.DiscoveredAssignment{}, Grants: []api.Grant{},
	}
}

func write(t *testing.T, folder string, s snapshot.State) {
	t.Helper()
	if _, err := snapshot.Write(folder, s); err != nil {
		t.Fatal(err)
	}
}

func TestASnapshotIsReadBackAsItWasTaken(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	write(t, folder, state())
	got, err := snapshot.Read(folder)
	if diff := cmp.Diff(state(), got); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	want := []governance.Object{state().Identities[0].Identity, state().BusinessEvents[0].BusinessEvent}
	if diff := cmp.Diff(want, got.Objects()); diff != "" {
		t.Errorf("declared objects (-want +got):\n%s", diff)
	}
	for _, entry := range entries(t, filepath.Dir(folder)) {
		if entry != "state" {
			t.Errorf("%s was left beside the snapshot", entry)
		}
	}
}

func TestALaterSnapshotReplacesAnEarlierOne(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	write(t, folder, state())
	later := state()
	later.Revision = 8
	write(t, folder, later)
	if got, err := snapshot.Read(folder); err != nil || got.Revision != 8 {
		t.Errorf("revision %d, %v", got.Revision, err)
	}
	if left := entries(t, filepath.Dir(folder)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnEmptyFolderIsFilled(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, state())
	if _, err := snapshot.Read(folder); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoSnapshotIsNotOverwritten(t *testing.T) {
	foreign := t.TempDir()
	put(t, filepath.Join(foreign, "thesis.txt"), "years of work")
	if _, err := snapshot.Write(foreign, state()); !errors.Is(err, snapshot.ErrNotSnapshot) {
		t.Errorf("a foreign folder: %v", err)
	}
	beside := filepath.Join(t.TempDir(), "state")
	write(t, beside, state())
	put(t, filepath.Join(beside, "thesis.txt"), "years of work")
	if _, err := snapshot.Write(beside, state()); err == nil || !strings.Contains(err.Error(), "holds thesis.txt beside a snapshot") {
		t.Errorf("a file beside a snapshot: %v", err)
	}
	for _, folder := range []string{foreign, beside} {
		if text, err := os.ReadFile(filepath.Join(folder, "thesis.txt")); err != nil || string(text) != "years of work" {
			t.Errorf("it is gone: %v", err)
		}
	}
}

func TestAChangeSinceIsNoticed(t *testing.T) {
	for name, harm := range map[string]struct {
		file string
		edit func(string) string
		want string
	}{
		"a list is changed":       {"identities.json", func(s string) string { return strings.Replace(s, "left", "active", 1) }, "identities.json changed since"},
		"a list is gone":          {"grants.json", nil, "the snapshot is not complete"},
		"the manifest is changed": {"snapshot.json", func(s string) string { return strings.Replace(s, `"revision": 7`, `"revision": 9`, 1) }, "snapshot.json changed since"},
		"the manifest is gone":    {"snapshot.json", nil, "it holds no snapshot.json"},
		"another format":          {"snapshot.json", func(s string) string { return strings.Replace(s, "stint snapshot 1", "stint snapshot 2", 1) }, `its format is "stint snapshot 2"`},
	} {
		folder := filepath.Join(t.TempDir(), "state")
		write(t, folder, state())
		path := filepath.Join(folder, harm.file)
		if harm.edit == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else {
			text, err := os.ReadFile(path) //nolint:gosec // the test wrote it
			if err != nil {
				t.Fatal(err)
			}
			put(t, path, harm.edit(string(text)))
		}
		if _, err := snapshot.Read(folder); err == nil || !strings.Contains(err.Error(), harm.want) {
			t.Errorf("%s: %v, want %q", name, err, harm.want)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, folder string) []string {
	t.Helper()
	found, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(found))
	for i, entry := range found {
		names[i] = entry.Name()
	}
	return names
}
