package evidence_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// anchored signs the log with a keeper of its own.
func anchored(t *testing.T, l *log) evidence.Anchor {
	t.Helper()
	keeper := newKeeper(t)
	return evidence.Anchor{Checkpoint: sign(t, keeper, l), VerifierKey: keeper.VerifierKey()}
}

func TestWholeLogVerifies(t *testing.T) {
	l := newLog(t, 10)
	l.entries[3].Disclosures = nil
	got, err := evidence.Verify(stream(l.entries), anchored(t, l))
	if err != nil {
		t.Fatal(err)
	}
	first := start.Truncate(time.Microsecond)
	want := evidence.Report{
		Checkpoint: evidence.Checkpoint{Origin: newKeeper(t).Origin(), Tree: l.tree},
		First:      first,
		Last:       first.Add(9 * time.Second),
		Kinds:      map[string]int64{"request.created": 3, "request.approved": 3, "grant.activated": 2, "grant.ended": 2},
		Disclosed:  9,
		Withheld:   1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEmptyLogVerifies(t *testing.T) {
	l := newLog(t, 0)
	if _, err := evidence.Verify(stream(nil), anchored(t, l)); err != nil {
		t.Error(err)
	}
}

func TestRecordsMayBeOutOfTimeOrder(t *testing.T) {
	l := &log{}
	l.append(t, encode(t, record(7)), encode(t, record(2)), encode(t, record(5)))
	report, err := evidence.Verify(stream(l.entries), anchored(t, l))
	if err != nil {
		t.Fatal(err)
	}
	if report.Last.Sub(report.First) != 5*time.Second {
		t.Errorf("from %s to %s", report.First, report.Last)
	}
}

func TestAnyChangedBitOfALogIsCaught(t *testing.T) {
	l := newLog(t, 12)
	anchor := anchored(t, l)
	rapid.Check(t, func(t *rapid.T) {
		entries := slices.Clone(l.entries)
		n := rapid.IntRange(0, len(entries)-1).Draw(t, "record")
		entry := &entries[n]
		part := rapid.SampledFrom([]*[]byte{&entry.Leaf, &entry.Disclosures}).Draw(t, "part")
		bit := rapid.IntRange(0, len(*part)*8-1).Draw(t, "bit")
		*part = flip(*part, bit)

		_, err := evidence.Verify(stream(entries), anchor)
		var bad *evidence.RecordError
		var tree *evidence.TreeError
		switch {
		case errors.As(err, &bad):
			// A changed id may equal that of a later record, which is then the
			// one that repeats it.
			if bad.Index != int64(n) && !errors.Is(err, evidence.ErrDuplicate) {
				t.Fatalf("record %d was changed, record %d is blamed: %v", n, bad.Index, err)
			}
		case errors.As(err, &tree):
			if part == &entry.Disclosures {
				t.Fatalf("a changed disclosure reads as a changed tree: %v", err)
			}
		default:
			t.Fatalf("got %v", err)
		}
	})
}

func TestTruncationIsCaughtAtAnyLength(t *testing.T) {
	l := newLog(t, 12)
	anchor := anchored(t, l)
	for size := range len(l.entries) {
		_, err := evidence.Verify(stream(l.entries[:size]), anchor)
		var tree *evidence.TreeError
		if !errors.As(err, &tree) || tree.Found.Size != int64(size) || !strings.Contains(err.Error(), "missing") {
			t.Errorf("%d of %d records: %v", size, len(l.entries), err)
		}
	}
}

func TestReorderingAndRemovalAreCaught(t *testing.T) {
	l := newLog(t, 12)
	anchor := anchored(t, l)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(l.entries)-1).Draw(t, "from")
		to := rapid.IntRange(0, len(l.entries)-1).Filter(func(to int) bool { return to != from }).Draw(t, "to")
		moved := slices.Delete(slices.Clone(l.entries), from, from+1)
		var tree *evidence.TreeError
		if _, err := evidence.Verify(stream(moved), anchor); !errors.As(err, &tree) {
			t.Fatalf("record %d removed: %v", from, err)
		}
		moved = slices.Insert(moved, to, l.entries[from])
		if _, err := evidence.Verify(stream(moved), anchor); !errors.As(err, &tree) {
			t.Fatalf("record %d moved to %d: %v", from, to, err)
		}
	})
}

func TestRecordAfterTheCheckpointIsCaught(t *testing.T) {
	l := newLog(t, 3)
	anchor := anchored(t, l)
	_, err := evidence.Verify(stream(append(l.entries, encode(t, record(3)))), anchor)
	var tree *evidence.TreeError
	if !errors.As(err, &tree) || !strings.Contains(err.Error(), "goes on after the 3 records") {
		t.Errorf("got %v", err)
	}
}

func TestStreamWithoutEndIsLeftAtTheFirstRecordTooMany(t *testing.T) {
	l := newLog(t, 3)
	n := 0
	_, err := evidence.Verify(func(yield func(evidence.Entry, error) bool) {
		for n < 100 && yield(encode(t, record(n)), nil) {
			n++
		}
	}, anchored(t, l))
	if err == nil || n != 3 {
		t.Errorf("left after record %d: %v", n, err)
	}
}

