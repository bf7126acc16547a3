package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Cuts counts the cuts that a server passes, once it is armed, and says each on
// Out. At the cut named At it ends the process with SIGKILL or, with Freeze, stops
// it with SIGSTOP; continued, the process goes on once it is told to.
//
// A cut is named by its phase, by a part of what happens there, and by how often
// that part came by, as in "commit-before grant.ended#1". A transaction has several
// parts when it does several things, so that a name means the same whatever else
// the server does in the same transaction.
type Cuts struct {
	At     string
	Freeze bool
	Out    io.Writer

	mu     sync.Mutex
	armed  bool
	passed map[string]int
	stall  chan struct{}
	frozen chan struct{}
}

// Arm begins to count.
func (c *Cuts) Arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.passed = true, map[string]int{}
	c.say("armed")
}

// Stall makes the next change of a target wait, before its answer is heard, for
// [Cuts.Proceed].
func (c *Cuts) Stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stall = make(chan struct{})
	c.say("stalling")
}

// Proceed undoes [Cuts.Stall], if that was told.
func (c *Cuts) Proceed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stall == nil {
		return
	}
	close(c.stall)
	c.stall = nil
}

// stalled waits where it was told to.
func (c *Cuts) stalled(ctx context.Context) {
	c.mu.Lock()
	stall := c.stall
	if stall != nil {
		c.say("stalled")
	}
	c.mu.Unlock()
	if stall == nil {
		return
	}
	select {
	case <-stall:
	case <-ctx.Done():
	}
}

// say writes one line; the lock is held, so that nothing happens beside it.
func (c *Cuts) say(words ...string) { _, _ = fmt.Fprintln(c.Out, strings.Join(words, " ")) }

// pass reports whether the process was frozen.
func (c *Cuts) pass(phase string, parts ...string) (frozen bool) {
	thawed := c.count(phase, parts)
	if thawed != nil {
		<-thawed
	}
	return thawed != nil
}

// count does not return where the process is to die, and answers what to wait for
// where it was frozen.
func (c *Cuts) count(phase string, parts []string) (thawed chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed {
		return nil
	}
	line := []string{"passed", phase}
	for _, part := range parts {
		c.passed[phase+" "+part]++
		named := fmt.Sprintf("%s#%d", part, c.passed[phase+" "+part])
		line = append(line, named)
		if phase+" "+named != c.At {
			continue
		}
		if !c.Freeze {
			c.say("killed", c.At)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the kernel takes the process down
		}
		c.frozen = make(chan struct{})
		c.say("frozen", c.At)
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		return c.frozen
	}
	c.say(line...)
	return nil
}

// Thaw lets what stands at the cut go on.
func (c *Cuts) Thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.frozen)
	c.say("thawed")
}

// Transactions puts the cuts around what writes.
func (c *Cuts) Transactions(inner store.Around) store.Around {
	return func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		if inner != nil {
			tx, commit = inner(tx, commit)
		}
		seen := &transcript{DBTX: tx}
		return seen, func() error {
			parts := seen.parts()
			if len(parts) == 0 {
				return commit()
			}
			c.pass("commit-before", parts...)
			err := commit()
			if err == nil {
				c.pass("commit-after", parts...)
			}
			return err
		}
	}
}

// Factory puts the cuts around the calls of a target.
func (c *Cuts) Factory(inner connector.Factory) connector.Factory { return cutFactory{inner, c} }

type cutFactory struct {
	connector.Factory
	cuts *Cuts
}

func (f cutFactory) Open(config json.RawMessage, secrets connector.Secrets) (connector.Connector, error) {
	target, err := f.Factory.Open(config, secrets)
	maker, _ := connector.Maker(target)
	return cutTarget{maker, f.cuts}, err
}

// cutTarget wraps a connector that makes accounts, which every target of the harness
// has.
type cutTarget struct {
	connector.AccountMaker
	cuts *Cuts
}

