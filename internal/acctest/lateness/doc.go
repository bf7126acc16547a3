// Package lateness measures, with real server processes, how late grants end and
// how many requests a second come to their grant.
//
// Its tests run small forms of the measurement and check that nothing is left
// behind; with STINT_SOAK=1 they run the large ones, and with -update they write
// docs/lateness.md. It decides nothing: what it prints is what it saw.
package lateness
