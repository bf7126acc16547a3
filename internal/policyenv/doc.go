// Package policyenv is the one schema of the variables that Stint's conditions
// see: of eligibility policies (identity, entitlement, request, event, param,
// now) and of the correlation of accounts to identities (account, identity).
// The checker's schema, the filling of frames and the reference docs all derive
// from the tables in this package.
//
// It is pure: values come in as plain structs, time as an argument. It decides
// nothing; it says whether a condition holds, and why.
package policyenv
