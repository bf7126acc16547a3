// Package fault is what the engine refuses with: an error that carries a stable
// code and every problem found, so that each face of the engine (HTTP, command
// line, provider) can say it in its own way.
package fault

import (
	"errors"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Code is the stable name of a refusal.
type Code string

// The codes.
const (
	Invalid         Code = "invalid"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	InUse           Code = "in_use"
	ListChanged     Code = "list_changed"
	AlreadyExists   Code = "already_exists"
	VersionMismatch Code = "version_mismatch"
	Forbidden       Code = "forbidden"
	Unauthenticated Code = "unauthenticated"
	TargetFailed    Code = "target_failed"
	Unavailable     Code = "unavailable"
)

// Error is a refusal.
type Error struct {
	Code     Code
	Message  string
	Problems governance.Problems
	// Err is the cause, when there is one beneath.
	Err error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New is a refusal with a message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// FromProblems is an Invalid refusal that lists problems, or nil when there are
// none. what names the object.
func FromProblems(what string, problems governance.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: fmt.Sprintf("%s is not valid: %s", what, problems.Error()), Problems: problems}
}

// Is reports whether err is a refusal with the code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
