package connector

import "context"

// AccountMaker is a connector that makes accounts, and takes away those that it
// has made and no others. Whoever wraps a connector passes this on; whether the
// target does it is said by [Capabilities.MakesAccounts].
type AccountMaker interface {
	Connector

	// CheckAccountName says why the target could have no account of the name; nil
	// when it could. It performs no I/O.
	CheckAccountName(name string) error

	// MakeAccount makes an account that holds nothing and bears the mark, for
	// whoever can prove to the target to be of that name: it is given no secret.
	// An account that bears the mark already is made usable again if it was
	// locked, and else stays as it is: then Changed is false. Whatever else has
	// the name stays as it is, and the error wraps [ErrAccountTaken].
	MakeAccount(ctx context.Context, account MadeAccount) (MadeResult, error)

	// RemoveAccount locks the account, ends what still runs on it, and removes it,
	// unless something is left that only a person can decide about: then it stays
	// locked, and Kept says why. Another account of the name is left alone, and
	// one that is gone is no error.
	RemoveAccount(ctx context.Context, account MadeAccount) (RemovedResult, error)

	// ReadAccount reports what stands of the account.
	ReadAccount(ctx context.Context, account MadeAccount) (MadeReading, error)
}

// MadeAccount is an account that was made by a connector, or is to be. It is the
// one that bears the mark, or else the one with the UID; never another, though it
// has the name.
type MadeAccount struct {
	Name string
	// Mark is written onto the account in the target, and given to no other. It is
	// a UUID.
	Mark string
	// UID is empty until it is known.
	UID string
}

// MadeResult is what MakeAccount did.
type MadeResult struct {
	Changed bool
	UID     string
}

// RemovedResult is what RemoveAccount did.
type RemovedResult struct {
	// Changed is false when there was nothing to do.
	Changed bool
	// Kept says what keeps the account; empty when it is gone.
	Kept []string
	// Ended lists the sessions that were ended, for evidence.
	Ended []Session
}

// MadeReading is one observation of a made account.
type MadeReading struct {
	Exists bool
	// Usable: it can be logged in to, as far as the account itself goes.
	Usable bool
	// Name and UID are what the target calls it; empty when it does not exist.
	Name, UID string
}

// Maker is the connector as one that makes accounts; false when its target does
// not.
func Maker(c Connector) (AccountMaker, bool) {
	maker, ok := c.(AccountMaker)
	return maker, ok && c.Capabilities().MakesAccounts
}

// MarkAttribute is the attribute under which discovery reports the mark of an
// account that a connector has made.
const MarkAttribute = "made_by_stint"
