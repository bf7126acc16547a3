// Package accesstest pins what policy decides: it reads files of scenarios
// (`*.stinttest.hcl`), puts their questions to a policy set and compares the
// decisions with what the scenarios expect. Invariants in the same files (`never`)
// are checked against everybody in an estate. A report says what held, what did
// not and why, and which parts of the policy no scenario exercised.
//
// It is pure: bytes and documents come in, a report comes out. Time is what a
// scenario says, or [DefaultNow]; no clock is read.
package accesstest
