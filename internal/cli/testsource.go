package cli

import (
	"context"
	"os"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/snapshot"
	"github.com/stint-dev/terraform-provider-stint/internal/terraformplan"
)

// sourceFlags say where policy comes from.
type sourceFlags struct{ plan, snapshot string }

// read finds the policy, and the estate if there is one. A plan over a snapshot is
// what the snapshot becomes when the plan is applied.
func (f sourceFlags) read(ctx context.Context, a *app) (accesstest.Source, error) {
	if f.plan == "" && f.snapshot == "" {
		state, err := ask(ctx, a, "Reading the policy", func(ctx context.Context, c *client.Client) (snapshot.State, error) {
			return snapshot.Take(ctx, c, a.Now())
		})
		return sourceOf(state), err
	}
	source := accesstest.Source{}
	if f.snapshot != "" {
		state, err := snapshot.Read(f.snapshot)
		if err != nil {
			return source, usageErrorf("--snapshot: %w", err)
		}
		source = sourceOf(state)
	}
	if f.plan == "" {
		return source, nil
	}
	text, err := os.ReadFile(f.plan)
	if err != nil {
		return source, usageErrorf("--plan: %w", err)
	}
	plan, err := terraformplan.Read(text)
	if err != nil {
		return source, severalWrong(err, "the plan %s cannot be used:", f.plan)
	}
	source.Objects = over(plan, source.Objects)
	return source, nil
}

// sourceOf is a state as tests need it.
func sourceOf(state snapshot.State) accesstest.Source {
	source := accesstest.Source{Revision: state.Revision, Objects: state.Objects(), Status: map[governance.IdentityID]governance.Status{}}
	estate := &accesstest.Estate{
		Identities: map[governance.IdentityID]bool{}, Applications: map[governance.ApplicationID]bool{},
		Entitlements: map[governance.EntitlementID]bool{}, Accounts: map[governance.IdentityID][]governance.AccountID{},
		Owners:     map[governance.AccountID]governance.IdentityID{},
		Inclusions: governance.Inclusions{},
	}
	source.Estate = estate
	for _, identity := range state.Identities {
		source.Status[identity.Identity.ID()] = identity.Status
		estate.Identities[identity.Identity.ID()] = true
	}
	for _, application := range state.Applications {
		if application.SyncedAt != nil {
			estate.Applications[application.Application.ID()] = true
		}
	}
	for _, event := range state.BusinessEvents {
		source.Events = append(source.Events, governance.OpenEvent{
			BusinessEvent: event.BusinessEvent, ID: governance.EventID(event.Meta.ID), OpenedAt: event.OpenedAt, ClosedAt: event.ClosedAt, Version: event.Version,
		})
	}
	for _, account := range state.DiscoveredAccounts {
		estate.Owners[account.ID] = account.Identity
		if account.Identity != "" {
			estate.Accounts[account.Identity] = append(estate.Accounts[account.Identity], account.ID)
		}
	}
	for _, entitlement := range state.DiscoveredEntitlements {
		estate.Entitlements[entitlement.ID] = true
		estate.Inclusions[entitlement.ID] = entitlement.Includes
	}
	for _, assignment := range state.DiscoveredAssignments {
		if assignment.Identity != "" {
			estate.Holdings = append(estate.Holdings, governance.Holding{Identity: assignment.Identity, Account: assignment.Account, Entitlement: assignment.Entitlement})
		}
	}
	for _, grant := range state.Grants {
		estate.Holdings = append(estate.Holdings, governance.Holding{Identity: grant.Identity, Account: grant.Account, Entitlement: grant.Entitlement, Grant: grant.ID})
	}
	return source
}

// over is what stands when a plan is applied to what was there: what it declares
// replaces what it was, what it destroys is gone, and the rest stays.
func over(plan terraformplan.Plan, before []governance.Object) []governance.Object {
	replaced := map[terraformplan.Ref]bool{}
	for _, ref := range plan.Destroyed {
		replaced[ref] = true
	}
	for _, object := range plan.Objects {
		replaced[terraformplan.RefTo(object)] = true
	}
	after := slices.Clone(plan.Objects)
	for _, object := range before {
		if !replaced[terraformplan.RefTo(object)] {
			after = append(after, object)
		}
	}
	return after
}
