package evidence_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

func seed(f *testing.F, name string) []byte {
	f.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		f.Fatal(err)
	}
	return content
}

// What decodes has one spelling: encoded again, it is the same leaf.
func FuzzDecode(f *testing.F) {
	f.Add(seed(f, "leaf.json"), seed(f, "disclosures.json"))
	plain := record(0)
	plain.Data = evidence.Fields{"a": []any{1, true, "x", evidence.Fields{}}}
	entry, err := evidence.Encode(plain, seeded(0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(entry.Leaf, []byte(nil))
	f.Fuzz(func(t *testing.T, leaf, disclosures []byte) {
		revealed, err := evidence.Reveal(evidence.Entry{Leaf: leaf, Disclosures: disclosures})
		if err != nil {
			return
		}
		withheld, err := evidence.Decode(leaf)
		if err != nil {
			t.Fatalf("reveals as %+v, but: %v", revealed, err)
		}
		again, err := evidence.Encode(withheld, seeded(0))
		if err != nil || !bytes.Equal(again.Leaf, leaf) {
			t.Errorf("%s\nis encoded again as\n%s\n%v", leaf, again.Leaf, err)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	signed := seed(f, "checkpoint.txt")
	verifierKey := strings.TrimSpace(string(seed(f, "verifier-key.txt")))
	want, err := evidence.OpenCheckpoint(signed, verifierKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte(specificationBody))
	f.Fuzz(func(t *testing.T, text []byte) {
		if parsed, err := evidence.ParseCheckpoint(string(text)); err == nil && !strings.HasPrefix(string(text), parsed.Body()) {
			t.Errorf("%q parses as %q", text, parsed.Body())
		}
		if opened, err := evidence.OpenCheckpoint(text, verifierKey); err == nil && opened != want {
			t.Errorf("a forged checkpoint opens: %q", text)
		}
	})
}

func FuzzBundle(f *testing.F) {
	written := seed(f, "bundle.jsonl")
	verifierKey := strings.TrimSpace(string(seed(f, "verifier-key.txt")))
	want, err := evidence.VerifyBundle(bytes.NewReader(written), verifierKey, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(written)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := evidence.VerifyBundle(bytes.NewReader(b), verifierKey, nil)
		if err != nil {
			return
		}
		// Disclosures may be erased; nothing else may differ.
		if got.Withheld < want.Withheld {
			t.Errorf("more is disclosed than there was: %s", b)
		}
		got.Disclosed, got.Withheld = want.Disclosed, want.Withheld
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a forged bundle verifies: -want +got:\n%s", diff)
		}
	})
}
