package policyenv

import "time"

// Identity is who asks, as conditions see it.
type Identity struct {
	ID, Name, Type string
	Owner, Manager string // ids; "" means none
	Groups         []string
	Status         string
	Attributes     Values
}

// Entitlement is the right that is asked for.
type Entitlement struct {
	ID, Application, Kind, NativeID string
	Owner                           string // id; "" means none
	Risk                            string
}

// Request is how the right is asked for.
type Request struct {
	Duration      time.Duration
	Justification string // "" means none was given
	Template      string // id
	NotBefore     time.Time
	BreakGlass    bool
}

// Event is the business event behind a request.
type Event struct {
	ID, Name, Kind string
	Severity       *int64 // nil means none
	Reference      string // "" means none
	EndsAt         time.Time
	Attributes     Values
}

// Input is everything that an eligibility condition can look at, the policy's own
// parameters aside.
type Input struct {
	Identity    Identity
	Entitlement Entitlement
	Request     Request
	Event       *Event // nil means none
	Now         time.Time
}

// Account is a principal inside an application, as correlation sees it.
type Account struct {
	Name, UID  string
	Attributes map[string]string
}
