package server

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// rule says which role an operation demands; any one of several is enough. A
// rule without roles is open to every identity with a token, a public one to
// whoever asks.
type rule struct {
	roles  []api.Role
	public bool
}

func (r rule) admits(roles []api.Role) bool {
	return len(r.roles) == 0 || slices.ContainsFunc(r.roles, func(role api.Role) bool { return slices.Contains(roles, role) })
}

// rules is who may use which operation. An operation that is not in it may be
// used by nobody. Where everyone may, the operation itself may still show less
// (requests, grants), refuse what concerns others (authzen), or the engine refuse
// (approve, review, return).
func rules() map[string]rule {
	everyone := rule{}
	readers := readers()
	authors := rule{roles: []api.Role{api.RoleAuthor}}
	admins := rule{roles: []api.Role{api.RoleAdmin}}
	operators := rule{roles: []api.Role{api.RoleAdmin, api.RoleAuthor}}
	auditors := rule{roles: []api.Role{api.RoleAuditor}}
	return map[string]rule{
		"whoami": everyone,

		"list-attributes": readers, "get-attribute": readers, "put-attribute": authors, "delete-attribute": authors,
		"list-applications": readers, "get-application": readers, "put-application": authors, "delete-application": authors,
		"list-identities": readers, "get-identity": readers, "put-identity": authors, "delete-identity": authors,
		"set-identity-status": admins, "attest-identity": everyone, "list-owned-identities": everyone,
		"list-entitlements": everyone, "get-entitlement": everyone, "put-entitlement": authors, "delete-entitlement": authors,
		"list-eligibility-policies": readers, "get-eligibility-policy": readers, "put-eligibility-policy": authors, "delete-eligibility-policy": authors,
		"list-sod-rules": readers, "get-sod-rule": readers, "put-sod-rule": authors, "delete-sod-rule": authors,
		"list-grant-templates": everyone, "get-grant-template": everyone, "put-grant-template": authors, "delete-grant-template": authors,
		"list-delegations": readers, "get-delegation": readers, "put-delegation": authors, "delete-delegation": authors,
		"list-event-sources": readers, "get-event-source": readers, "put-event-source": authors, "delete-event-source": authors,
		"list-business-events": everyone, "get-business-event": everyone, "put-business-event": authors, "delete-business-event": authors,
		"snapshot": readers,

		"open-business-event": operators, "extend-business-event": operators, "close-business-event": operators,

		"sync-application":             operators,
		"list-discovered-entitlements": readers, "list-discovered-accounts": readers, "list-discovered-assignments": readers,
		"list-findings": readers,

		"decide": everyone, "eligible": everyone, "request": everyone,
		"list-requests": everyone, "get-request": everyone,
		"approve-request": everyone, "reject-request": everyone, "withdraw-request": everyone, "review-request": everyone,
		"list-grants": everyone, "get-grant": everyone, "extend-grant": everyone, "return-grant": everyone,
		"revoke-grant": admins,

		"list-operations": {roles: []api.Role{api.RoleAdmin, api.RoleAuditor}},
		"retry-operation": admins, "retry-application": admins, "propose-abandon": admins, "confirm-abandon": admins, "withdraw-abandon": admins,
		"propose-retire": admins, "confirm-retire": admins, "withdraw-retire": admins, "reinstate-application": admins, "accept-mass-change": admins,

		"create-token": admins, "list-tokens": admins, "revoke-token": admins,

		"reset-clock": admins, "resume": admins,

		"evidence-checkpoint": auditors, "list-evidence-records": auditors,

		"authzen-evaluation": everyone, "authzen-evaluations": everyone,
		"authzen-search-subject": everyone, "authzen-search-resource": everyone, "authzen-search-action": everyone,
		"authzen-configuration": {public: true},
	}
}

// readers have one of the roles that read everything that is declared.
func readers() rule { return rule{roles: []api.Role{api.RoleAdmin, api.RoleAuthor, api.RoleAuditor}} }

// reads says whether the caller may read everything that is declared.
func (c caller) reads() bool { return readers().admits(c.roles) }

// sees says whether the caller may see what concerns other identities.
func (c caller) sees() bool {
	return slices.Contains(c.roles, api.RoleAdmin) || slices.Contains(c.roles, api.RoleAuditor)
}
