package server

import (
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// convertAll never returns nil: an empty list is [] on the wire.
func convertAll[From, To any](list []From, convert func(From) To) []To {
	converted := make([]To, len(list))
	for i, item := range list {
		converted[i] = convert(item)
	}
	return converted
}

func meta(stored catalog.Stored) api.Meta { return api.Meta{ID: stored.ID, Version: stored.Version} }

func toAttribute(stored catalog.Stored) api.Attribute {
	return api.Attribute{Meta: meta(stored), Attribute: stored.Object.(governance.Attribute)}
}

func toApplication(stored catalog.Stored) api.Application {
	return api.Application{
		Meta: meta(stored), Application: stored.Object.(governance.Application),
		SyncedAt: stored.SyncedAt, SyncError: stored.SyncError, RetiredAt: stored.RetiredAt,
	}
}

func toIdentity(stored catalog.Stored) api.Identity {
	person := stored.Person
	identity := api.Identity{
		Meta: meta(stored), Identity: person.Identity, Status: person.Status, Because: person.Because(stored.Now),
		LastSeen: person.Life.UsedAt, AttestedAt: person.Life.AttestedAt, AttestedBy: person.Life.AttestedBy,
	}
	for _, ending := range person.Endings() {
		if ending.Loss == governance.LossUnattested {
			identity.AttestBy = &ending.At
		}
	}
	return identity
}

func toEntitlement(stored catalog.Stored) api.Entitlement {
	return api.Entitlement{Meta: meta(stored), Entitlement: stored.Object.(governance.Entitlement)}
}

func toPolicy(stored catalog.Stored) api.EligibilityPolicy {
	return api.EligibilityPolicy{Meta: meta(stored), EligibilityPolicy: stored.Object.(governance.EligibilityPolicy)}
}

func toRule(stored catalog.Stored) api.SoDRule {
	return api.SoDRule{Meta: meta(stored), SoDRule: stored.Object.(governance.SoDRule)}
}

func toTemplate(stored catalog.Stored) api.GrantTemplate {
	return api.GrantTemplate{Meta: meta(stored), GrantTemplate: stored.Object.(governance.GrantTemplate)}
}

func toDelegation(stored catalog.Stored) api.Delegation {
	return api.Delegation{Meta: meta(stored), Delegation: stored.Object.(governance.Delegation)}
}

func toEventSource(stored catalog.Stored) api.EventSource {
	return api.EventSource{Meta: meta(stored), EventSource: stored.Object.(governance.EventSource)}
}

func toEvent(stored catalog.Stored) api.BusinessEvent {
	event := api.BusinessEvent{
		Meta: meta(stored), BusinessEvent: stored.Object.(governance.BusinessEvent), ClosedAt: stored.ClosedAt,
	}
	if stored.OpenedAt != nil {
		event.OpenedAt = *stored.OpenedAt
	}
	return event
}

func fromOpenEvent(event governance.OpenEvent) api.BusinessEvent {
	return api.BusinessEvent{
		Meta:          api.Meta{ID: string(event.ID), Version: event.Version},
		BusinessEvent: event.BusinessEvent, OpenedAt: event.OpenedAt, ClosedAt: event.ClosedAt,
	}
}

func toRequest(view access.RequestView) api.Request {
	return api.Request{Request: view.Request, Grants: append([]governance.GrantID{}, view.Grants...), OnBehalfOf: view.OnBehalfOf}
}

func toGrant(view access.GrantView) api.Grant {
	return api.Grant{Grant: view.Grant, LastError: view.LastError, Attempts: view.Attempts}
}

func toSync(r discovery.Result) api.Sync {
	return api.Sync{
		Application: r.Application, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		Accounts: r.Accounts, Entitlements: r.Entitlements, Assignments: r.Assignments,
		Appeared: r.Appeared, Disappeared: r.Disappeared, Orphans: r.Orphans, Findings: r.Findings,
	}
}
