package evidence_test

import (
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// seeded is a source of bytes that is the same in every run.
func seeded(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

// hashes is a store of hashes as a database would keep it.
type hashes []evidence.Hash

func (h hashes) ReadHashes(indexes []int64) ([]evidence.Hash, error) {
	found := make([]evidence.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d is not stored", index)
		}
		found[i] = h[index]
	}
	return found, nil
}

// log is a log with its store, as the engine keeps one.
type log struct {
	entries []evidence.Entry
	stored  hashes
	tree    evidence.Tree
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func (l *log) append(t fataler, entries ...evidence.Entry) {
	t.Helper()
	leaves := make([][]byte, len(entries))
	for i, entry := range entries {
		leaves[i] = entry.Leaf
	}
	extension, err := evidence.Extend(int64(len(l.entries)), leaves, l.stored)
	if err != nil {
		t.Fatal(err)
	}
	if extension.First != int64(len(l.stored)) {
		t.Fatal("hashes are to be stored at", extension.First, "but", len(l.stored), "are stored")
	}
	l.stored = append(l.stored, extension.Hashes...)
	l.entries = append(l.entries, entries...)
	l.tree = extension.Tree
}

var start = time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC)

// record is the n-th record of a small true story.
func record(n int) evidence.Record {
	kinds := []string{"request.created", "request.approved", "grant.activated", "grant.ended"}
	return evidence.Record{
		ID:       fmt.Sprintf("01956e5a-7b00-7000-8000-%012x", n),
		Time:     start.Add(time.Duration(n) * time.Second),
		Kind:     kinds[n%len(kinds)],
		Actor:    "alice",
		Subject:  evidence.Subject{Type: "request", ID: fmt.Sprintf("r-%d", n)},
		Revision: int64(n),
		Data: evidence.Fields{
			"entitlement":   "billing/role/billing_admin",
			"justification": evidence.Private(fmt.Sprintf("ledger stuck, case %d", n)),
		},
	}
}

func encode(t fataler, r evidence.Record) evidence.Entry {
	t.Helper()
	entry, err := evidence.Encode(r, seeded(byte(r.Revision)))
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func newLog(t fataler, size int) *log {
	t.Helper()
	l := &log{}
	l.append(t)
	for n := range size {
		l.append(t, encode(t, record(n)))
	}
	return l
}

func newKeeper(t *testing.T) *evidence.Keeper {
	t.Helper()
	keeper, err := evidence.CreateKeeper(t.TempDir(), seeded(42))
	if err != nil {
		t.Fatal(err)
	}
	return keeper
}

func sign(t fataler, keeper *evidence.Keeper, l *log) []byte {
	t.Helper()
	signed, err := keeper.Sign(int64(len(l.entries)), l.stored)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// stream yields entries as a server or a file would.
func stream(entries []evidence.Entry) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		for _, entry := range entries {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// flip returns a copy with one bit changed.
func flip(b []byte, bit int) []byte {
	changed := append([]byte(nil), b...)
	changed[bit/8] ^= 1 << (bit % 8)
	return changed
}
