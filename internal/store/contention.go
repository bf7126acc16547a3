package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"

	"modernc.org/sqlite"
)

// Turn is the number that a turn goes by in [Queries.TakeTurn]. Two of one number
// wait for each other in vain, and that is all.
func Turn(name string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name)) // it never fails
	return int64(hash.Sum64())      //nolint:gosec // any number will do
}

// ErrLostRace, returned by what runs in a transaction, has it run again from its
// beginning, as when the database itself prefers another one to it.
var ErrLostRace = errors.New("another transaction came first")

// turnsOfSQLite teaches SQLite the functions that turns are taken with; its
// transactions that write take turns by themselves.
var turnsOfSQLite = sync.OnceValue(func() error {
	for function, answer := range map[string]driver.Value{
		"pg_advisory_xact_lock": nil, "pg_advisory_xact_lock_shared": nil, "pg_try_advisory_xact_lock_shared": int64(1),
	} {
		if err := sqlite.RegisterScalarFunction(function, 1, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
			return answer, nil
		}); err != nil {
			return fmt.Errorf("teach SQLite to take turns: %w", err)
		}
	}
	return nil
})

// skipLocked ends a query that passes over the rows which another transaction holds,
// and holds those that it finds. It spares processes to wait for what they will not
// get; what they may do must not rest on it, because SQLite, where nobody else
// writes at the same time, does not know it.
const skipLocked = "FOR UPDATE OF o SKIP LOCKED"

// withoutSkipping is a query as SQLite knows it.
func withoutSkipping(query string) string {
	return strings.TrimSuffix(strings.TrimRight(query, "\n"), skipLocked)
}
