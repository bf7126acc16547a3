package postgresql

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// SQLSTATE codes and classes that a caller's next step depends on.
const (
	insufficientPrivilege = "42501"
	undefinedObject       = "42704"
	uniqueViolation       = "23505"
	duplicateObject       = "42710"
	reservedName          = "42939"
	dependentObjects      = "2BP01"
	internalError         = "XX000"
	invalidGrant          = "0LP01" // a circle of memberships
	notSupported          = "0A000" // for example NOSUPERUSER on the first role
	lockNotAvailable      = "55P03"
	queryCanceled         = "57014" // statement_timeout, or somebody
	readOnly              = "25006" // a standby

	classConnection    = "08"
	classAuthorization = "28"
	classRollback      = "40"
	classResources     = "53"
	classIntervention  = "57" // shutdown
	classSystem        = "58"
)

// connectError says why there is no connection. A login that the target
// refuses counts as permission: waiting does not mend it.
func (c *postgres) connectError(err error) error {
	sentinel := connector.ErrUnavailable
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && (pgErr.Code == insufficientPrivilege || strings.HasPrefix(pgErr.Code, classAuthorization)) {
		sentinel = connector.ErrPermission
	}
	return fmt.Errorf("connect to %s as %q: %w: %w", c.address(), c.config.Username, sentinel, err)
}

// uncommitted says what an error before COMMIT means. The transaction is then
// never committed, whether the connection lives or not.
func uncommitted(err error) error {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fmt.Errorf("%w: %w", connector.ErrUnavailable, err)
	}
	switch pgErr.Code {
	case insufficientPrivilege:
		return fmt.Errorf("%w: %w", connector.ErrPermission, err)
	case invalidGrant, notSupported, reservedName:
		return fmt.Errorf("%w: %w", connector.ErrUnsupported, err)
	case lockNotAvailable, queryCanceled:
		return fmt.Errorf("%w: %w: %w", connector.ErrUnavailable, connector.ErrBusy, err)
	case readOnly, internalError, undefinedObject, uniqueViolation, duplicateObject, dependentObjects:
		return fmt.Errorf("%w: %w", connector.ErrUnavailable, err)
	}
	switch pgErr.Code[:min(2, len(pgErr.Code))] {
	case classConnection, classRollback, classResources, classIntervention, classSystem:
		return fmt.Errorf("%w: %w", connector.ErrUnavailable, err)
	case classAuthorization:
		return fmt.Errorf("%w: %w", connector.ErrPermission, err)
	}
	return fmt.Errorf("%w: %w", connector.ErrIndeterminate, err)
}

// atCommit says what an error on COMMIT means: a refusal rolled back, and
// anything else leaves it open.
func atCommit(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.SeverityUnlocalized == "ERROR" {
		return uncommitted(err)
	}
	return fmt.Errorf("%w: commit: %w", connector.ErrIndeterminate, err)
}

// overtaken tells that someone else changed the same rows at the same time,
// so that the transaction is worth starting over.
func overtaken(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch pgErr.Code {
	case undefinedObject, uniqueViolation, duplicateObject:
		return true
	case internalError:
		return strings.HasPrefix(pgErr.Message, "tuple concurrently")
	}
	return strings.HasPrefix(pgErr.Code, classRollback)
}
