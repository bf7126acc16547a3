package catalog

import (
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// extend notes when a declared event is given a later end, which is a decision
// that whoever gains from it may not make.
func (w *writer) extend(e governance.BusinessEvent) error {
	if _, err := w.tx.UseEvent(w.ctx, e.Key()); err != nil {
		return fmt.Errorf("hold %s: %w", w.what, err)
	}
	old, err := get(w.ctx, w.tx, governance.KindBusinessEvent, e.Key())
	if fault.Is(err, fault.NotFound) {
		return nil // the write will meet no row
	}
	if err != nil {
		return err
	}
	was := old.Object.(governance.BusinessEvent).EndsAt
	if !e.EndsAt.After(was) {
		return nil
	}
	w.extendedFrom = &was
	return grants.Disinterested(w.ctx, w.tx, e.DeclaredID(), w.by.Identity)
}
