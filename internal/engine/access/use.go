package access

import (
	"context"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// uses reads how the templates are in use that the question may go through and
// whose bounds ask for it. Whoever grants holds the template first, see [Access.hold],
// so that two who ask at once never both take the last place.
func uses(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, q *governance.Question) error {
	q.Uses = map[governance.TemplateID]governance.Use{}
	for id, template := range set.Templates {
		bounded := template.Cooldown != nil || template.MaxConcurrent != nil
		if !bounded || q.Template != "" && q.Template != id {
			continue
		}
		use, err := useOf(ctx, tx, template, q.Identity.ID())
		if err != nil {
			return fmt.Errorf("read the use of grant template %s: %w", id, err)
		}
		q.Uses[id] = use
	}
	return nil
}

func useOf(ctx context.Context, tx *journal.Tx, t *governance.GrantTemplate, identity governance.IdentityID) (governance.Use, error) {
	var use governance.Use
	since := tx.Now
	if t.Cooldown != nil {
		since = since.Add(-t.Cooldown.Std())
	}
	own, err := grants.List(tx.ListUseOfTemplate(ctx, sqlc.ListUseOfTemplateParams{
		IdentityID: string(identity), TemplateID: string(t.ID()), Since: store.NullMicros(&since),
	}))
	if err != nil {
		return use, err
	}
	for _, g := range own {
		use.Own = append(use.Own, g.Grant)
	}
	if t.MaxConcurrent != nil && t.MaxConcurrent.Total != nil {
		n, err := tx.CountLiveGrantsOfTemplate(ctx, string(t.ID()))
		if err != nil {
			return use, err
		}
		use.Live = int(n)
	}
	return use, nil
}
