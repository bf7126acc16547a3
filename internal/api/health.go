package api

import "time"

// What a server that is ready says of itself at /readyz.
const (
	Ready = "ready"
	// Degraded: it answers and takes rights back, and something needs a person.
	Degraded = "degraded"
)

// Check is how one part is that a server's work rests on.
type Check struct {
	OK bool `json:"ok"`
	// Detail says what is wrong.
	Detail string `json:"detail,omitempty"`
}

// Readiness is the answer of a server that is ready.
type Readiness struct {
	Status string `json:"status"`
	// Checks are by part: workers, database, schema, clock, evidence, ledger, state.
	Checks map[string]Check `json:"checks"`
}

// NotReady is the answer, with status 503, of a server that is not.
type NotReady struct {
	Problem
	Checks map[string]Check `json:"checks"`
}

// ClockResetInput takes back a time that was seen and never was.
type ClockResetInput struct {
	// Reason says how it came to be seen.
	Reason string `json:"reason"`
}

// ClockReset is how time was set back.
type ClockReset struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// ResumeInput accepts a state that is older than what was done on it.
type ResumeInput struct {
	// Reason says what was looked at.
	Reason string `json:"reason"`
}

// Resumed says what was accepted.
type Resumed struct {
	// AsOf is of what time the state is at the latest.
	AsOf time.Time `json:"as_of"`
	// EvidenceKey verifies the evidence from now on, where the former log has ended:
	// its records are in the folder FormerLog below the server's evidence directory,
	// and at most Lost of those that were signed are in no log. They are empty where
	// the log goes on.
	EvidenceKey string `json:"evidence_key,omitempty"`
	FormerLog   string `json:"former_log,omitempty"`
	Lost        int64  `json:"lost,omitempty"`
}
