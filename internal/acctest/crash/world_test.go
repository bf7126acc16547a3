package crash_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"database/sql"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/crash"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const (
	activateWithin = 15 * time.Minute
	duration       = time.Hour
	right          = governance.EntitlementID("billing/role/billing_admin")
	// people is how many cases a world has room for; each has a person, and an
	// account in the one target, of its own.
	people = 300
	// patience is how long a busy machine may take for anything.
	patience = 30 * time.Second
)

// world is a target, and a state in which everything is declared and nothing is
// granted yet, to be copied for each case.
type world struct {
	target *pgtest.Server
	pool   *pgxpool.Pool
	folder string
	key    string
	// token is an administrator's; tokens are the people's.
	token  string
	tokens []string

	mu   sync.Mutex
	next int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{target: pgtest.Start(t, pgtest.WithoutFsync()), folder: t.TempDir()}
	roles := []string{`CREATE ROLE billing_admin`}
	for i := range people {
		roles = append(roles, fmt.Sprintf(`CREATE ROLE u%d LOGIN`, i))
	}
	w.target.Exec(t, "postgres", roles...)
	var err error
	if w.pool, err = pgxpool.New(t.Context(), w.target.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pool.Close)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", w.target.Password())
	e, err := engine.Open(t.Context(), engine.Config{
		Database: filepath.Join(w.folder, "stint.db"), EvidenceDir: filepath.Join(w.folder, "evidence"), Clock: clock.System{},
		Connectors: connector.NewRegistry(postgresql.NewFactory()), Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.declare(t.Context(), e), e.Journal.Sequence(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, _, w.key, err = e.Journal.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) declare(ctx context.Context, e *engine.Engine) error {
	by := journal.Actor{Identity: "carol"}
	config, err := json.Marshal(map[string]any{
		"host": w.target.Host(), "port": w.target.Port(), "username": w.target.Superuser(),
		"password_ref": "env:STINT_SECRET_BILLING_PASSWORD", "sslmode": "disable",
	})
	if err != nil {
		return err
	}
	objects := []governance.Object{
		governance.Application{
			Name: "billing", Connector: map[string]json.RawMessage{"postgresql": config}, Correlation: "account.name == identity.name",
			Discovery: governance.DiscoverySchedule{Interval: governance.Duration(24 * time.Hour)},
		},
		governance.Entitlement{Application: "billing", Kind: "role", NativeID: "billing_admin", Risk: governance.RiskHigh, Standing: governance.StandingForbidden},
		governance.EligibilityPolicy{Name: "people", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{right}, Condition: `identity.type == "human"`},
		governance.GrantTemplate{
			Name: "admin", Entitlements: []governance.EntitlementID{right}, EligibilityPolicies: []governance.PolicyID{"people"},
			Duration:       governance.DurationBounds{Default: governance.Duration(duration), Max: governance.Duration(duration)},
			ActivateWithin: governance.Duration(activateWithin), Justification: governance.JustificationOptional,
			Approval: governance.ApprovalDefinition{Automatic: true},
		},
		governance.Identity{Name: "carol", Type: governance.Human, Groups: []string{}},
	}
	for i := range people {
		objects = append(objects, governance.Identity{Name: fmt.Sprintf("u%d", i), Type: governance.Human, Groups: []string{}})
	}
	for _, o := range objects {
		if _, err := e.Catalog.Put(ctx, by, o, catalog.Precondition{Create: true}); err != nil {
			return fmt.Errorf("declare %s: %w", o.Key(), err)
		}
	}
	if _, w.token, err = e.Tokens.Create(ctx, by, token.New{Name: "carol", Identity: "carol", Roles: []token.Role{token.Admin, token.Auditor}}); err != nil {
		return err
	}
	for i := range people {
		name := fmt.Sprintf("u%d", i)
		_, secret, err := e.Tokens.Create(ctx, by, token.New{Name: name, Identity: governance.IdentityID(name)})
		if err != nil {
			return err
		}
		w.tokens = append(w.tokens, secret)
	}
	return nil
}

// person is who a case is about, with a copy of the state.
type person struct {
	name, token, folder string
	server              *server
	shift               time.Duration
	// patience is how long the server may take to bring something about.
	patience time.Duration
	stood    bool
	asks     []asked
	// middle is what was found broken while the scenario ran.
	middle []string
}

func (w *world) newPerson(t *testing.T) *person {
	t.Helper()
	w.mu.Lock()
	i := w.next
	w.next++
	w.mu.Unlock()
	if i >= people {
		t.Fatal("the world has too few people")
	}
	p := &person{name: fmt.Sprintf("u%d", i), token: w.tokens[i], patience: patience, folder: t.TempDir()}
	if err := copyPrivate(p.folder, w.folder); err != nil {
		t.Fatal(err)
	}
	return p
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

func (p *person) now() time.Time       { return time.Now().Add(p.shift) }
func (p *person) ctx() context.Context { return p.server.alive }

func (p *person) advance(d time.Duration) {
	p.shift += d
	p.server.tell("advance " + d.String())
}

func (p *person) client() *client.Client        { return p.server.connect(p.token) }
func (w *world) admin(p *person) *client.Client { return p.server.connect(w.token) }

// holds asks the target itself.
func (w *world) holds(p *person) (is bool) {
	if err := w.pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = $1::regrole)`, p.name).Scan(&is); err != nil {
		panic(err)
	}
	return is
}

// calm waits until nothing of the person's is on its way.
func (w *world) calm(p *person) error {
	return wait(p, func() (bool, error) {
		list, err := w.grants(p)
		for _, g := range list {
			switch g.State {
			case governance.GrantScheduled, governance.GrantProvisioning, governance.GrantRevoking:
				return false, nil
			case governance.GrantActive:
				if !p.now().Before(g.NotAfter) {
					return false, nil
				}
			}
		}
		return true, err
	})
}

// settle is calm as a judgement.
func (w *world) settle(p *person) []string {
	if err := w.calm(p); err != nil {
		return []string{fmt.Sprintf("every grant ends: it does not come to rest: %v", err)}
	}
	return nil
}

// idle waits until no operation is left.
func (w *world) idle(p *person) error {
	db, err := sql.Open("sqlite", filepath.Join(p.folder, "stint.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return wait(p, func() (bool, error) {
		var open int
		err := db.QueryRowContext(p.ctx(), `SELECT count(*) FROM operations WHERE done_at IS NULL`).Scan(&open)
		return open == 0, err
	})
}

func wait(p *person, done func() (bool, error)) error {
	for deadline := time.Now().Add(p.patience); time.Now().Before(deadline); {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-p.ctx().Done():
			return context.Cause(p.ctx())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return errors.New("it takes too long")
}

// server is a process of the server with cuts.
type server struct {
	process *exec.Cmd
	url     string
	alive   context.Context

	mu    sync.Mutex
	input *bufio.Writer
	said  []string
	// complained is its log.
	complained []string
}

var errDead = errors.New("the server is dead")

// start starts the server on the person's state and waits until it answers.
func (w *world) start(t *testing.T, folder, cut string, plant crash.Plant, shift time.Duration) *server {
	t.Helper()
	s := &server{process: exec.Command(os.Args[0], "server", "--listen", "127.0.0.1:0", "--data-dir", folder, "--log-level", "error")}
	s.process.Env = append(os.Environ(), beStint+"=1", crash.EnvCut+"="+cut, crash.EnvPlant+"="+string(plant), crash.EnvShift+"="+shift.String())
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	input, err1 := s.process.StdinPipe()
	output, err2 := s.process.StdoutPipe()
	complaints, err3 := s.process.StderrPipe()
	if err := errors.Join(err1, err2, err3, s.process.Start()); err != nil {
		t.Fatal(err)
	}
	s.input = bufio.NewWriter(input)
	alive, die := context.WithCancelCause(context.Background())
	s.alive = alive
	answers := make(chan string, 1)
	var pipes sync.WaitGroup
	pipes.Go(func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			s.mu.Lock()
			s.said = append(s.said, lines.Text())
			s.mu.Unlock()
		}
	})
	pipes.Go(func() {
		for lines := bufio.NewScanner(complaints); lines.Scan(); {
			if _, url, ok := strings.Cut(lines.Text(), " answers at "); ok {
				answers <- strings.TrimSpace(url)
			}
			s.mu.Lock()
			s.complained = append(s.complained, lines.Text())
			s.mu.Unlock()
		}
	})
	go func() {
		pipes.Wait()
		_ = s.process.Wait() // it is killed, mostly
		die(errDead)
	}()
	t.Cleanup(s.stop)
	select {
	case s.url = <-answers:
	case <-alive.Done():
		t.Errorf("the server ended at its start:\n%s", strings.Join(s.complained, "\n"))
	case <-time.After(patience):
		t.Error("the server does not answer")
	}
	return s
}

func (s *server) tell(command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.input.WriteString(command + "\n")
	_ = s.input.Flush() // to a dead one nothing is said
}

func (s *server) connect(token string) *client.Client {
	c, err := client.New(client.Config{Endpoint: s.url, Token: token})
	if err != nil {
		panic(err) // it has an address once it has started
	}
	return c
}

func (s *server) stop() {
	_ = s.process.Process.Signal(syscall.SIGKILL) // it may be dead
	<-s.alive.Done()
}

// killed reports whether the server died at the cut, by its own hand.
func (s *server) killed(t *testing.T, cut string) bool {
	t.Helper()
	select {
	case <-s.alive.Done():
	case <-time.After(time.Second):
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status, ok := s.process.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL && len(s.said) > 0 && s.said[len(s.said)-1] == "killed "+cut
}

// cutsPassed lists the cuts in the order in which they were passed.
func (s *server) cutsPassed() (cuts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.said {
		if cut, ok := strings.CutPrefix(line, "passed "); ok {
			cuts = append(cuts, cut)
		}
	}
	return cuts
}
