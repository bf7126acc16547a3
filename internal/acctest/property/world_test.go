package property_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	_ "github.com/jackc/pgx/v5/stdlib" // the state is read without the engine
	_ "modernc.org/sqlite"             // likewise

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// reporter is what a world complains to: a rapid.T, or a test.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// world is two targets, a database, and the processes that work on it.
type world struct {
	reporter
	clock    *warped
	targets  map[governance.ApplicationID]*modeltarget.Target
	database string
	evidence string
	plant    plant
	db       *sql.DB
	// processes share the database; the first is always there.
	processes []*process

	// declared is what was declared, as far as the engine has said yes.
	declared map[governance.Kind]map[string]governance.Object
	judge    *judge
	// story is what has happened, in so many steps, for who reads a failure; heard is
	// what was broken.
	story, heard []string
	steps        int
	telling      *sync.Mutex
}

var ctx = context.Background()

// by is who declares and administers.
var by = journal.Actor{Identity: "admin"}

const (
	alpha = governance.ApplicationID("alpha")
	beta  = governance.ApplicationID("beta")

	alphaRead    = governance.EntitlementID("alpha/role/read")
	alphaWrite   = governance.EntitlementID("alpha/role/write")
	alphaAdmin   = governance.EntitlementID("alpha/role/admin")
	alphaAdminOf = governance.EntitlementID("alpha/role_admin/admin")
	betaPay      = governance.EntitlementID("beta/role/pay")
	betaApprove  = governance.EntitlementID("beta/role/approve")
)

var (
	everything = []governance.EntitlementID{alphaRead, alphaWrite, alphaAdmin, alphaAdminOf, betaPay, betaApprove}
	people     = []string{"alice", "bob", "carol", "dave"}
	everyone   = append(slices.Clone(people), "bot")
	// newcomers have no account before Stint makes one.
	newcomers = []string{"erin", "finn"}
	anybody   = append(slices.Clone(everyone), newcomers...)
	// crowd are accounts of nobody, most of those in their target.
	crowd = strings.Fields("c01 c02 c03 c04 c05 c06 c07 c08 c09 c10 c11 c12")
)

// newWorld is a world in a bubble, on an empty database, with its policy
// declared and its targets read. The caller ends it.
func newWorld(r reporter, dir, database string, p plant) *world {
	r.Helper()
	w := &world{}
	made := false
	defer func() {
		if !made {
			w.close()
		}
	}()
	newWorldAt(w, r, dir, database, p)
	made = true
	return w
}

// newWorldAt makes a world in a place that the caller looks after from the start.
func newWorldAt(w *world, r reporter, dir, database string, p plant) {
	r.Helper()
	*w = world{
		reporter: r, clock: newWarped(), database: database, evidence: filepath.Join(dir, "evidence"), plant: p,
		declared: map[governance.Kind]map[string]governance.Object{}, telling: &sync.Mutex{},
	}
	w.targets = map[governance.ApplicationID]*modeltarget.Target{alpha: modeltarget.New("alpha", w.clock.world), beta: modeltarget.New("beta", w.clock.world)}
	for _, id := range everything {
		w.targets[applicationOf(id)].AddEntitlement(native(id))
	}
	w.targets[alpha].Include(native(alphaAdmin), native(alphaWrite), false)
	w.targets[alpha].Include(native(alphaWrite), native(alphaRead), false)
	w.targets[alpha].Include(native(alphaAdminOf), native(alphaAdmin), true)
	for application, target := range w.targets {
		for _, name := range append(slices.Clone(everyone), "ghost") {
			target.AddAccount(name)
		}
		target.Called = func(c modeltarget.Call) { w.judge.called(application, c) }
		target.CalledFor = func(c modeltarget.AccountCall) { w.judge.calledFor(application, c) }
	}
	for _, name := range crowd {
		w.targets[alpha].AddAccount(name)
	}
	w.targets[alpha].Give(modeltarget.Key{Account: "ghost", Entitlement: native(alphaRead)}, never)
	w.targets[alpha].Give(modeltarget.Key{Account: "bob", Entitlement: native(alphaRead)}, never)
	w.start()
	driver, source := "pgx", database
	if !store.IsPostgres(database) {
		driver, source = "sqlite", "file:"+database+"?_pragma=busy_timeout(10000)"
	}
	var err error
	if w.db, err = sql.Open(driver, source); err != nil {
		r.Fatalf("%v", err)
	}
	w.judge = newJudge(w)
	w.declareAll()
	w.settle()
}

