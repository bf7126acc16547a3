package modeltarget

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// AccountCall is one account that the connector was called to make or to remove.
type AccountCall struct {
	connector.MadeAccount
	Remove bool
}

// account is one of a target. The mark is that of whoever made it by the connector;
// others' accounts have none. A locked one nobody can use: it is listed no more, and
// holds what it held.
type account struct {
	uid, mark string
	locked    bool
}

func (a account) discovered(name string) connector.Account {
	seen := connector.Account{Name: name, UID: a.uid}
	if a.mark != "" {
		seen.Attributes = map[string]string{connector.MarkAttribute: a.mark}
	}
	return seen
}

// Made is an account that the connector has made, as the target has it.
type Made struct {
	Name, Mark string
	Locked     bool
}

// Made lists the accounts that the connector has made, by their names.
func (t *Target) Made() []Made {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	var list []Made
	for _, name := range slices.Sorted(maps.Keys(t.accounts)) {
		if a := t.accounts[name]; a.mark != "" {
			list = append(list, Made{Name: name, Mark: a.mark, Locked: a.locked})
		}
	}
	return list
}

// Evicted are the accounts of others that the connector took away, since it was last
// asked.
func (t *Target) Evicted() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	evicted := t.evicted
	t.evicted = nil
	return evicted
}

// usable reports whether there is an account that is not locked.
func (t *Target) usable(name string) bool {
	a, there := t.accounts[name]
	return there && !a.locked
}

// find is the name of the account that bears the mark, or else of the one with the
// UID.
func (t *Target) find(made connector.MadeAccount) (name string, there bool) {
	for name, a := range t.accounts {
		if made.Mark != "" && a.mark == made.Mark {
			return name, true
		}
	}
	for name, a := range t.accounts {
		if made.UID != "" && a.uid == made.UID {
			return name, true
		}
	}
	return "", false
}

// accountAnswer is what a call about an account was answered with.
type accountAnswer struct {
	changed bool
	uid     string
	kept    []string
}

// makeAccount carries a call about an account out.
func (t *Target) makeAccount(c AccountCall) (accountAnswer, error) {
	name, there := t.find(c.MadeAccount)
	a := t.accounts[name]
	switch {
	case c.Remove && !there:
		return accountAnswer{}, nil
	case c.Remove:
		answer := accountAnswer{changed: !a.locked, uid: a.uid}
		for k := range t.held {
			if k.Account == name {
				answer.kept = append(answer.kept, k.Entitlement.NativeID)
			}
		}
		if slices.Sort(answer.kept); len(answer.kept) > 0 {
			a.locked = true
			t.accounts[name] = a
			return answer, nil
		}
		if a.mark == "" {
			t.evicted = append(t.evicted, name)
		}
		delete(t.accounts, name)
		answer.changed = true
		return answer, nil
	case there:
		answer := accountAnswer{changed: a.locked, uid: a.uid}
		a.locked = false
		t.accounts[name] = a
		return answer, nil
	}
	if _, taken := t.accounts[c.Name]; taken {
		return accountAnswer{}, fmt.Errorf("there is an account %q already: %w", c.Name, connector.ErrAccountTaken)
	}
	t.uids++
	a = account{uid: fmt.Sprint(t.uids), mark: c.Mark}
	t.accounts[c.Name] = a
	return accountAnswer{changed: true, uid: a.uid}, nil
}

func (t *Target) changeAccount(ctx context.Context, c AccountCall) (accountAnswer, error) {
	if err := t.reach(); err != nil {
		return accountAnswer{}, err
	}
	if t.CalledFor != nil {
		t.CalledFor(c)
	}
	if err := t.wait(ctx); err != nil {
		return accountAnswer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	switch t.mode {
	case Lost:
		_, _ = t.makeAccount(c) // nobody hears the answer
		return accountAnswer{}, fmt.Errorf("connection lost: %w", connector.ErrIndeterminate)
	case Late:
		t.late = append(t.late, lateChange{account: &c, at: t.Now().Add(Bound / 2)})
		return accountAnswer{}, fmt.Errorf("cancelled: %w", connector.ErrIndeterminate)
	case Ignoring:
		return accountAnswer{changed: true}, nil
	case Refusing:
		return accountAnswer{}, fmt.Errorf("%s: %w", c.Name, connector.ErrPermission)
	}
	return t.makeAccount(c)
}

func (t *Target) readAccount(ctx context.Context, made connector.MadeAccount) (connector.MadeReading, error) {
	if err := t.enter(ctx); err != nil {
		return connector.MadeReading{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	name, there := t.find(made)
	if !there {
		return connector.MadeReading{}, nil
	}
	a := t.accounts[name]
	return connector.MadeReading{Exists: true, Usable: !a.locked, Name: name, UID: a.uid}, nil
}
