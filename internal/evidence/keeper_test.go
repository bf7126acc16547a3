package evidence_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// keeperIn creates a keeper in a directory that does not exist yet.
func keeperIn(t *testing.T) (*evidence.Keeper, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys", "stint")
	keeper, err := evidence.CreateKeeper(dir, seeded(42))
	if err != nil {
		t.Fatal(err)
	}
	return keeper, dir
}

func TestKeeperIsTheSameAfterReopening(t *testing.T) {
	keeper, dir := keeperIn(t)
	signed := sign(t, keeper, newLog(t, 3))

	again, err := evidence.OpenKeeper(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.VerifierKey() != keeper.VerifierKey() || again.Origin() != keeper.Origin() {
		t.Errorf("key is %s, was %s", again.VerifierKey(), keeper.VerifierKey())
	}
	latest, checkpoint, err := again.Latest()
	if err != nil || !bytes.Equal(latest, signed) || checkpoint.Tree.Size != 3 {
		t.Errorf("latest is %s, %v", latest, err)
	}
	sign(t, again, newLog(t, 4))
}

func TestNewKeeperHasSignedTheEmptyLog(t *testing.T) {
	keeper, _ := keeperIn(t)
	_, checkpoint, err := keeper.Latest()
	if err != nil || checkpoint.Tree.Size != 0 {
		t.Errorf("got %v, %v", checkpoint, err)
	}
	if err := keeper.Check(0, hashes(nil)); err != nil {
		t.Error(err)
	}
}

func TestKeyIsNeverOverwritten(t *testing.T) {
	_, dir := keeperIn(t)
	path := filepath.Join(dir, "log", "signing-key")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.CreateKeeper(dir, seeded(1)); !errors.Is(err, evidence.ErrKeeperExists) {
		t.Errorf("got %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key changed: %v", err)
	}
}

func TestOnlyOneOfManyCreatesAKey(t *testing.T) {
	dir := t.TempDir()
	var created sync.Map
	var all sync.WaitGroup
	for n := range byte(8) {
		all.Go(func() {
			keeper, err := evidence.CreateKeeper(dir, seeded(n))
			switch {
			case err == nil:
				created.Store(keeper.VerifierKey(), true)
			case !errors.Is(err, evidence.ErrKeeperExists):
				t.Error(err)
			}
		})
	}
	all.Wait()
	keeper, err := evidence.OpenKeeper(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	created.Range(func(key, _ any) bool {
		count++
		if key != keeper.VerifierKey() {
			t.Errorf("%s was created, %s is there", key, keeper.VerifierKey())
		}
		return true
	})
	if count != 1 {
		t.Errorf("%d keys were created", count)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMissingKeyIsToldApart(t *testing.T) {
	if _, err := evidence.OpenKeeper(t.TempDir()); !errors.Is(err, evidence.ErrNoKeeper) {
		t.Errorf("got %v", err)
	}
}

func TestKeeperWithoutItsCheckpointDoesNotOpen(t *testing.T) {
	_, dir := keeperIn(t)
	if err := os.Remove(filepath.Join(dir, "log", "checkpoint")); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.OpenKeeper(dir); err == nil || !strings.Contains(err.Error(), "restore") {
		t.Errorf("got %v", err)
	}
}

func TestDamagedKeyIsRefusedAndNotQuoted(t *testing.T) {
	_, dir := keeperIn(t)
	path := filepath.Join(dir, "log", "signing-key")
	encoded, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(encoded[bytes.LastIndexByte(encoded, '+')+1:]))
	for bit := range (len(encoded) - 1) * 8 {
		if err := os.WriteFile(path, flip(encoded, bit), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := evidence.OpenKeeper(dir)
		if err == nil {
			t.Fatalf("bit %d of byte %d changed unnoticed", bit%8, bit/8)
		}
		if strings.Contains(err.Error(), secret) {
			t.Fatalf("the error shows the key: %v", err)
		}
	}
}

func TestKeeperSignsNothingTwice(t *testing.T) {
	keeper, _ := keeperIn(t)
	l := newLog(t, 3)
	first, second := sign(t, keeper, l), sign(t, keeper, l)
	if !bytes.Equal(first, second) {
		t.Errorf("got\n%s, then\n%s", first, second)
	}
}

func TestKeeperRefusesATruncatedLog(t *testing.T) {
	keeper, _ := keeperIn(t)
	signed := sign(t, keeper, newLog(t, 5))
	l := newLog(t, 4)
	if err := keeper.Check(l.tree.Size, l.stored); !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("check: %v", err)
	}
	if _, err := keeper.Sign(l.tree.Size, l.stored); !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("sign: %v", err)
	}
	if latest, _, err := keeper.Latest(); err != nil || !bytes.Equal(latest, signed) {
		t.Errorf("the checkpoint changed: %s, %v", latest, err)
	}
}

func TestKeeperRefusesARewrittenLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keeper, err := evidence.CreateKeeper(filepath.Join(t.TempDir(), "k"), seeded(1))
		if err != nil {
			rt.Fatal(err)
		}
		size := rapid.IntRange(1, 40).Draw(rt, "signed")
		l := newLog(rt, size)
		signed := sign(rt, keeper, l)

		changed := rapid.IntRange(0, size-1).Draw(rt, "changed")
		rewritten := &log{}
		for n := range size + rapid.IntRange(0, 20).Draw(rt, "more") {
			r := record(n)
			if n == changed {
				r.Actor = "mallory"
			}
			rewritten.append(rt, encode(rt, r))
		}
		if err := keeper.Check(rewritten.tree.Size, rewritten.stored); !errors.Is(err, evidence.ErrRewritten) {
			rt.Fatalf("check: %v", err)
		}
		if _, err := keeper.Sign(rewritten.tree.Size, rewritten.stored); !errors.Is(err, evidence.ErrRewritten) {
			rt.Fatalf("sign: %v", err)
		}
		if latest, _, err := keeper.Latest(); err != nil || !bytes.Equal(latest, signed) {
			rt.Fatalf("the checkpoint changed: %s, %v", latest, err)
		}
	})
}

func TestKeeperFollowsAnyHonestGrowth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keeper, err := evidence.CreateKeeper(filepath.Join(t.TempDir(), "k"), seeded(1))
		if err != nil {
			rt.Fatal(err)
		}
		l := newLog(rt, 0)
		for range rapid.IntRange(1, 8).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 12).Draw(rt, "records") {
				l.append(rt, encode(rt, record(len(l.entries))))
			}
			signed := sign(rt, keeper, l)
			checkpoint, err := evidence.OpenCheckpoint(signed, keeper.VerifierKey())
			if err != nil || checkpoint.Tree != l.tree {
				rt.Fatalf("signed %v, want %v: %v", checkpoint.Tree, l.tree, err)
			}
		}
	})
}

func TestTwoKeepersOfOneDirectorySeeEachOthersCheckpoints(t *testing.T) {
	first, dir := keeperIn(t)
	second, err := evidence.OpenKeeper(dir)
	if err != nil {
		t.Fatal(err)
	}
	sign(t, first, newLog(t, 5))
	l := newLog(t, 4)
	if _, err := second.Sign(l.tree.Size, l.stored); !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("got %v", err)
	}
}
