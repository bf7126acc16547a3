package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestStampOfAListIsNeverNewerThanTheList(t *testing.T) {
	folder, logger := t.TempDir(), hclog.NewNullLogger()
	e, err := engine.Open(t.Context(), engine.Config{
		Database: filepath.Join(folder, "stint.db"), EvidenceDir: filepath.Join(folder, "evidence"),
		Connectors: connector.NewRegistry(), Clock: clock.System{}, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	before, err := e.Stamp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := page(t.Context(), New(e, Config{}, logger), api.PageQuery{Limit: 10}, func() ([]string, time.Time, error) {
		list := []string{"what there was"}
		_, err := e.Catalog.Put(t.Context(), journal.Engine(), governance.Identity{Name: "late", Type: governance.Human, Groups: []string{}}, catalog.Precondition{Create: true})
		return list, time.Time{}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Body.Revision != before.Revision || got.Body.Count != 1 {
		t.Errorf("a list read at revision %d says that it shows %d", before.Revision, got.Body.Revision)
	}
}
