// Package fwconv stands between the Terraform plugin framework and Stint's
// documents. The HCL surface uses the names and the nesting of the JSON
// documents, so one walk along a schema translates either way, and a field that
// the server complains about is an attribute that the author wrote.
//
// It knows the grammars of texts whose layout is not meaning (durations,
// conditions, instants) and keeps a text that means the same out of a plan. It
// talks to no server and holds no policy.
package fwconv