// between makes a call that changes the target between its two cuts.
func between[A, R any](ctx context.Context, c *Cuts, what string, call func(context.Context, A) (R, error), argument A) (R, error) {
	ctx = c.before(ctx, what)
	result, err := call(ctx, argument)
	c.stalled(ctx)
	c.pass("call-after", what)
	return result, err
}

func (t cutTarget) Grant(ctx context.Context, change connector.Change) (connector.Result, error) {
	return between(ctx, t.cuts, "grant", t.AccountMaker.Grant, change)
}

func (t cutTarget) Revoke(ctx context.Context, change connector.Change) (connector.Result, error) {
	return between(ctx, t.cuts, "revoke", t.AccountMaker.Revoke, change)
}

// RevokeTogether counts as one change, with what is read after it.
func (t cutTarget) RevokeTogether(ctx context.Context, changes []connector.Change) ([]connector.Revocation, error) {
	if _, ok := t.AccountMaker.(connector.Together); !ok {
		return connector.RevokeTogether(ctx, t.AccountMaker, changes)
	}
	ctx = t.cuts.before(ctx, "revoke")
	revoked, err := connector.RevokeTogether(ctx, t.AccountMaker, changes)
	t.cuts.stalled(ctx)
	t.cuts.pass("call-after", "revoke")
	return revoked, err
}

func (t cutTarget) MakeAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeResult, error) {
	return between(ctx, t.cuts, "make_account", t.AccountMaker.MakeAccount, account)
}

func (t cutTarget) RemoveAccount(ctx context.Context, account connector.MadeAccount) (connector.RemovedResult, error) {
	return between(ctx, t.cuts, "remove_account", t.AccountMaker.RemoveAccount, account)
}

func (t cutTarget) ReadAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeReading, error) {
	t.cuts.pass("call-before", "read_account")
	reading, err := t.AccountMaker.ReadAccount(ctx, account)
	t.cuts.pass("call-after", "read_account")
	return reading, err
}

// before passes the cut before a change. The call of a process that was frozen there
// counts as under way: nothing that it notices on waking keeps it from the target.
func (c *Cuts) before(ctx context.Context, change string) context.Context {
	if c.pass("call-before", change) {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (t cutTarget) Read(ctx context.Context, account string, entitlement connector.Entitlement) (connector.Reading, error) {
	t.cuts.pass("call-before", "read")
	reading, err := t.AccountMaker.Read(ctx, account, entitlement)
	t.cuts.pass("call-after", "read")
	return reading, err
}

// transcript remembers what a transaction writes.
type transcript struct {
	sqlc.DBTX
	writes []string
	kinds  []string
}

// parts say what a transaction has changed: the kinds of its evidence or, when
// it has none, the names of the queries that wrote; none when nothing did.
func (t *transcript) parts() []string {
	parts := t.kinds
	if len(parts) == 0 {
		parts = t.writes
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

func (t *transcript) note(query string, arguments []any) {
	name := queryName(query)
	upper := strings.ToUpper(query)
	// HoldTime changes nothing; it is in every transaction that leaves no evidence.
	if name != "HoldTime" && (strings.Contains(upper, "INSERT INTO ") || strings.Contains(upper, "UPDATE ") || strings.Contains(upper, "DELETE FROM ")) {
		t.writes = append(t.writes, name)
	}
	if kind := evidenceKind(arguments); kind != "" {
		t.kinds = append(t.kinds, kind)
	}
}

// queryName is the name that a generated query begins with.
func queryName(query string) string {
	words := strings.Fields(query)
	if len(words) < 3 || words[1] != "name:" {
		return "unnamed"
	}
	return words[2]
}

// evidenceKind is the kind of the record among the arguments of a query.
func evidenceKind(arguments []any) string {
	for _, argument := range arguments {
		var leaf struct {
			Kind    string          `json:"kind"`
			Subject json.RawMessage `json:"subject"`
		}
		if text, ok := argument.(string); ok && json.Unmarshal([]byte(text), &leaf) == nil && leaf.Subject != nil {
			return leaf.Kind
		}
	}
	return ""
}
