// Package crash is the real server with cut points, and planted bugs, for tests
// that kill it.
//
// Every transaction that writes and every call of a target passes two cuts, one
// before and one after. Told so, the process says that it has come to a cut and
// kills itself there, as a machine that loses power does. Time is the machine's
// plus a shift that the test commands, so that hours pass at once. A planted bug
// makes the server break a promise, so that the test's own judgement is tested.
package crash
