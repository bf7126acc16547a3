// Package api holds the wire types of the HTTP API, shared by server and
// client: JSON names, documentation and limits.
//
// Declared objects are the documents of package governance with what the
// server adds. All times are RFC 3339 in UTC, all durations Stint's grammar
// (`1h30m`). Errors are problem+json (RFC 9457) as [Problem].
//
// Declared objects, at /v1/{collection}/{id} with the id path-escaped as one
// segment (`billing/role/x` is `billing%2Frole%2Fx`):
//
//	PUT    with If-None-Match: * creates, with If-Match: "<version>" updates;
//	       without either it is refused (428). The body is the document.
//	GET    answers the object with its version as ETag.
//	DELETE with If-Match deletes; ?revoke_grants=true ends live grants first.
//	GET    /v1/{collection} lists (Page), sorted by id.
//
// Collections: attributes, applications, identities, entitlements,
// eligibility-policies, sod-rules, grant-templates, business-events. One read of
// them all: GET /v1/snapshot.
//
//	POST /v1/identities/{id}/status                   StatusInput -> Identity
//	POST /v1/identities/{id}/attest                   AttestInput -> Identity
//	GET  /v1/owned-identities                         -> Page[Identity], those that the caller owns
//	POST /v1/applications/{id}/sync                   Sync
//	GET  /v1/discovered/entitlements?application=     Page[DiscoveredEntitlement]
//	GET  /v1/discovered/accounts?application=         Page[DiscoveredAccount]
//	GET  /v1/discovered/assignments?application=      Page[DiscoveredAssignment]
//	GET  /v1/findings?application=&kind=              Page[Finding]
//	POST /v1/business-events                          OpenEventInput -> BusinessEvent
//	POST /v1/business-events/{id}/close               BusinessEvent
//	POST /v1/decisions                                DecisionInput -> Decision
//	POST /v1/requests                                 RequestInput -> Request
//	GET  /v1/requests?state=&identity=&awaiting_me=   Page[Request]
//	     &break_glass=&review=&awaiting_my_review=
//	GET  /v1/requests/{id}                            Request
//	POST /v1/requests/{id}/approve|reject|withdraw    VerdictInput -> Request
//	POST /v1/requests/{id}/review                     ReviewInput -> Request
//	GET  /v1/grants?state=&identity=&live=            Page[Grant]
//	GET  /v1/grants/{id}                              Grant
//	POST /v1/grants/{id}/return|revoke                EndInput -> Grant
//	POST /v1/tokens, GET /v1/tokens                   TokenInput -> CreatedToken, Page[Token]
//	DELETE /v1/tokens/{id}                            Token
//	POST /v1/clock/reset                              ClockResetInput -> ClockReset
//	POST /v1/resume                                   ResumeInput -> Resumed
//	GET  /v1/whoami                                   WhoAmI
//	GET  /v1/evidence/checkpoint                      EvidenceCheckpoint
//	GET  /v1/evidence/records?from=&limit=            EvidenceRecords
//	POST /access/v1/evaluation and others             OpenID AuthZEN: see authzen.go
//	GET  /healthz, /readyz, /openapi.json             without a token
//
// A list of business events also holds those opened from outside; the snapshot
// does not. Without a role, a caller sees grant templates, entitlements and
// business events, and of requests and grants their own and those that wait for
// them. A body is at most 1 MiB. Every answer carries X-Request-Id.
package api