func never(modeltarget.Key) bool { return false }

func applicationOf(id governance.EntitlementID) governance.ApplicationID {
	application, _, _, err := id.Split()
	if err != nil {
		panic(err)
	}
	return application
}

func native(id governance.EntitlementID) connector.Entitlement {
	_, kind, name, err := id.Split()
	if err != nil {
		panic(err)
	}
	return connector.Entitlement{Kind: kind, NativeID: name}
}

// start adds a process.
func (w *world) start() {
	w.Helper()
	l := &life{fuse: -1}
	targets := modeltarget.Factory{}
	for application, target := range w.targets {
		targets[string(application)] = target
	}
	e, err := engine.Open(ctx, engine.Config{
		Database: pgtest.Sparing(w.database), EvidenceDir: w.evidence, Clock: w.clock,
		Connectors:   connector.NewRegistry(w.plant.factory(mortalFactory{targets, l})),
		Transactions: l.transactions(w.plant.transactions()),
		Logger:       hclog.NewNullLogger(),
	})
	if err != nil {
		w.Fatalf("a process does not start: %v", err)
	}
	running, stop := context.WithCancel(ctx)
	p := &process{Engine: e, life: l, stop: stop, done: make(chan error, 1)}
	go func() { p.done <- e.Run(running) }()
	w.processes = append(w.processes, p)
}

// end stops a process, gracefully unless it was killed.
func (w *world) end(p *process) {
	w.Helper()
	p.stop()
	err := errors.Join(<-p.done, p.Close())
	if err != nil && !p.life.killed() {
		w.Fatalf("a process does not end: %v", err)
	}
	w.processes = slices.DeleteFunc(w.processes, func(other *process) bool { return other == p })
}

// close ends everything.
func (w *world) close() {
	for _, p := range slices.Clone(w.processes) {
		p.stop()
		<-p.done
		_ = p.Close()
	}
	if w.db != nil {
		_ = w.db.Close()
	}
}

// revive puts a new process in the place of each that was killed.
func (w *world) revive() {
	for _, p := range slices.Clone(w.processes) {
		if p.life.killed() {
			w.end(p)
		}
	}
	if len(w.processes) == 0 {
		w.start()
	}
}

// engine is one of the processes that live.
func (w *world) engine(pick int) *process { return w.processes[pick%len(w.processes)] }

// patience is how long the engine may be busy after something has happened.
const patience = 90 * time.Second

