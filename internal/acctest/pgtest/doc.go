// Package pgtest gives a test a private, real PostgreSQL server: started from
// the binaries of this machine, on a loopback port of its own, with a password,
// in a temporary folder, gone when the test or its process is gone.
//
// It works as root (PostgreSQL itself refuses root: the server then runs as the
// user postgres or nobody) and as an ordinary user, on Linux. A machine without
// PostgreSQL fails the test and is told which package to install; nothing is
// skipped and nothing is simulated. STINT_TEST_POSTGRES_BIN chooses the folder of
// binaries, else the newest installed version is taken. It is for tests and
// demonstrations only.
package pgtest
