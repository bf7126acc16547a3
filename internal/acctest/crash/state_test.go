package crash_test

import (
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the state is read without the engine
	_ "modernc.org/sqlite"             // the state is read without the engine

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// state is what a server has: a database, and a folder for the rest.
type state struct {
	folder   string
	database string
	// name and keeper are a PostgreSQL database's.
	name     string
	keeper   *pgtest.Server
	settings string
}

// sqliteState is an empty state in one folder.
func sqliteState(t *testing.T, _ *pgtest.Server) state {
	t.Helper()
	folder := t.TempDir()
	return state{folder: folder, database: filepath.Join(folder, "stint.db")}
}

// postgresState is an empty state whose database is kept by the server that is the
// target as well.
func postgresState(t *testing.T, keeper *pgtest.Server) state {
	t.Helper()
	s := state{folder: t.TempDir(), name: "stint", keeper: keeper}
	s.database = keeper.URL(s.name)
	keeper.Exec(t, "postgres", `CREATE DATABASE `+s.name)
	return s
}

// impatientState is a [postgresState] that does not wait for a frozen replica as
// long as a real one does.
func impatientState(t *testing.T, keeper *pgtest.Server) state {
	t.Helper()
	s := postgresState(t, keeper)
	s.settings = "&idle_in_transaction_session_timeout=1s"
	s.database += s.settings
	return s
}

// copied is a copy. Nothing may run on the original meanwhile.
func (s state) copied(t *testing.T) state {
	t.Helper()
	c := state{folder: t.TempDir(), database: s.database, keeper: s.keeper, settings: s.settings}
	if err := copyPrivate(c.folder, s.folder); err != nil {
		t.Fatal(err)
	}
	if s.keeper == nil {
		c.database = filepath.Join(c.folder, filepath.Base(s.database))
		return c
	}
	c.name = "case_" + strings.ToLower(rand.Text())
	c.database = s.keeper.URL(c.name) + c.settings
	s.keeper.Exec(t, "postgres", `CREATE DATABASE `+c.name+` TEMPLATE `+s.name)
	return c
}

// drop removes a copy.
func (s state) drop(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(s.folder); err != nil {
		t.Error(err)
	}
	if s.keeper != nil {
		s.keeper.Exec(t, "postgres", `DROP DATABASE `+s.name+` WITH (FORCE)`)
	}
}

// open opens the database beside the server.
func (s state) open() (*sql.DB, error) {
	if store.IsPostgres(s.database) {
		return sql.Open("pgx", s.database)
	}
	return sql.Open("sqlite", s.database+"?_pragma=busy_timeout(10000)")
}

// copyPrivate copies a folder; what it makes is for its owner alone, as the
// signing key must be.
func copyPrivate(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, below), 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, below), content, 0o600)
	})
}
