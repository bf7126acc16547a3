package client_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

func page(digest string, count int, next string, names ...string) api.Page[api.Token] {
	p := api.Page[api.Token]{NextCursor: next, Stamp: api.Stamp{Count: count, Digest: digest}}
	for _, name := range names {
		p.Items = append(p.Items, api.Token{Name: name})
	}
	return p
}

func TestListFollowsEveryPage(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			answer(w, page("d", 3, "two", "a", "b"))
		case "two":
			answer(w, page("d", 3, "", "c"))
		}
	})
	got, err := c.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != 3 || got.Items[2].Name != "c" || got.Count != 3 || got.Digest != "d" {
		t.Errorf("Tokens: %+v", got)
	}
}

func TestListThatIsNotCompleteIsAnError(t *testing.T) {
	for name, pages := range map[string][2]api.Page[api.Token]{
		"short":         {page("d", 3, "next", "a"), page("d", 3, "", "b")},
		"long":          {page("d", 1, "next", "a"), page("d", 1, "", "b")},
		"mixed":         {page("d", 2, "next", "a"), page("e", 2, "", "b")},
		"going nowhere": {page("d", 2, "next", "a"), page("d", 2, "next")},
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("cursor") == "" {
				answer(w, pages[0])
			} else {
				answer(w, pages[1])
			}
		})
		if got, err := c.Tokens(t.Context()); err == nil || !strings.Contains(err.Error(), "not used") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestListThatChangesIsBegunAnewAndThenGivenUp(t *testing.T) {
	for name, tc := range map[string]struct{ changes, begun int }{
		"settles":     {2, 3},
		"never still": {100, 6},
	} {
		begun := 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Query().Get("cursor") == "":
				begun++
				answer(w, page("d", 2, "next", "a"))
			case begun <= tc.changes:
				refuse(w, http.StatusConflict, api.CodeListChanged)
			default:
				answer(w, page("d", 2, "", "b"))
			}
		})
		got, err := c.Tokens(t.Context())
		if settled := tc.changes < 100; settled != (err == nil) || begun != tc.begun {
			t.Errorf("%s: begun %d times, %d items, %v", name, begun, len(got.Items), err)
		}
		if err != nil && !client.HasCode(err, api.CodeListChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
