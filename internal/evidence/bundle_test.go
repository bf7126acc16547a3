package evidence_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// bundle writes a log, one record of which has its disclosure erased.
func bundle(t *testing.T, size int) (written []byte, header evidence.BundleHeader, entries []evidence.Entry) {
	t.Helper()
	keeper, l := newKeeper(t), newLog(t, size)
	l.entries[size-1].Disclosures = nil
	header = evidence.BundleHeader{Checkpoint: sign(t, keeper, l), VerifierKey: keeper.VerifierKey()}
	var b bytes.Buffer
	if err := evidence.WriteBundle(&b, header, stream(l.entries)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), header, l.entries
}

func TestBundleFormatIsPinned(t *testing.T) {
	written, _, _ := bundle(t, 3)
	golden(t, "bundle.jsonl", written)
}

func TestBundleReadsBack(t *testing.T) {
	written, header, entries := bundle(t, 5)
	gotHeader, rest, err := evidence.ReadBundle(bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(header, gotHeader); diff != "" {
		t.Errorf("header: -want +got:\n%s", diff)
	}
	var got []evidence.Entry
	for entry, err := range rest {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry)
	}
	if diff := cmp.Diff(entries, got); diff != "" {
		t.Errorf("entries: -want +got:\n%s", diff)
	}
}

func TestBundleVerifiesOffline(t *testing.T) {
	written, header, _ := bundle(t, 5)
	report, err := evidence.VerifyBundle(bytes.NewReader(written), header.VerifierKey, header.Checkpoint)
	if err != nil || report.Checkpoint.Tree.Size != 5 || report.Withheld != 1 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestAnyChangedBitOfABundleIsCaught(t *testing.T) {
	written, header, _ := bundle(t, 2)
	for bit := range len(written) * 8 {
		if _, err := evidence.VerifyBundle(bytes.NewReader(flip(written, bit)), header.VerifierKey, nil); err == nil {
			t.Errorf("bit %d of byte %d (%q) changed unnoticed", bit%8, bit/8, written[bit/8])
		}
	}
}

func TestBundleCutOffAnywhereIsCaught(t *testing.T) {
	written, header, _ := bundle(t, 3)
	for size := range written {
		if _, err := evidence.VerifyBundle(bytes.NewReader(written[:size]), header.VerifierKey, nil); err == nil {
			t.Errorf("the first %d of %d bytes verify", size, len(written))
		}
	}
}

func TestAnythingAddedToABundleIsCaught(t *testing.T) {
	written, header, _ := bundle(t, 3)
	for _, more := range []string{"\n", "{}\n", "\n{}\n", " ", "\x00"} {
		added := append(bytes.Clone(written), more...)
		if _, err := evidence.VerifyBundle(bytes.NewReader(added), header.VerifierKey, nil); err == nil {
			t.Errorf("%q at the end goes unnoticed", more)
		}
	}
}

func TestKeyInsideTheBundleIsNotTrusted(t *testing.T) {
	written, _, _ := bundle(t, 3)
	other, err := evidence.CreateKeeper(t.TempDir(), seeded(7))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.VerifyBundle(bytes.NewReader(written), other.VerifierKey(), nil); !errors.Is(err, evidence.ErrUntrusted) {
		t.Errorf("got %v", err)
	}
}

func TestBundleOfAnotherVersionIsRefusedByName(t *testing.T) {
	written, header, _ := bundle(t, 3)
	other := strings.Replace(string(written), `"v":1`, `"v":2`, 1)
	_, err := evidence.VerifyBundle(strings.NewReader(other), header.VerifierKey, nil)
	if err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("got %v", err)
	}
}

func TestBundleIsNotWrittenWhenItsRecordsCannotBeRead(t *testing.T) {
	broken := errors.New("connection reset")
	err := evidence.WriteBundle(&bytes.Buffer{}, evidence.BundleHeader{}, func(yield func(evidence.Entry, error) bool) {
		yield(evidence.Entry{}, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
