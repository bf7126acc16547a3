package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are how long a soak goes on.
type settings struct {
	fuzz   time.Duration
	rounds int
	worlds int // 0: as many as the tests themselves take
}

// part is what can be run by itself and has a row on the page.
type part struct {
	name, about string
	commands    func(settings) ([]command, error)
}

// command is a `go test`; it runs in the root of the repository.
type command struct {
	args []string
	// soaked: the tests are to take their long forms.
	soaked bool
	// env are variables beside those there are.
	env []string
}

// parts are in the order in which they run.
var parts = []part{
	{"crash-sqlite", "the server, killed at every cut, on SQLite", long("./internal/acctest/crash", "TestServerKilledAtAnyCutKeepsItsPromisesOnSQLite")},
	{"crash-postgresql", "the server, killed at every cut, on PostgreSQL", long("./internal/acctest/crash", "TestServerKilledAtAnyCutKeepsItsPromisesOnPostgreSQL")},
	{"freeze-postgresql", "a replica, frozen at every cut, beside another", long("./internal/acctest/crash", "TestReplicaFrozenAtAnyCutDoesNoHarm")},
	{"property-sqlite", "whole engines that live through whatever comes, on SQLite", worlds("TestTheEngineKeepsItsPromises")},
	{"property-postgresql", "the same, several processes on one PostgreSQL", worlds("TestTheEngineKeepsItsPromisesOnPostgreSQL")},
	{"fault", "a target behind a proxy with faults", long("./internal/acctest/fault", ".*")},
	{"fuzz", "each fuzz target", fuzz},
	{"rounds", "the tests of the engine, its database, its targets and its server, in random order", rounds},
	{"postgresql-14", "targets, databases and the engine on PostgreSQL 14", version(14)},
	{"postgresql-16", "the same on PostgreSQL 16", version(16)},
	{"postgresql-17", "the same on PostgreSQL 17", version(17)},
	{"postgresql-18", "the same on PostgreSQL 18", version(18)},
	{"lateness", "a hundred thousand grants that are due at once", long("./internal/acctest/lateness", ".*")},
}

// long is the long form of one package's tests.
func long(folder, tests string) func(settings) ([]command, error) {
	return func(settings) ([]command, error) {
		return []command{{args: []string{folder, "-count", "1", "-timeout", "4h", "-run", "^" + tests + "$"}, soaked: true}}, nil
	}
}

// version is what depends on PostgreSQL, with the programs of another version than the
// tests take by themselves: as tools/ensure.sh has fetched them, or as Debian keeps them.
func version(major int) func(settings) ([]command, error) {
	return func(settings) ([]command, error) {
		folders := []string{fmt.Sprintf("bin/postgresql/node_modules/postgresql-%d/native/bin", major), fmt.Sprintf("/usr/lib/postgresql/%d/bin", major)}
		chosen := folders[0]
		if _, err := os.Stat(filepath.Join(chosen, "postgres")); err != nil {
			chosen = folders[1]
		}
		folder, err := filepath.Abs(chosen)
		if err != nil {
			return nil, err
		}
		flags, env := []string{"-count", "1", "-timeout", "4h", "-p", "1"}, []string{"STINT_TEST_POSTGRES_BIN=" + folder}
		return []command{
			{args: slices.Concat([]string{"./internal/connector/postgresql", "./internal/store", "./internal/engine/...", "./internal/acctest/fault"}, flags), env: env},
			// A standby is made by pg_basebackup, which the packages from npm lack.
			{args: slices.Concat([]string{"./internal/daemon", "-skip", "^TestStandbyThatWasBehindTakesBackWhatItDoesNotKnow$"}, flags), env: env},
		}, nil
	}
}

// worlds is a property test.
func worlds(test string) func(settings) ([]command, error) {
	return func(s settings) ([]command, error) {
		commands, err := long("./internal/acctest/property", test)(s)
		if s.worlds > 0 {
			commands[0].args = append(commands[0].args, "-rapid.checks", strconv.Itoa(s.worlds))
		}
		return commands, err
	}
}

// fuzz has a command for each target, because the go command fuzzes one at a time.
func fuzz(s settings) (commands []command, err error) {
	targets, err := fuzzTargets("internal")
	for _, target := range targets {
		// Minimising takes a minute by default, in which nothing new is tried.
		commands = append(commands, command{args: []string{"./" + target[0], "-run", "^$", "-fuzz", "^" + target[1] + "$", "-fuzztime", s.fuzz.String(), "-fuzzminimizetime", "10x"}})
	}
	return commands, err
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzzTargets finds the fuzz targets below a folder, each with its package's folder.
func fuzzTargets(root string) (targets [][2]string, err error) {
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // it is the repository's own
		for _, match := range fuzzTarget.FindAllSubmatch(text, -1) {
			targets = append(targets, [2]string{filepath.Dir(path), string(match[1])})
		}
		return err
	})
	if err == nil && len(targets) == 0 {
		err = fmt.Errorf("no fuzz target below %s", root)
	}
	return targets, err
}

func rounds(s settings) ([]command, error) {
	// Not in SQLite itself, as in tools/test.sh.
	flags := []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false", "-count", strconv.Itoa(s.rounds), "-shuffle", "on", "-timeout", "4h"}
	return []command{{args: slices.Concat([]string{"./internal/engine/...", "./internal/store/...", "./internal/connector/...", "./internal/server/..."}, flags)}}, nil
}
