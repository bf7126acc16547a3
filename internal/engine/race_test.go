package engine_test

import (
	"sync"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestDeletionAndRequestAtOnceStrandNoGrant(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Stop(t) // what is granted stays scheduled
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindTemplate, "auto")
		if err != nil {
			t.Fatal(err)
		}
		for round := range 20 {
			var wait sync.WaitGroup
			for _, who := range []string{"alice", "bob"} {
				wait.Go(func() {
					if _, err := h.engine.Access.Request(t.Context(), actor(who), askAuto(who, dba)); err != nil {
						t.Errorf("%s requests: %v", who, err)
					}
				})
			}
			wait.Go(func() {
				err := h.engine.Catalog.Delete(t.Context(), by, governance.KindTemplate, "auto", 1, false)
				if err != nil && !fault.Is(err, fault.InUse) {
					t.Errorf("delete: %v", err)
				}
			})
			wait.Wait()
			live := h.live()
			_, err := h.engine.Catalog.Get(t.Context(), governance.KindTemplate, "auto")
			if gone := fault.Is(err, fault.NotFound); gone && len(live) > 0 {
				t.Fatalf("round %d: the template is gone, and %d grants of it are live", round, len(live))
			} else if gone {
				if _, err := h.engine.Catalog.Put(t.Context(), by, stored.Object, catalog.Precondition{Create: true}); err != nil {
					t.Fatal(err)
				}
			}
			for _, id := range live {
				if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// live are the grants that are not over.
func (h *harness) live() []governance.GrantID {
	h.t.Helper()
	list, err := h.engine.Access.ListGrants(h.t.Context(), access.GrantFilter{Live: true})
	if err != nil {
		h.t.Fatal(err)
	}
	var ids []governance.GrantID
	for _, g := range list {
		ids = append(ids, g.ID)
	}
	return ids
}
