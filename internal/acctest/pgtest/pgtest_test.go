package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
)

// victim makes this test binary a program that starts a server, pauses it when
// asked, says where it is, and waits to be killed.
const victim = "PGTEST_VICTIM"

func TestMain(m *testing.M) {
	if mode := os.Getenv(victim); mode != "" {
		os.Exit(beVictim(mode))
	}
	os.Exit(pgtest.Run(m))
}

func beVictim(mode string) int {
	s, err := pgtest.Launch()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if mode == "paused" {
		if err := s.Freeze(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	fmt.Println(s.ProcessID(), s.Folder())
	select {}
}

func TestServerAsksForThePassword(t *testing.T) {
	s := pgtest.Shared(t)
	_, err := pgx.Connect(t.Context(), s.URLFor("postgres", s.Superuser(), "wrong"))
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "28P01" {
		t.Fatalf("connecting with a wrong password gave %v, want SQLSTATE 28P01", err)
	}
}

func TestServerSaysItsVersion(t *testing.T) {
	s := pgtest.Shared(t)
	var text string
	if err := s.Connect(t, "postgres").QueryRow(t.Context(), "SHOW server_version_num").Scan(&text); err != nil {
		t.Fatal(err)
	}
	if text != strconv.Itoa(s.Version()) {
		t.Fatalf("Version() = %d, the server says %s", s.Version(), text)
	}
}

func TestDatabaseIsEmptyAndGoneAfterItsTest(t *testing.T) {
	s := pgtest.Shared(t)
	var url string
	t.Run("uses a database", func(t *testing.T) {
		url = s.NewDatabase(t)
		if url == s.NewDatabase(t) {
			t.Fatal("two databases of one test are the same")
		}
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		var tables int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
			t.Fatalf("a new database has %d tables, %v", tables, err)
		}
	})
	_, err := pgx.Connect(t.Context(), url)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "3D000" {
		t.Fatalf("connecting after the test gave %v, want SQLSTATE 3D000", err)
	}
}

func TestCollationIsNotByteOrder(t *testing.T) {
	s := pgtest.Shared(t)
	if s.Version() < 150000 {
		return // initdb knows ICU from 15 on
	}
	var before bool
	if err := s.Connect(t, "postgres").QueryRow(t.Context(), "SELECT 'a' < 'B'").Scan(&before); err != nil || !before {
		t.Fatalf("'a' < 'B' is %v, %v: the database sorts by bytes", before, err)
	}
}

// A server that a test had goes to the next one, as long as nothing is left in it.
func TestServerOfAnEarlierTestIsAsNewOrAnotherOne(t *testing.T) {
	for left, test := range map[string]struct {
		statements []string
		use        func(t *testing.T, s *pgtest.Server)
		again      bool
	}{
		"nothing": {again: true},
		"roles, and what they own and were given": {again: true, statements: []string{
			`CREATE ROLE "Anna" LOGIN`, `CREATE ROLE readers`, `GRANT readers TO "Anna"`, `GRANT pg_signal_backend TO "Anna" WITH ADMIN OPTION`,
			`GRANT CREATE ON SCHEMA public TO "Anna"`, `ALTER ROLE "Anna" SET work_mem = '1MB'`,
			`GRANT SELECT ON pg_authid TO readers`, `SET ROLE "Anna"`, `CREATE TABLE public.hers (n int)`,
		}},
		"databases":               {again: true, statements: []string{`CREATE DATABASE "Books"`}},
		"sessions":                {again: true, use: func(t *testing.T, s *pgtest.Server) { s.Connect(t, "template1") }},
		"tables":                  {statements: []string{`CREATE TABLE kept (n int)`}},
		"functions":               {statements: []string{`CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'`}},
		"rights of all":           {statements: []string{`REVOKE EXECUTE ON FUNCTION pg_sleep(float) FROM PUBLIC`}},
		"settings":                {statements: []string{`ALTER SYSTEM SET work_mem = '1MB'`}},
		"a setting of a database": {statements: []string{`ALTER DATABASE postgres SET work_mem = '1MB'`}},
		"a restart":               {use: func(t *testing.T, s *pgtest.Server) { s.Restart(t) }},
	} {
		t.Run(left, func(t *testing.T) {
			kind := pgtest.Setting("cluster_name", left) // nobody else has such a server
			var first int
			t.Run("first", func(t *testing.T) {
				s := pgtest.Start(t, kind)
				first = s.ProcessID()
				s.Exec(t, "postgres", test.statements...)
				if test.use != nil {
					test.use(t, s)
				}
			})
			t.Run("second", func(t *testing.T) {
				s := pgtest.Start(t, kind)
				if again := s.ProcessID() == first; again != test.again {
					t.Errorf("the same server once more: %t, want %t", again, test.again)
				}
				var roles, databases, tables, sessions int
				s.Ask(t, `SELECT (SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_'), (SELECT count(*) FROM pg_database), (SELECT count(*) FROM pg_tables WHERE schemaname = 'public'),
					(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')`, nil, &roles, &databases, &tables, &sessions)
				if roles != 1 || databases != 3 || tables != 0 || sessions != 1 {
					t.Errorf("it has %d roles, %d databases, %d tables and %d sessions", roles, databases, tables, sessions)
				}
			})
		})
	}
}

func TestStoppedServerRefusesAndComesBackOnItsPort(t *testing.T) {
	s := pgtest.Start(t)
	s.Exec(t, "postgres", "CREATE TABLE kept (n int)")
	address := net.JoinHostPort(s.Host(), strconv.Itoa(s.Port()))

	s.Stop(t)
	if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dialling a stopped server gave %v, want connection refused", err)
	}
	for range 200 { // ephemeral ports must not land on the reserved one
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if l.Addr().String() == address {
			t.Fatal("the port of the stopped server was given away")
		}
	}

	s.Restart(t)
	s.Exec(t, "postgres", "INSERT INTO kept VALUES (1)")
}

func TestPausedServerAnswersNobodyUntilResumed(t *testing.T) {
	s := pgtest.Start(t)
	conn := s.Connect(t, "postgres")
	s.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := pgx.Connect(ctx, s.URL("postgres")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("connecting to a paused server gave %v, want a deadline", err)
	}
	s.Resume(t)
	if err := conn.Ping(t.Context()); err != nil {
		t.Fatalf("a session from before the pause is gone: %v", err)
	}
}

func TestServerDiesWithAKilledTestProcess(t *testing.T) {
	for _, mode := range []string{"running", "paused"} {
		t.Run(mode, func(t *testing.T) {
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program)
			cmd.Env = append(os.Environ(), victim+"="+mode)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var pid int
			var folder string
			line, _ := bufio.NewReader(out).ReadString('\n')
			if _, err := fmt.Sscan(line, &pid, &folder); err != nil {
				cmd.Process.Kill()
				t.Fatalf("the victim said %q: %v", line, err)
			}
			t.Cleanup(func() { os.RemoveAll(folder) })

			cmd.Process.Kill()
			cmd.Wait()

			for deadline := time.Now().Add(30 * time.Second); alive(t, pid); {
				if time.Now().After(deadline) {
					syscall.Kill(pid, syscall.SIGKILL)
					t.Fatalf("postgres (%d) outlived the process that started it", pid)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

// alive is false for a process that is gone or only waits to be reaped.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestMissingPostgreSQLNamesThePackage(t *testing.T) {
	_, err := pgtest.FindIn(t.TempDir()+"/*", t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Fatalf("without PostgreSQL the error is %v", err)
	}
}
