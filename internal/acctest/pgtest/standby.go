package pgtest

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// Standby gives the test a hot standby that replicates this server asynchronously,
// with its superuser and password, and is stopped when the test ends.
func (s *Server) Standby(t testing.TB, options ...Option) *Server {
	t.Helper()
	standby, err := s.launchStandby(options...)
	if err != nil {
		t.Fatalf("start a standby: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the standby's log ends with:\n%s", standby.lastLog())
		}
		if err := standby.Close(); err != nil {
			t.Errorf("stop the standby: %v", err)
		}
	})
	return standby
}

func (s *Server) launchStandby(options ...Option) (*Server, error) {
	standby, err := prepare(s.password, options...)
	if err != nil {
		return nil, err
	}
	copying, err := spawn(standby.owner, standby.folder, standby.log(), filepath.Join(standby.binaries, "pg_basebackup"),
		"--dbname", s.URL(superuser), "--pgdata", standby.data(), "--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
	if err != nil {
		return nil, errors.Join(err, standby.Close())
	}
	<-copying.exited
	if copying.err != nil {
		return nil, errors.Join(fmt.Errorf("pg_basebackup: %w\n%s", copying.err, standby.lastLog()), standby.Close())
	}
	if err := standby.start(); err != nil {
		return nil, errors.Join(err, standby.Close())
	}
	return standby, nil
}

// Detach has a standby get nothing any more of what its primary commits.
func (s *Server) Detach(t testing.TB) {
	t.Helper()
	s.Exec(t, superuser, `ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`, `DO $$ BEGIN
		WHILE EXISTS (SELECT FROM pg_stat_wal_receiver) LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP;
	END $$`)
}

// Promote makes a standby a primary.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Exec(t, superuser, `DO $$ BEGIN IF NOT pg_promote(true, 60) THEN RAISE 'not promoted'; END IF; END $$`)
}
