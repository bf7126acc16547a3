package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

const (
	manifestName = "snapshot.json"
	format       = "stint snapshot 1"
)

// Manifest is the file that makes a folder a snapshot.
type Manifest struct {
	Format     string          `json:"format"`
	TakenAt    time.Time       `json:"taken_at"`
	Revision   int64           `json:"revision"`
	Checkpoint api.Checkpoint  `json:"checkpoint"`
	Files      map[string]File `json:"files"`
	// Digest is over the rest of the manifest, and so over all files.
	Digest string `json:"digest"`
}

// File is one list of a snapshot.
type File struct {
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
}

// ErrNotSnapshot is wrapped when a folder is none.
var ErrNotSnapshot = errors.New("not a snapshot")

// list is one file of a snapshot.
type list struct {
	name  string
	items any // a pointer to the slice
	count func() int
}

func listOf[T any](name string, items *[]T) list {
	return list{name + ".json", items, func() int { return len(*items) }}
}

func (s *State) lists() []list {
	return []list{
		listOf(string(api.Attributes), &s.Attributes), listOf(string(api.Applications), &s.Applications), listOf(string(api.Identities), &s.Identities),
		listOf(string(api.Entitlements), &s.Entitlements), listOf(string(api.EligibilityPolicies), &s.EligibilityPolicies),
		listOf(string(api.SoDRules), &s.SoDRules), listOf(string(api.GrantTemplates), &s.GrantTemplates),
		listOf(string(api.Delegations), &s.Delegations), listOf(string(api.EventSources), &s.EventSources), listOf(string(api.BusinessEvents), &s.BusinessEvents), listOf("discovered-accounts", &s.DiscoveredAccounts),
		listOf("discovered-entitlements", &s.DiscoveredEntitlements), listOf("discovered-assignments", &s.DiscoveredAssignments),
		listOf("grants", &s.Grants),
	}
}

// Write puts the state into a folder, whole or not at all. The folder may be
// absent, empty, or an earlier snapshot, which it replaces; anything else is
// refused. It holds personal data and is readable by its owner only.
func Write(folder string, s State) (Manifest, error) {
	folder = filepath.Clean(folder)
	if err := replaceable(folder); err != nil {
		return Manifest{}, err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(folder), "."+filepath.Base(folder)+".new-*")
	if err != nil {
		return Manifest{}, err
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	manifest, err := s.writeFiles(temporary)
	if err != nil {
		return Manifest{}, err
	}
	return manifest, swap(temporary, folder)
}

// replaceable refuses a folder that holds anything but a snapshot.
func replaceable(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	manifest, err := readManifest(folder)
	if err != nil {
		return fmt.Errorf("%s is %w, and is not overwritten; name another folder", folder, ErrNotSnapshot)
	}
	for _, entry := range entries {
		if _, ours := manifest.Files[entry.Name()]; !ours && entry.Name() != manifestName {
			return fmt.Errorf("%s holds %s beside a snapshot and is not overwritten; move that away, or name another folder", folder, entry.Name())
		}
	}
	return nil
}

func (s *State) writeFiles(folder string) (Manifest, error) {
	m := Manifest{Format: format, TakenAt: s.TakenAt, Revision: s.Revision, Checkpoint: s.Checkpoint, Files: map[string]File{}}
	for _, l := range s.lists() {
		text, err := encode(l.items)
		if err != nil {
			return m, fmt.Errorf("encode %s: %w", l.name, err)
		}
		sum := sha256.Sum256(text)
		m.Files[l.name] = File{Count: l.count(), SHA256: hex.EncodeToString(sum[:])}
		if err := write(filepath.Join(folder, l.name), text); err != nil {
			return m, err
		}
	}
	m.Digest = m.digest()
	text, err := encode(m)
	if err != nil {
		return m, err
	}
	return m, write(filepath.Join(folder, manifestName), text)
}

func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(value)
	return text.Bytes(), err
}

func write(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the person names the folder
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// swap puts the new folder where the old one was, and that away; when it cannot,
// the old one stays.
func swap(fresh, folder string) error {
	old := fresh + ".old"
	err := os.Rename(folder, old)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Rename(fresh, folder)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, folder); err != nil {
		return errors.Join(err, os.Rename(old, folder))
	}
	return os.RemoveAll(old)
}

// Read reads a folder back and verifies it: that it is complete, and that no file
// changed since it was written.
func Read(folder string) (State, error) {
	m, err := readManifest(folder)
	if err != nil {
		return State{}, err
	}
	s := State{TakenAt: m.TakenAt, Revision: m.Revision, Checkpoint: m.Checkpoint}
	for _, l := range s.lists() {
		text, err := os.ReadFile(filepath.Join(folder, l.name)) //nolint:gosec // the person names the folder
		if err != nil {
			return State{}, fmt.Errorf("the snapshot is not complete: %w; take it again", err)
		}
		sum := sha256.Sum256(text)
		if m.Files[l.name].SHA256 != hex.EncodeToString(sum[:]) {
			return State{}, fmt.Errorf("%s changed since the snapshot was taken; take it again with `stint snapshot`", filepath.Join(folder, l.name))
		}
		if err := json.Unmarshal(text, l.items); err != nil {
			return State{}, fmt.Errorf("read %s: %w", filepath.Join(folder, l.name), err)
		}
	}
	return s, nil
}

func readManifest(folder string) (Manifest, error) {
	var m Manifest
	path := filepath.Join(folder, manifestName)
	text, err := os.ReadFile(path) //nolint:gosec // the person names the folder
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is %w: it holds no %s; `stint snapshot` makes one", folder, ErrNotSnapshot, manifestName)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil || m.Format != format {
		return m, fmt.Errorf("%s is %w of this version of stint: its format is %q, not %q; take it again", folder, ErrNotSnapshot, m.Format, format)
	}
	if m.Digest != m.digest() {
		return m, fmt.Errorf("%s changed since the snapshot was taken; take it again with `stint snapshot`", path)
	}
	return m, nil
}

// digest is over everything that the manifest says.
func (m Manifest) digest() string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%s\n%s\n%d\n%d %s\n", m.Format, m.TakenAt.UTC().Format(time.RFC3339Nano), m.Revision, m.Checkpoint.Size, m.Checkpoint.Root)
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		_, _ = fmt.Fprintf(sum, "%s %d %s\n", name, m.Files[name].Count, m.Files[name].SHA256)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
