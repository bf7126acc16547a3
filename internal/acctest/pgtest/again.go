package pgtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// idle are the servers of a test binary that nobody has just now, by what they were
// started with. Each is as it was when it was new.
var idle struct {
	sync.Mutex
	servers map[string][]*Server
}

// take is an idle server that was started like one with these options, or a new one.
// Only a binary that ends them all, see [Run], has idle ones.
func take(options ...Option) (*Server, error) {
	if !ended() {
		return Launch(options...)
	}
	given := map[string]string{}
	for _, option := range options {
		option(given)
	}
	var kind strings.Builder
	for _, name := range slices.Sorted(maps.Keys(given)) {
		fmt.Fprintf(&kind, "%s=%s\n", name, given[name])
	}
	if s := takeIdle(kind.String()); s != nil {
		return s, nil
	}
	s, err := Launch(options...)
	if err != nil {
		return nil, err
	}
	s.kind = kind.String()
	if s.asNew, err = s.holds(context.Background()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// takeIdle is nil when none of this kind is idle.
func takeIdle(kind string) *Server {
	idle.Lock()
	defer idle.Unlock()
	servers := idle.servers[kind]
	if len(servers) == 0 {
		return nil
	}
	last := len(servers) - 1
	idle.servers[kind] = servers[:last]
	return servers[last]
}

// ended reports whether somebody ends the servers that are idle in the end.
func ended() bool {
	shared.Lock()
	defer shared.Unlock()
	return shared.running
}

// giveBack makes the server idle when nothing is left in it of what it was used for.
func (s *Server) giveBack() bool {
	if s.asNew == "" || s.used || s.process == nil || !s.process.running() {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), tidyTimeout)
	defer cancel()
	if err := s.tidy(ctx); err != nil {
		return false
	}
	if holds, err := s.holds(ctx); err != nil || holds != s.asNew {
		return false
	}
	idle.Lock()
	defer idle.Unlock()
	if idle.servers == nil {
		idle.servers = map[string][]*Server{}
	}
	idle.servers[s.kind] = append(idle.servers[s.kind], s)
	return true
}

// tidyTimeout is how long tidying up may take before a new server is the better one.
const tidyTimeout = 10 * time.Second

// closeIdle stops the servers that nobody has.
func closeIdle() error {
	idle.Lock()
	defer idle.Unlock()
	var errs []error
	for _, servers := range idle.servers {
		for _, s := range servers {
			errs = append(errs, s.Close())
		}
	}
	idle.servers = nil
	return errors.Join(errs...)
}

// tidy ends everybody's sessions and removes what was made in the server, as far as
// that is databases and roles with all that is theirs.
func (s *Server) tidy(ctx context.Context) error {
	return s.within(ctx, func(conn *pgx.Conn) error {
		const theirs = ` WHERE oid >= 16384` // FirstNormalObjectId of PostgreSQL
		if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`); err != nil {
			return err
		}
		databases, err := names(ctx, conn, `SELECT datname FROM pg_database`+theirs)
		if err != nil {
			return err
		}
		roles, err := names(ctx, conn, `SELECT rolname FROM pg_roles`+theirs)
		if err != nil {
			return err
		}
		var statements []string
		for _, name := range databases {
			statements = append(statements, `DROP DATABASE `+name+` WITH (FORCE)`)
		}
		if all := strings.Join(roles, ", "); all != "" {
			statements = append(statements, `DROP OWNED BY `+all+` CASCADE`, `DROP ROLE `+all)
		}
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func names(ctx context.Context, conn *pgx.Conn, query string) ([]string, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (name string, err error) {
		err = row.Scan(&name)
		return pgx.Identifier{name}.Sanitize(), err
	})
}

// holds tells apart what a server holds: whatever a test can have changed in it, but
// for the databases that initdb made besides the superuser's own.
func (s *Server) holds(ctx context.Context) (sum string, err error) {
	parts := []string{
		`SELECT to_jsonb(o) - 'datfrozenxid' - 'datminmxid' FROM pg_database o`,
		`SELECT jsonb_build_array(oid, relname, relacl) FROM pg_class o WHERE oid >= 16384 OR relacl IS NOT NULL`,
		`SELECT jsonb_build_array(oid, proname, proacl) FROM pg_proc o WHERE oid >= 16384 OR proacl IS NOT NULL`,
		`SELECT jsonb_build_array(oid, typname, typacl) FROM pg_type o WHERE oid >= 16384 OR typacl IS NOT NULL`,
		`SELECT jsonb_build_array(name, setting) FROM pg_file_settings WHERE sourcefile LIKE '%.auto.conf'`,
	}
	for _, whole := range []string{
		"pg_authid", "pg_auth_members", "pg_db_role_setting", "pg_namespace", "pg_default_acl", "pg_tablespace", "pg_extension", "pg_largeobject_metadata",
		"pg_language", "pg_foreign_data_wrapper", "pg_event_trigger", "pg_publication", "pg_shdescription", "pg_prepared_xacts", "pg_replication_slots",
	} {
		parts = append(parts, `SELECT to_jsonb(o) FROM `+whole+` o`)
	}
	if s.version >= 150000 {
		parts = append(parts, `SELECT to_jsonb(o) FROM pg_parameter_acl o`)
	}
	err = s.within(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT md5(string_agg(line::text, ' ' ORDER BY line::text)) FROM (`+strings.Join(parts, " UNION ALL ")+`) AS everything (line)`).Scan(&sum)
	})
	return sum, err
}
