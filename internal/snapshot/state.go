// Package snapshot keeps the whole declared state with what was observed and
// granted at one revision: it reads it from a server, writes it into a folder of
// readable JSON files, and reads it back.
//
// It promises that all of it is of one revision, that a folder appears whole or
// not at all, that nothing else is ever overwritten, and that a file which changed
// since is noticed when it is read.
package snapshot

import (
	"context"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// State is what was read.
type State struct {
	TakenAt  time.Time
	Revision int64
	// Checkpoint of the evidence log when reading began.
	Checkpoint api.Checkpoint

	Attributes          []api.Attribute
	Applications        []api.Application
	Identities          []api.Identity
	Entitlements        []api.Entitlement
	EligibilityPolicies []api.EligibilityPolicy
	SoDRules            []api.SoDRule
	GrantTemplates      []api.GrantTemplate
	Delegations         []api.Delegation
	EventSources        []api.EventSource
	// BusinessEvents are the declared ones and those opened from outside.
	BusinessEvents []api.BusinessEvent

	DiscoveredAccounts     []api.DiscoveredAccount
	DiscoveredEntitlements []api.DiscoveredEntitlement
	DiscoveredAssignments  []api.DiscoveredAssignment
	// Grants are the live ones.
	Grants []api.Grant
}

// takeAttempts is how often a state that changes while it is read is begun anew.
const takeAttempts = 6

// Take reads a server. now is when.
func Take(ctx context.Context, c *client.Client, now time.Time) (State, error) {
	for range takeAttempts {
		state, whole, err := takeOnce(ctx, c)
		if err != nil {
			return State{}, err
		}
		if whole {
			state.TakenAt = now.UTC().Truncate(time.Second)
			return state, nil
		}
	}
	return State{}, fmt.Errorf("the declared state changed %d times while it was read; try again when less is going on", takeAttempts)
}

// takeOnce reads everything; whole is false when the revision moved meanwhile.
func takeOnce(ctx context.Context, c *client.Client) (state State, whole bool, err error) {
	events, err := client.List(ctx, c, api.BusinessEvents)
	if err != nil {
		return State{}, false, err
	}
	declared, err := c.Snapshot(ctx)
	if err != nil {
		return State{}, false, err
	}
	accounts, err := c.DiscoveredAccounts(ctx, "")
	if err != nil {
		return State{}, false, err
	}
	entitlements, err := c.DiscoveredEntitlements(ctx, "")
	if err != nil {
		return State{}, false, err
	}
	assignments, err := c.DiscoveredAssignments(ctx, "")
	if err != nil {
		return State{}, false, err
	}
	grants, err := c.Grants(ctx, client.GrantFilter{Live: true})
	if err != nil {
		return State{}, false, err
	}
	whole = true
	for _, revision := range []int64{events.Revision, accounts.Revision, entitlements.Revision, assignments.Revision, grants.Revision} {
		whole = whole && revision == declared.Revision
	}
	return State{
		Revision: declared.Revision, Checkpoint: events.Checkpoint,
		Attributes: declared.Attributes, Applications: declared.Applications, Identities: declared.Identities, Entitlements: declared.Entitlements,
		EligibilityPolicies: declared.EligibilityPolicies, SoDRules: declared.SoDRules, GrantTemplates: declared.GrantTemplates, Delegations: declared.Delegations, EventSources: declared.EventSources,
		BusinessEvents: events.Items, DiscoveredAccounts: accounts.Items, DiscoveredEntitlements: entitlements.Items,
		DiscoveredAssignments: assignments.Items, Grants: grants.Items,
	}, whole, nil
}

// Objects are the declared documents.
func (s State) Objects() []governance.Object {
	var objects []governance.Object
	for _, o := range s.Attributes {
		objects = append(objects, o.Attribute)
	}
	for _, o := range s.Applications {
		objects = append(objects, o.Application)
	}
	for _, o := range s.Identities {
		objects = append(objects, o.Identity)
	}
	for _, o := range s.Entitlements {
		objects = append(objects, o.Entitlement)
	}
	for _, o := range s.EligibilityPolicies {
		objects = append(objects, o.EligibilityPolicy)
	}
	for _, o := range s.SoDRules {
		objects = append(objects, o.SoDRule)
	}
	for _, o := range s.GrantTemplates {
		objects = append(objects, o.GrantTemplate)
	}
	for _, o := range s.Delegations {
		objects = append(objects, o.Delegation)
	}
	for _, o := range s.EventSources {
		objects = append(objects, o.EventSource)
	}
	for _, o := range s.BusinessEvents {
		if o.ID == o.Key() {
			objects = append(objects, o.BusinessEvent)
		}
	}
	return objects
}
