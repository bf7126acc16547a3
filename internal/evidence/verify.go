package evidence

import (
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Anchor is what a verifier trusts, and the claim to be verified against it.
type Anchor struct {
	// Checkpoint is the signed checkpoint of the whole log.
	Checkpoint []byte
	// VerifierKey is the pinned public key. It must have come to the verifier
	// by another way than the log.
	VerifierKey string
	// Earlier is a signed checkpoint that the verifier kept from before; nil
	// when there is none. Without it, a log that its owner rewrote and signed
	// anew from the start verifies.
	Earlier []byte
}

// Report is what a verified log holds.
type Report struct {
	Checkpoint Checkpoint
	// First and Last are the earliest and latest time of a record; zero for an
	// empty log.
	First, Last time.Time
	// Kinds counts the records of each kind.
	Kinds map[string]int64
	// Disclosed and Withheld count the private texts with and without a
	// disclosure.
	Disclosed, Withheld int64
}

// RecordError names the first record that is bad in itself: malformed, a
// repeated id, or a disclosure that does not open its commitment.
type RecordError struct {
	// Index is the record's place in the log, from zero.
	Index int64
	Err   error
}

func (e *RecordError) Error() string { return fmt.Sprintf("record %d: %v", e.Index, e.Err) }

func (e *RecordError) Unwrap() error { return e.Err }

// ErrDuplicate reports a record id that occurred before.
var ErrDuplicate = errors.New("the id occurred before")

// TreeError reports that the records are not those that a checkpoint commits
// to. Hashes cannot tell which of them was changed, left out or moved, only
// that it is among the first Signed.Size.
type TreeError struct {
	// Signed is what the checkpoint says.
	Signed Tree
	// Found is the tree over the records up to that size, or over fewer of them
	// when the log ended before.
	Found Tree
	// Earlier tells that the checkpoint is the verifier's own earlier one.
	Earlier bool
}

func (e *TreeError) Error() string {
	which := "the checkpoint"
	if e.Earlier {
		which = "the earlier checkpoint"
	}
	switch {
	case e.Found.Size < e.Signed.Size:
		return fmt.Sprintf("records are missing: %s covers %d, the log holds %d", which, e.Signed.Size, e.Found.Size)
	case e.Found.Size > e.Signed.Size:
		return fmt.Sprintf("the log goes on after the %d records that %s covers", e.Signed.Size, which)
	default:
		return fmt.Sprintf("a record among the first %d was changed, removed or moved: %s has root %s, the records have %s", e.Signed.Size, which, e.Signed.Root, e.Found.Root)
	}
}

// Verify reads the whole log, in order, and checks it against the anchor: the
// signatures, the root over the leaves, that the log extends the earlier
// checkpoint, that record ids are unique, and that every disclosure opens its
// commitment. The entries must be exactly those that the checkpoint covers.
//
// The error is a [*RecordError] or a [*TreeError], wraps [ErrUntrusted], or is
// the one that entries yielded. Memory grows by some 40 bytes a record.
func Verify(entries iter.Seq2[Entry, error], anchor Anchor) (Report, error) {
	checkpoint, err := OpenCheckpoint(anchor.Checkpoint, anchor.VerifierKey)
	if err != nil {
		return Report{}, err
	}
	earlier := Checkpoint{Origin: checkpoint.Origin, Tree: emptyTree()}
	if anchor.Earlier != nil {
		earlier, err = OpenCheckpoint(anchor.Earlier, anchor.VerifierKey)
		if err != nil {
			return Report{}, fmt.Errorf("earlier checkpoint: %w", err)
		}
	}
	if earlier.Tree.Size > checkpoint.Tree.Size {
		return Report{}, &TreeError{Signed: earlier.Tree, Found: checkpoint.Tree, Earlier: true}
	}

	v := verifier{
		report: Report{Checkpoint: checkpoint, Kinds: map[string]int64{}},
		seen:   map[[16]byte]struct{}{},
	}
	if err := v.matches(earlier.Tree, true); err != nil {
		return Report{}, err
	}
	for entry, err := range entries {
		if err != nil {
			return Report{}, fmt.Errorf("read record %d: %w", v.edge.size, err)
		}
		if err := v.add(entry); err != nil {
			return Report{}, &RecordError{Index: v.edge.size, Err: err}
		}
		if err := v.matches(earlier.Tree, true); err != nil {
			return Report{}, err
		}
		if v.edge.size > checkpoint.Tree.Size {
			return Report{}, &TreeError{Signed: checkpoint.Tree, Found: v.edge.tree()}
		}
	}
	if found := v.edge.tree(); found != checkpoint.Tree {
		return Report{}, &TreeError{Signed: checkpoint.Tree, Found: found}
	}
	return v.report, nil
}

type verifier struct {
	edge   frontier
	report Report
	seen   map[[16]byte]struct{}
}

func (v *verifier) add(entry Entry) error {
	record, err := Reveal(entry)
	if err != nil {
		return err
	}
	id := idBytes(record.ID)
	if _, dup := v.seen[id]; dup {
		return fmt.Errorf("id %s: %w", record.ID, ErrDuplicate)
	}
	v.seen[id] = struct{}{}
	v.count(record)
	v.edge.push(tlog.RecordHash(entry.Leaf))
	return nil
}

func (v *verifier) count(record Record) {
	r := &v.report
	r.Kinds[record.Kind]++
	if v.edge.size == 0 || record.Time.Before(r.First) {
		r.First = record.Time
	}
	if v.edge.size == 0 || record.Time.After(r.Last) {
		r.Last = record.Time
	}
	disclosed, withheld := countPrivate(record.Data)
	r.Disclosed += disclosed
	r.Withheld += withheld
}

// matches compares the tree so far with a checkpoint of this very size.
func (v *verifier) matches(signed Tree, earlier bool) error {
	if v.edge.size != signed.Size {
		return nil
	}
	if found := v.edge.tree(); found != signed {
		return &TreeError{Signed: signed, Found: found, Earlier: earlier}
	}
	return nil
}

func countPrivate(value any) (disclosed, withheld int64) {
	switch v := value.(type) {
	case Private:
		return 1, 0
	case Commitment:
		return 0, 1
	case Fields:
		for _, member := range v {
			d, w := countPrivate(member)
			disclosed, withheld = disclosed+d, withheld+w
		}
	case []any:
		for _, element := range v {
			d, w := countPrivate(element)
			disclosed, withheld = disclosed+d, withheld+w
		}
	}
	return disclosed, withheld
}

// idBytes halves the memory of the ids seen. The id was checked by Reveal.
func idBytes(id string) (b [16]byte) {
	_, _ = hex.Decode(b[:], []byte(strings.ReplaceAll(id, "-", "")))
	return b
}
