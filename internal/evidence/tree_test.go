package evidence_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// The leaves and roots that implementations of RFC 6962 test against.
func TestRootIsThatOfCertificateTransparency(t *testing.T) {
	leaves := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	l := &log{}
	for size, want := range roots {
		if size > 0 {
			leaf, err := hex.DecodeString(leaves[size-1])
			if err != nil {
				t.Fatal(err)
			}
			l.append(t, evidence.Entry{Leaf: leaf})
		}
		tree, err := evidence.TreeAt(int64(size), l.stored)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(tree.Root[:]); got != want {
			t.Errorf("root at size %d is %s, want %s", size, got, want)
		}
	}
}

// drawLog appends any leaves in batches of any size.
func drawLog(t *rapid.T) *log {
	l := &log{}
	for _, batch := range rapid.SliceOfN(rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 0, 9), 0, 6).Draw(t, "batches") {
		entries := make([]evidence.Entry, len(batch))
		for i, leaf := range batch {
			entries[i].Leaf = leaf
		}
		l.append(t, entries...)
	}
	return l
}

func TestStoredHashesAndRootsAreThoseOfTlog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t)
		var want hashes
		for n, entry := range l.entries {
			more, err := tlog.StoredHashes(int64(n), entry.Leaf, want)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, more...)
		}
		if len(want) != len(l.stored) {
			t.Fatalf("%d hashes stored, want %d", len(l.stored), len(want))
		}
		for i := range want {
			if want[i] != l.stored[i] {
				t.Fatalf("stored hash %d differs", i)
			}
		}
		for size := range len(l.entries) + 1 {
			root, err := tlog.TreeHash(int64(size), want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := evidence.TreeAt(int64(size), l.stored)
			if err != nil {
				t.Fatal(err)
			}
			if got != (evidence.Tree{Size: int64(size), Root: root}) {
				t.Fatalf("tree at size %d is %v, want root %s", size, got, root)
			}
		}
	})
}

func TestEveryInclusionProofHoldsForItsRecordOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t)
		for n, entry := range l.entries {
			proof, err := evidence.ProveInclusion(l.tree.Size, int64(n), l.stored)
			if err != nil {
				t.Fatal(err)
			}
			if err := evidence.CheckInclusion(l.tree, int64(n), entry.Leaf, proof); err != nil {
				t.Fatalf("record %d of %d: %v", n, l.tree.Size, err)
			}
			changed := append([]byte{1}, entry.Leaf...)
			if err := evidence.CheckInclusion(l.tree, int64(n), changed, proof); !errors.Is(err, evidence.ErrProof) {
				t.Fatalf("record %d of %d, changed: %v", n, l.tree.Size, err)
			}
		}
	})
}

func TestEveryConsistencyProofHoldsForItsTreesOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t)
		for size := range l.tree.Size + 1 {
			older, err := evidence.TreeAt(size, l.stored)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := evidence.ProveConsistency(l.tree.Size, size, l.stored)
			if err != nil {
				t.Fatal(err)
			}
			if err := evidence.CheckConsistency(l.tree, older, proof); err != nil {
				t.Fatalf("from %d to %d: %v", size, l.tree.Size, err)
			}
			older.Root[size%32] ^= 1
			if err := evidence.CheckConsistency(l.tree, older, proof); !errors.Is(err, evidence.ErrProof) {
				t.Fatalf("from another tree of size %d to %d: %v", size, l.tree.Size, err)
			}
		}
	})
}

func TestSizesOutOfRangeAreErrors(t *testing.T) {
	l := newLog(t, 3)
	for _, size := range []int64{-1, 1 << 62} {
		if _, err := evidence.TreeAt(size, l.stored); err == nil {
			t.Errorf("a tree of size %d", size)
		}
		if _, err := evidence.ProveInclusion(size, 0, l.stored); err == nil {
			t.Errorf("an inclusion proof at size %d", size)
		}
		if _, err := evidence.ProveConsistency(size, 0, l.stored); size < 0 && err == nil {
			t.Errorf("a consistency proof at size %d", size)
		}
		if _, err := evidence.ProveConsistency(size, 1, l.stored); err == nil {
			t.Errorf("a consistency proof at size %d", size)
		}
		forged := evidence.Tree{Size: size, Root: l.tree.Root}
		if evidence.CheckInclusion(forged, 0, l.entries[0].Leaf, nil) == nil || evidence.CheckConsistency(forged, l.tree, nil) == nil {
			t.Errorf("a proof holds for size %d", size)
		}
	}
	if _, err := evidence.TreeAt(4, l.stored); err == nil {
		t.Error("a tree over hashes that are not stored")
	}
}
