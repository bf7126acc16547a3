// Package terraformplan reads what a Terraform or OpenTofu plan declares, from the
// JSON that `terraform show -json` prints: the documents of all stint_*
// resources as they will be, and what the plan takes away.
//
// It is pure: bytes come in, documents come out. Where a value is not known before
// apply it says so and never guesses.
package terraformplan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Plan is what a plan declares.
type Plan struct {
	// Objects are all that stand after the apply, those that do not change
	// included.
	Objects []governance.Object
	// Destroyed are those that the apply takes away.
	Destroyed []Ref
}

// Ref names a declared object.
type Ref struct {
	Kind governance.Kind
	ID   string
}

// RefTo names an object.
func RefTo(o governance.Object) Ref { return Ref{o.ObjectKind(), o.Key()} }

// Read takes the documents out of a plan. The error names every resource and
// attribute that cannot be read.
func Read(data []byte) (Plan, error) {
	plan, err := decode(data)
	if err != nil {
		return Plan{}, err
	}
	unknown := map[string][]string{}
	var read Plan
	for _, change := range plan.ResourceChanges {
		kind, ours := kinds[change.Type]
		if !ours || change.Mode != tfjson.ManagedResourceMode || change.DeposedKey != "" || change.Change == nil {
			continue
		}
		unknown[change.Address] = kind.unknown("", change.Change.AfterUnknown)
		if before, ok := change.Change.Before.(map[string]any); ok && slices.Contains(change.Change.Actions, tfjson.ActionDelete) {
			id, _ := before["id"].(string)
			read.Destroyed = append(read.Destroyed, Ref{kind.kind, id})
		}
	}
	var wrong []error
	for _, resource := range resources(plan.PlannedValues) {
		kind, ours := kinds[resource.Type]
		if !ours || resource.Mode != tfjson.ManagedResourceMode {
			continue
		}
		for _, attribute := range unknown[resource.Address] {
			wrong = append(wrong, fmt.Errorf("%s: %s is not known before apply, so nobody can tell what the policy decides; make it of values that are known at plan", resource.Address, attribute))
		}
		object, err := kind.read(resource.AttributeValues)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", resource.Address, err))
			continue
		}
		read.Objects = append(read.Objects, object)
	}
	if len(read.Objects)+len(read.Destroyed)+len(wrong) == 0 {
		wrong = append(wrong, errors.New("it has no resources of Stint"))
	}
	return read, errors.Join(wrong...)
}

func decode(data []byte) (*tfjson.Plan, error) {
	if bytes.HasPrefix(data, []byte("PK")) {
		return nil, errors.New("it is a plan as Terraform saves it; make JSON of it with `terraform show -json FILE`")
	}
	var plan tfjson.Plan
	plan.UseJSONNumber(true)
	if err := json.Unmarshal(data, &plan); err != nil {
		return nil, fmt.Errorf("it is not what `terraform show -json FILE` prints of a plan: %w", err)
	}
	if plan.PlannedValues == nil || plan.PlannedValues.RootModule == nil {
		return nil, errors.New("it holds no planned values; it may be of a state: make a plan with `terraform plan -out FILE`, and JSON of it with `terraform show -json FILE`")
	}
	if plan.Complete != nil && !*plan.Complete {
		return nil, errors.New("it is of a part of the configuration only; plan without -target, and nothing deferred")
	}
	return &plan, nil
}

// resources lists those of all modules.
func resources(values *tfjson.StateValues) []*tfjson.StateResource {
	var all []*tfjson.StateResource
	var walk func(*tfjson.StateModule)
	walk = func(module *tfjson.StateModule) {
		all = append(all, module.Resources...)
		for _, child := range module.ChildModules {
			walk(child)
		}
	}
	walk(values.RootModule)
	return all
}

// declared says how the resources of one type are read.
type declared struct {
	kind governance.Kind
	read func(map[string]any) (governance.Object, error)
	// indifferent are members that no decision depends on.
	indifferent []string
}

var kinds = map[string]declared{
	"stint_attribute":          {kind: governance.KindAttribute, read: object[governance.Attribute]},
	"stint_application":        {kind: governance.KindApplication, read: object[governance.Application], indifferent: []string{"connector"}},
	"stint_identity":           {kind: governance.KindIdentity, read: object[governance.Identity]},
	"stint_entitlement":        {kind: governance.KindEntitlement, read: object[governance.Entitlement]},
	"stint_eligibility_policy": {kind: governance.KindPolicy, read: object[governance.EligibilityPolicy]},
	"stint_sod_rule":           {kind: governance.KindRule, read: object[governance.SoDRule]},
	"stint_grant_template":     {kind: governance.KindTemplate, read: object[governance.GrantTemplate]},
	"stint_delegation":         {kind: governance.KindDelegation, read: object[governance.Delegation]},
	"stint_event_source":       {kind: governance.KindEventSource, read: object[governance.EventSource]},
	"stint_business_event":     {kind: governance.KindBusinessEvent, read: object[governance.BusinessEvent]},
}

// object reads attributes as a document, whose members are named alike.
func object[D governance.Object](attributes map[string]any) (governance.Object, error) {
	text, err := json.Marshal(withoutNulls(attributes))
	if err != nil {
		return nil, err
	}
	var document D
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	return document, nil
}

// withoutNulls drops what is not set: to Terraform it is null, in a document it
// is absent.
func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, member := range value {
			if member != nil {
				kept[name] = withoutNulls(member)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, element := range value {
			kept[i] = withoutNulls(element)
		}
		return kept
	}
	return value
}

// unknown lists the attributes that are marked as not known, by their path.
func (d declared) unknown(path string, marks any) []string {
	switch marks := marks.(type) {
	case bool:
		if marks {
			return []string{path}
		}
	case []any:
		var found []string
		for i, mark := range marks {
			found = append(found, d.unknown(fmt.Sprintf("%s[%d]", path, i), mark)...)
		}
		return found
	case map[string]any:
		var found []string
		for _, name := range slices.Sorted(maps.Keys(marks)) {
			if path == "" && !slices.Contains(d.indifferent, name) {
				found = append(found, d.unknown(name, marks[name])...)
			} else if path != "" {
				found = append(found, d.unknown(path+"."+name, marks[name])...)
			}
		}
		return found
	}
	return nil
}
