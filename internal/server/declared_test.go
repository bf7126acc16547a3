package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestObjectIsWrittenOnlyOverTheVersionThatWasRead(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		alice := governance.Identity{Name: "alice a", Type: governance.Human, Groups: []string{"sre"}}
		created := h.declare(t, alice)
		if created.Meta.ID != "alice%20a" || created.Version != 1 || created.Status != governance.Active {
			t.Errorf("created: %+v", created)
		}
		if _, err := client.Create(ctx, h.root, api.Identities, alice); !client.IsAlreadyExists(err) {
			t.Errorf("created twice: %v", err)
		}
		alice.Groups = []string{"sre", "leads"}
		updated, err := client.Update(ctx, h.root, api.Identities, created.Version, alice)
		if err != nil || updated.Version != 2 || !slices.Equal(updated.Groups, alice.Groups) {
			t.Errorf("updated: %+v, %v", updated, err)
		}
		if _, err := client.Update(ctx, h.root, api.Identities, created.Version, alice); !client.IsVersionMismatch(err) {
			t.Errorf("updated over an old version: %v", err)
		}
		if err := client.Delete(ctx, h.root, api.Identities, "alice%20a", created.Version, false); !client.IsVersionMismatch(err) {
			t.Errorf("deleted an old version: %v", err)
		}
		read, err := client.Get(ctx, h.root, api.Identities, "alice%20a")
		if err != nil || read.Version != 2 {
			t.Errorf("read: %+v, %v", read, err)
		}
		snapshot, err := h.root.Snapshot(ctx)
		if err != nil || len(snapshot.Identities) != 1 || snapshot.Revision < 2 || snapshot.SoDRules == nil {
			t.Errorf("snapshot: %+v, %v", snapshot, err)
		}
		if err := client.Delete(ctx, h.root, api.Identities, "alice%20a", 2, false); err != nil {
			t.Errorf("delete: %v", err)
		}
		if _, err := client.Get(ctx, h.root, api.Identities, "alice%20a"); !client.IsNotFound(err) {
			t.Errorf("read after deletion: %v", err)
		}
	})
}

func TestAnswerCarriesTheVersionAsItsETag(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	body := `{"name":"bob","type":"human","groups":[]}`
	if got := h.send(t, "PUT", "/v1/identities/bob", body, "If-None-Match", "*"); got.status != http.StatusCreated || got.header.Get("ETag") != `"1"` {
		t.Errorf("create: %d %s", got.status, got.header.Get("ETag"))
	}
	if got := h.send(t, "PUT", "/v1/identities/bob", body, "If-Match", `"1"`); got.status != http.StatusOK || got.header.Get("ETag") != `"2"` {
		t.Errorf("update: %d %s", got.status, got.header.Get("ETag"))
	}
	if got := h.send(t, "GET", "/v1/identities/bob", ""); got.status != http.StatusOK || got.header.Get("ETag") != `"2"` {
		t.Errorf("read: %d %s", got.status, got.header.Get("ETag"))
	}
	if got := h.send(t, "DELETE", "/v1/identities/bob", "", "If-Match", `"2"`); got.status != http.StatusNoContent || len(got.body) != 0 {
		t.Errorf("delete: %d %s", got.status, got.body)
	}
}

func TestListIsCompleteOrAnError(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		const many = 25
		for i := range many {
			h.declare(t, governance.Identity{Name: fmt.Sprintf("user-%02d", i), Type: governance.Human, Groups: []string{}})
		}
		all, err := client.List(t.Context(), h.root, api.Identities)
		if err != nil || len(all.Items) != many || all.Revision != many || all.ObservedAt.IsZero() || all.Checkpoint.Root == "" {
			t.Fatalf("list: %d items, %+v, %v", len(all.Items), all.Stamp, err)
		}
		if !slices.IsSortedFunc(all.Items, func(a, b api.Identity) int { return strings.Compare(a.Meta.ID, b.Meta.ID) }) {
			t.Error("the list is not sorted by id")
		}
		var first api.Page[api.Identity]
		if err := json.Unmarshal(h.send(t, "GET", "/v1/identities?limit=10", "").body, &first); err != nil {
			t.Fatal(err)
		}
		if len(first.Items) != 10 || first.Count != many || first.Digest != all.Digest || first.NextCursor == "" {
			t.Errorf("first page: %d items, %+v", len(first.Items), first.Stamp)
		}
		next := "/v1/identities?limit=10&cursor=" + first.NextCursor
		if got := h.send(t, "GET", next, ""); got.status != http.StatusOK {
			t.Errorf("second page: %d %s", got.status, got.body)
		}
		h.declare(t, governance.Identity{Name: "late", Type: governance.Human, Groups: []string{}})
		if got := problemIn(t, h.send(t, "GET", next, "")); got.Code != api.CodeListChanged || got.Status != http.StatusConflict {
			t.Errorf("second page of a changed list: %+v", got)
		}
	})
}
