package server

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func codeIn(t *testing.T, err error) string {
	t.Helper()
	var r *refusal
	if !errors.As(err, &r) {
		t.Fatalf("%v is no refusal", err)
	}
	return r.Code
}

func TestPagesPutTogetherAreTheList(t *testing.T) {
	items := []string{"a", "b", "c", "d", "e"}
	for limit := 1; limit <= 6; limit++ {
		var all []string
		query := api.PageQuery{Limit: limit}
		digests := map[string]bool{}
		for {
			page, err := cut(items, query, api.Stamp{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page.Items...)
			digests[page.Digest] = true
			if page.Count != len(items) {
				t.Errorf("limit %d: count is %d", limit, page.Count)
			}
			if page.NextCursor == "" {
				break
			}
			query.Cursor = page.NextCursor
		}
		if !slices.Equal(all, items) || len(digests) != 1 {
			t.Errorf("limit %d: %v with digests %v", limit, all, digests)
		}
	}
}

func TestChangedListIsRefusedInTheMiddle(t *testing.T) {
	first, err := cut([]string{"a", "b", "c"}, api.PageQuery{Limit: 2}, api.Stamp{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, changed := range [][]string{{"a", "b", "d"}, {"a"}, {}, {"a", "b", "c", "d"}} {
		_, err := cut(changed, api.PageQuery{Limit: 2, Cursor: first.NextCursor}, api.Stamp{}, 0)
		if codeIn(t, err) != api.CodeListChanged {
			t.Errorf("%v: %v", changed, err)
		}
	}
}

func TestForeignCursorIsMalformed(t *testing.T) {
	digest, err := digestOf([]string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"x", "!", cursor{Digest: digest, Offset: -1}.encode(), cursor{Digest: digest}.encode(), cursor{Offset: 1}.encode()} {
		_, err := cut([]string{"a", "b"}, api.PageQuery{Limit: 1, Cursor: text}, api.Stamp{}, 0)
		if codeIn(t, err) != api.CodeMalformed {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEmptyListIsAPage(t *testing.T) {
	page, err := cut([]string(nil), api.PageQuery{Limit: 1}, api.Stamp{}, 0)
	if err != nil || page.Items == nil || page.Count != 0 || page.NextCursor != "" {
		t.Errorf("%+v, %v", page, err)
	}
	if want := "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"; page.Digest != want {
		t.Errorf("digest of [] is %s, want %s", page.Digest, want)
	}
}

func TestDigestIsOverSortedMembersWithoutSpaces(t *testing.T) {
	type thing struct {
		B string `json:"b"`
		A int64  `json:"a"`
	}
	got, err := digestOf([]thing{{B: "<x>", A: 9007199254740993}})
	if err != nil {
		t.Fatal(err)
	}
	// printf '[{"a":9007199254740993,"b":"<x>"}]' | sha256sum
	if want := "sha256:9ef1b06b1e1ff597eb06eb8459cdccca790f034719cd52d6380455a073948ec5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSecondLookThatFindsTheSameHasTheSameDigest(t *testing.T) {
	look := func(seen time.Time, account string) (api.Page[api.DiscoveredAssignment], error) {
		items := []api.DiscoveredAssignment{{Account: governance.AccountID(account), LastSeen: seen}, {Account: "z", LastSeen: seen}}
		return cut(items, api.PageQuery{Limit: 1}, api.Stamp{}, seen.UnixMicro())
	}
	early := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	first, err := look(early, "a")
	if err != nil {
		t.Fatal(err)
	}
	same, err := look(early.Add(time.Hour), "a")
	if err != nil || same.Digest != first.Digest || same.NextCursor == first.NextCursor {
		t.Errorf("digests %s and %s, cursors %s and %s, error %v", first.Digest, same.Digest, first.NextCursor, same.NextCursor, err)
	}
	if other, err := look(early, "b"); err != nil || other.Digest == first.Digest {
		t.Errorf("another list has the same digest, error %v", err)
	}
}
