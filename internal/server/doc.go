// Package server is the engine's HTTP face: it says who is asking, whether they
// may, what exactly they ask for, and answers in the types of package api.
//
// It promises that every operation stands in one table of who may use it
// (rules), that every error is problem+json, that a write without a
// precondition is refused, and that a list is complete or an error. It decides
// nothing about access to targets and keeps no state: that is the engine's.
package server
