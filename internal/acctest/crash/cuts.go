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
// Out. It ends the process with SIGKILL at the cut named At.
type Cuts struct {
	At  string
	Out io.Writer

	mu     sync.Mutex
	armed  bool
	passed map[string]int
}

// Arm begins to count.
func (c *Cuts) Arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.passed = true, map[string]int{}
	c.say("armed")
}

// say writes one line; the lock is held, so that nothing happens beside it.
func (c *Cuts) say(words ...string) { _, _ = fmt.Fprintln(c.Out, strings.Join(words, " ")) }

func (c *Cuts) pass(point string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed {
		return
	}
	c.passed[point]++
	cut := fmt.Sprintf("%s#%d", point, c.passed[point])
	if cut != c.At {
		c.say("passed", cut)
		return
	}
	c.say("killed", cut)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the kernel takes the process down
}

// Transactions puts the cuts around what writes.
func (c *Cuts) Transactions(inner store.Around) store.Around {
	return func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		if inner != nil {
			tx, commit = inner(tx, commit)
		}
		seen := &transcript{DBTX: tx}
		return seen, func() error {
			name := seen.name()
			if name == "" {
				return commit()
			}
			c.pass("commit-before " + name)
			err := commit()
			if err == nil {
				c.pass("commit-after " + name)
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
	return cutTarget{target, f.cuts}, err
}

type cutTarget struct {
	connector.Connector
	cuts *Cuts
}

func (t cutTarget) Grant(ctx context.Context, change connector.Change) (connector.Result, error) {
	t.cuts.pass("call-before grant")
	result, err := t.Connector.Grant(ctx, change)
	t.cuts.pass("call-after grant")
	return result, err
}

func (t cutTarget) Revoke(ctx context.Context, change connector.Change) (connector.Result, error) {
	t.cuts.pass("call-before revoke")
	result, err := t.Connector.Revoke(ctx, change)
	t.cuts.pass("call-after revoke")
	return result, err
}

func (t cutTarget) Read(ctx context.Context, account string, entitlement connector.Entitlement) (connector.Reading, error) {
	t.cuts.pass("call-before read")
	reading, err := t.Connector.Read(ctx, account, entitlement)
	t.cuts.pass("call-after read")
	return reading, err
}

// transcript remembers what a transaction writes.
type transcript struct {
	sqlc.DBTX
	writes []string
	kinds  []string
}

// name says what a transaction has changed: the kinds of its evidence or, when
// it has none, the names of the queries that wrote; empty when nothing did.
func (t *transcript) name() string {
	names := t.kinds
	if len(names) == 0 {
		names = t.writes
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "+")
}

func (t *transcript) note(query string, arguments []any) {
	name := queryName(query)
	upper := strings.ToUpper(query)
	if strings.Contains(upper, "INSERT INTO ") || strings.Contains(upper, "UPDATE ") || strings.Contains(upper, "DELETE FROM ") {
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
