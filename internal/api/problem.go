package api

import "github.com/stint-dev/terraform-provider-stint/internal/governance"

// Problem is every error answer (RFC 9457, application/problem+json).
type Problem struct { //nolint:errname // RFC 9457 calls it a problem
	Type   string `json:"type,omitempty" doc:"Always about:blank; decide on code"`
	Title  string `json:"title,omitempty"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Code is stable; programs decide on it.
	Code string `json:"code"`
	// Errors names each thing that is wrong and where.
	Errors []governance.Problem `json:"errors,omitempty"`
}

// Error makes a Problem usable as an error; the detail alone, since the rest is
// for programs.
func (p *Problem) Error() string { return p.Detail }

// Codes of problems.
const (
	CodeInvalid          = "invalid"            // 422: see errors
	CodeMalformed        = "malformed"          // 400: not readable at all
	CodeUnauthenticated  = "unauthenticated"    // 401
	CodeForbidden        = "forbidden"          // 403
	CodeNotFound         = "not_found"          // 404
	CodeMethodNotAllowed = "method_not_allowed" // 405
	CodeConflict         = "conflict"           // 409: state forbids it
	CodeInUse            = "in_use"             // 409: see errors for what depends on it
	CodeListChanged      = "list_changed"       // 409: start the list again
	CodeAlreadyExists    = "already_exists"     // 412
	CodeVersionMismatch  = "version_mismatch"   // 412: changed since it was read
	CodeTooLarge         = "too_large"          // 413
	CodePrecondition     = "precondition"       // 428: If-Match or If-None-Match is missing
	CodeTargetFailed     = "target_failed"      // 502: a target system refused or was not reached
	CodeUnavailable      = "unavailable"        // 503
	CodeInternal         = "internal"           // 500
	CodeUnknownReference = "unknown_reference"  // in errors: see governance
)
