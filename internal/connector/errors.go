package connector

import (
	"errors"
	"fmt"
)

// What a caller decides on. A connector wraps exactly one of them.
var (
	// ErrUnavailable: the target was not reached, or would not take the change
	// now; nothing was changed.
	ErrUnavailable = errors.New("target is unavailable")
	// ErrPermission: the target refused the connector's own account.
	ErrPermission = errors.New("target denied permission")
	// ErrAccountNotFound: the account does not exist in the target.
	ErrAccountNotFound = errors.New("account not found in target")
	// ErrAccountTaken: something else has the name of an account that is to be made.
	ErrAccountTaken = errors.New("name of account is taken in target")
	// ErrEntitlementNotFound: the entitlement does not exist in the target.
	ErrEntitlementNotFound = errors.New("entitlement not found in target")
	// ErrUnsupported: the target can never do this.
	ErrUnsupported = errors.New("not supported by target")
	// ErrIndeterminate: the change may or may not have happened, or may still
	// happen within the bound.
	ErrIndeterminate = errors.New("outcome unknown")
)

// ErrBusy stands beside [ErrUnavailable] where the target was reached and did
// answer, and something in it held this one change up, such as a lock: that says
// nothing about the next.
var ErrBusy = errors.New("something in the target is in the way")

// ConfigError is a bad connector configuration.
type ConfigError struct {
	// Field is the path of the member inside the connector block, dotted.
	Field   string
	Problem string
}

func (e *ConfigError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return fmt.Sprintf("%s: %s", e.Field, e.Problem)
}