func TestRepeatedIDIsCaught(t *testing.T) {
	l := newLog(t, 3)
	again := record(1)
	again.Kind = "grant.ended"
	l.append(t, encode(t, again))
	_, err := evidence.Verify(stream(l.entries), anchored(t, l))
	var bad *evidence.RecordError
	if !errors.As(err, &bad) || bad.Index != 3 || !errors.Is(err, evidence.ErrDuplicate) {
		t.Errorf("got %v", err)
	}
}

func TestMalformedRecordIsNamedByItsIndex(t *testing.T) {
	l := newLog(t, 3)
	l.append(t, evidence.Entry{Leaf: []byte(`{"v":1}`)})
	_, err := evidence.Verify(stream(l.entries), anchored(t, l))
	var bad *evidence.RecordError
	if !errors.As(err, &bad) || bad.Index != 3 {
		t.Errorf("got %v", err)
	}
}

func TestUnreadableStreamIsAnError(t *testing.T) {
	l := newLog(t, 3)
	broken := errors.New("connection reset")
	_, err := evidence.Verify(func(yield func(evidence.Entry, error) bool) {
		_ = yield(l.entries[0], nil) && yield(evidence.Entry{}, broken)
	}, anchored(t, l))
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "record 1") {
		t.Errorf("got %v", err)
	}
}

func TestLogVerifiesAgainstEveryEarlierCheckpoint(t *testing.T) {
	keeper, l := newKeeper(t), newLog(t, 0)
	var earlier [][]byte
	for n := range 9 {
		earlier = append(earlier, sign(t, keeper, l))
		l.append(t, encode(t, record(n)))
	}
	anchor := evidence.Anchor{Checkpoint: sign(t, keeper, l), VerifierKey: keeper.VerifierKey()}
	for size, signed := range append(earlier, anchor.Checkpoint) {
		anchor.Earlier = signed
		if _, err := evidence.Verify(stream(l.entries), anchor); err != nil {
			t.Errorf("since size %d: %v", size, err)
		}
	}
}

// Whoever holds the key can sign another history; only a checkpoint that left
// the machine before shows it.
func TestEarlierCheckpointShowsAHistoryThatWasSignedAnew(t *testing.T) {
	honest, l := newKeeper(t), newLog(t, 5)
	earlier := sign(t, honest, l)

	forged := newLog(t, 2)
	for n := 2; n < 8; n++ {
		r := record(n)
		r.Actor = "mallory"
		forged.append(t, encode(t, r))
	}
	anchor := anchored(t, forged)
	if anchor.VerifierKey != honest.VerifierKey() {
		t.Fatal("the forger lacks the key")
	}
	if _, err := evidence.Verify(stream(forged.entries), anchor); err != nil {
		t.Fatalf("without the earlier checkpoint: %v", err)
	}
	anchor.Earlier = earlier
	_, err := evidence.Verify(stream(forged.entries), anchor)
	var tree *evidence.TreeError
	if !errors.As(err, &tree) || !tree.Earlier || tree.Signed.Size != 5 || !strings.Contains(err.Error(), "first 5") {
		t.Errorf("got %v", err)
	}
}

func TestLogThatIsOlderThanTheEarlierCheckpointIsCaught(t *testing.T) {
	keeper := newKeeper(t)
	old := newLog(t, 3)
	anchor := evidence.Anchor{Checkpoint: sign(t, keeper, old), VerifierKey: keeper.VerifierKey()}
	anchor.Earlier = sign(t, keeper, newLog(t, 5))
	_, err := evidence.Verify(stream(old.entries), anchor)
	var tree *evidence.TreeError
	if !errors.As(err, &tree) || !tree.Earlier || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v", err)
	}
}

func TestEarlierCheckpointOfAnotherLogIsUntrusted(t *testing.T) {
	l := newLog(t, 3)
	anchor := anchored(t, l)
	other, err := evidence.CreateKeeper(t.TempDir(), seeded(7))
	if err != nil {
		t.Fatal(err)
	}
	anchor.Earlier = sign(t, other, l)
	if _, err := evidence.Verify(stream(l.entries), anchor); !errors.Is(err, evidence.ErrUntrusted) {
		t.Errorf("got %v", err)
	}
}

func TestEarlierCheckpointOfAnEmptyLogMustBeTrueToo(t *testing.T) {
	signer, verifierKey := noteKey(t, "example.com/log")
	signed := func(tree evidence.Tree) []byte {
		body := evidence.Checkpoint{Origin: "example.com/log", Tree: tree}.Body()
		b, err := note.Sign(&note.Note{Text: body}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	l := newLog(t, 3)
	anchor := evidence.Anchor{Checkpoint: signed(l.tree), VerifierKey: verifierKey, Earlier: signed(evidence.Tree{Root: l.tree.Root})}
	_, err := evidence.Verify(stream(l.entries), anchor)
	var tree *evidence.TreeError
	if !errors.As(err, &tree) || !tree.Earlier {
		t.Errorf("got %v", err)
	}
}