// settle waits until nothing is due any more.
func (w *world) settle() {
	w.Helper()
	var busy string
	for waited := time.Duration(0); waited < patience; waited += 100 * time.Millisecond {
		synctest.Wait()
		w.revive()
		if busy = w.busy(); busy == "" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.broken(fmt.Sprintf("2 every grant ends: after %s the engine has still not done what is due: %s", patience, busy))
}

// busy says what is due now.
func (w *world) busy() string {
	f, err := look(w.db, map[string]bool{})
	if err != nil {
		w.Fatalf("look: %v", err)
	}
	now := f.now(w.clock.Now())
	for _, o := range f.operations {
		if !o.next.After(now) && !w.isProbed(o.account) {
			return fmt.Sprintf("operation %s of grant %s", o.kind, o.grant)
		}
	}
	for _, g := range f.grants {
		if at, due := g.DueAt(); due && !at.After(now) || g.marked && due {
			return fmt.Sprintf("grant %s is %s", g.ID, g.State)
		}
	}
	for id, e := range f.events {
		if !e.closed && !e.endsAt.After(now) {
			return fmt.Sprintf("event %s is open", id)
		}
	}
	for _, r := range f.requests {
		if r.Deadline != nil && !r.Deadline.After(now) {
			return fmt.Sprintf("request %s waits", r.ID)
		}
		if r.State == governance.RequestPending && r.Extends != "" && f.grants[r.Extends].State != governance.GrantActive {
			return fmt.Sprintf("extension %s waits", r.ID)
		}
	}
	return ""
}

// isProbed reports whether an account's target may count as not reached: then only
// one operation at a time is tried, and the others stay due.
func (w *world) isProbed(account governance.AccountID) bool {
	application, _, err := account.Split()
	if err != nil {
		w.Fatalf("account %s: %v", account, err)
	}
	switch w.targets[application].Mode() {
	case modeltarget.Down, modeltarget.Lost, modeltarget.Slow, modeltarget.Late:
		return true
	}
	return false
}

// pass lets time pass: late changes are made, and everything falls due.
func (w *world) pass(d time.Duration) {
	w.clock.pass(d)
	// Every loop of the engine looks, and the high-water mark is raised.
	time.Sleep(1200 * time.Millisecond)
}

// tell notes a step.
func (w *world) tell(format string, args ...any) {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.story = append(w.story, w.clock.Now().Format("02 15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// check waits until nothing is due any more, and judges.
func (w *world) check() {
	w.Helper()
	w.settle()
	w.broken(w.judge.judge()...)
}

// drain lets everything come right and end.
func (w *world) drain() {
	w.tell("everything comes right")
	if wrong := w.clock.wrong(); wrong != 0 {
		w.clock.set(-wrong)
		w.pass(max(wrong, 0))
	}
	for _, target := range w.targets {
		target.Set(modeltarget.Up)
	}
	for _, p := range w.processes {
		p.life.light(-1)
	}
	w.pass(time.Minute)
	w.check()
	for range 3 {
		w.pass(9 * time.Hour)
		w.check()
	}
	w.broken(w.judge.over()...)
}

// broken ends the world with what is broken. What it fails with is the same for
// the same invariants, so that a shorter story of the same kind can be looked for.
func (w *world) broken(problems ...string) {
	w.Helper()
	if len(problems) == 0 {
		return
	}
	w.heard = append(w.heard, problems...)
	var invariants []string
	for _, problem := range problems {
		invariants = append(invariants, invariantOf(problem))
	}
	slices.Sort(invariants)
	w.Fatalf("broken: %s", strings.Join(slices.Compact(invariants), ", "))
}

// invariantOf is the number and the name that a problem begins with.
func invariantOf(problem string) string {
	name, _, _ := strings.Cut(problem, ":")
	return name
}

// told is the whole story, with what was broken before it and what stands after it.
func (w *world) told() string {
	lines := append(slices.Clone(w.heard), "what happened:")
	for _, line := range w.story {
		lines = append(lines, "  "+line)
	}
	lines = append(lines, "what stands:")
	f, err := look(w.db, map[string]bool{})
	if err != nil {
		lines = append(lines, err.Error())
	}
	for _, id := range sortedKeys(f.grants) {
		lines = append(lines, "  "+f.grants[id].body)
	}
	for _, o := range f.operations {
		lines = append(lines, fmt.Sprintf("  to %s %s at %s, called %t", o.kind, o.grant, o.next.Format(time.StampMicro), o.called))
	}
	for h, holding := range w.truth() {
		lines = append(lines, fmt.Sprintf("  %s holds %s %+v", h.account, h.entitlement, holding))
	}
	for _, a := range f.made {
		lines = append(lines, fmt.Sprintf("  account %s was made as %s for %s and is %s", a.Account, a.ID, a.Grant, a.State))
	}
	for application, target := range w.targets {
		for _, a := range target.Made() {
			lines = append(lines, fmt.Sprintf("  %s has %s, locked %t, made as %s", application, a.Name, a.Locked, a.Mark))
		}
	}
	return strings.Join(lines, "\n")
}

// put declares an object and remembers it.
func (w *world) put(o governance.Object) error {
	kind := o.ObjectKind()
	pre := catalog.Precondition{Create: true}
	e := w.engine(0)
	if stored, err := e.Catalog.Get(ctx, kind, o.Key()); err == nil {
		pre = catalog.Precondition{Version: stored.Version}
	}
	_, err := e.Catalog.Put(ctx, by, o, pre)
	w.note(kind, o.Key())
	if err == nil {
		w.declared[kind][o.Key()] = o
	}
	return err
}

// note remembers an object as it is declared now: also when no answer came, it
// may have been written.
func (w *world) note(kind governance.Kind, id string) {
	if w.declared[kind] == nil {
		w.declared[kind] = map[string]governance.Object{}
	}
	for {
		w.revive()
		p := w.engine(0)
		stored, err := p.Catalog.Get(ctx, kind, id)
		switch {
		case err == nil:
			w.declared[kind][id] = stored.Object
		case p.life.killed():
			continue
		default:
			delete(w.declared[kind], id)
		}
		return
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v", err)
	}
}

// object finds a declared object.
func object[T governance.Object](w *world, kind governance.Kind, id string) (T, bool) {
	o, ok := w.declared[kind][id].(T)
	return o, ok
}

// guard keeps what several goroutines complain of.
type guard struct {
	mu       sync.Mutex
	problems []string
}

func (g *guard) add(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.problems = append(g.problems, fmt.Sprintf(format, args...))
}

func (g *guard) take() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := g.problems
	g.problems = nil
	return taken
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
