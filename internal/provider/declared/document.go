package declared

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// document reads what is declared. What is not known is left at its zero value
// and named.
func (m *managed[D, T]) document(ctx context.Context, raw tftypes.Value) (D, fwconv.Unknown, error) {
	var document D
	text, unknown, err := fwconv.Document(ctx, m.schema, raw)
	if err != nil {
		return document, nil, err
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return document, nil, fmt.Errorf("read the %s: %w", m.Noun, err)
	}
	return document, unknown, nil
}

// keyKnown reports whether the id can be derived.
func (m *managed[D, T]) keyKnown(unknown fwconv.Unknown) bool {
	return !slices.ContainsFunc(m.Keys, unknown.Touches)
}

// find returns the object with the id, or nil.
func (m *managed[D, T]) find(snapshot *api.Snapshot, id string) *T {
	objects := m.Objects(snapshot)
	i := slices.IndexFunc(objects, func(object T) bool { return m.Meta(object).ID == id })
	if i < 0 {
		return nil
	}
	return &objects[i]
}

// change describes a plan to an object's own package. before is nil when the
// object is created.
func (m *managed[D, T]) change(before *D, after D) (Change[T], error) {
	var change Change[T]
	var err error
	if change.After, err = convert[T](after); err != nil || before == nil {
		return change, err
	}
	old, err := convert[T](*before)
	change.Before = &old
	return change, err
}

// convert goes between a document and its object, whose JSON is the document's
// and more.
func convert[To any](from any) (To, error) {
	var to To
	text, err := json.Marshal(from)
	if err != nil {
		return to, fmt.Errorf("write %T as JSON: %w", from, err)
	}
	if err := json.Unmarshal(text, &to); err != nil {
		return to, fmt.Errorf("read %T from the JSON of %T: %w", to, from, err)
	}
	return to, nil
}
