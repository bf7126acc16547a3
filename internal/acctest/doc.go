// Package acctest gives a test the parts that a user has: the real Terraform (or
// OpenTofu) with this provider, the real server on a database of its own, and a
// real PostgreSQL to govern. Everything ends with the test.
//
// It is for tests only. A machine without Terraform fails the test and is told
// what to install; nothing is skipped and nothing is simulated.
package acctest
