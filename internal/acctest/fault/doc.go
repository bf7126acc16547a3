// Package fault puts faults between a server and a PostgreSQL target, for tests.
//
// [Wire] is a network that resets, delays and swallows what goes over it.
// [Statements] knows the protocol: it lets a target accept a statement and ignore
// it, and ends connections before or after a statement that the test names. Both
// pass everything on until they are told otherwise. They speak without TLS.
package fault
