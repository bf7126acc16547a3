// Package governance holds what Stint is: the vocabulary as types, the decision
// on a request with every reason for it, separation of duties, and the two
// lifecycles (request and grant) as pure transitions.
//
// Nothing here does I/O, reads a clock or logs; time is an argument. The engine
// reads, asks this package, and writes what it answers in one transaction.
package governance
