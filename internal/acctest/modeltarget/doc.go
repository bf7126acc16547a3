// Package modeltarget is a target system that is nothing but a map of who holds
// what, for tests that need to know the truth and to choose how the target
// fails. It behaves as a real one may: it is down, it loses its answer, it says
// yes and does nothing, it does later what it was asked before, it refuses, it
// reports a part of what it has, and other people change it.
package modeltarget
