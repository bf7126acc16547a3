// Package condition is Stint's condition language: a strict, total, typed
// subset of HCL expressions. Source text is parsed by hclsyntax, checked
// against a schema of variables (Env), and compiled to typed Go closures over a
// flat Frame.
//
// It promises that a program which compiles never errs on types or on null,
// that evaluation ends, reads nothing but the frame and allocates nothing, and
// that an error met while evaluating is never absorbed by && or ||.
//
// It knows nothing of Stint: what the variables are and where they come from is
// the caller's. It reads no clock, file or network (time zones come from the
// system's zone database or, without one, from the copy in the binary).
package condition
