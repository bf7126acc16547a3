package catalog

import (
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// checkDelegation demands people at both ends, and an end in the future of one
// that is new or given another end.
func (w *writer) checkDelegation(d governance.Delegation) (governance.Problems, error) {
	var problems governance.Problems
	for _, end := range []struct {
		field string
		id    governance.IdentityID
	}{{"from", d.From}, {"to", d.To}} {
		person, err := declared.Person(w.ctx, w.tx, end.id)
		if err != nil {
			return nil, err
		}
		if person.Type != governance.Human {
			problems = append(problems, governance.Problem{Field: end.field, Code: governance.CodeInvalid, Message: fmt.Sprintf("%q is a %s; only people approve, so only people delegate and stand in", end.id, person.Type)})
		}
	}
	if w.tx.Now.Before(d.EndsAt) {
		return problems, nil
	}
	if old, err := get(w.ctx, w.tx, governance.KindDelegation, d.Key()); err != nil || !old.Object.(governance.Delegation).EndsAt.Equal(d.EndsAt) {
		problems = append(problems, governance.Problem{Field: "ends_at", Code: governance.CodeInvalid, Message: fmt.Sprintf("%s is past; a delegation ends in the future", d.EndsAt.UTC().Format(time.RFC3339))})
	}
	return problems, nil
}
