package modeltarget

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// Mode is how a target behaves.
type Mode string

// The modes.
const (
	Up Mode = "up"
	// Down: no call arrives.
	Down Mode = "down"
	// Lost: changes are made, and their answers do not come back.
	Lost Mode = "lost"
	// Ignoring: changes are accepted and not made.
	Ignoring Mode = "ignoring"
	// Late: changes end with an error, and are made when half the bound is over.
	Late Mode = "late"
	// Refusing: changes are refused for want of permission.
	Refusing Mode = "refusing"
	// Slow: every call takes a while.
	Slow Mode = "slow"
	// Partial: a discovery ends with an error and a part of the inventory.
	Partial Mode = "partial"
)

// Modes lists all of them.
func Modes() []Mode { return []Mode{Up, Down, Lost, Ignoring, Late, Refusing, Slow, Partial} }

// Bound is how long a change may still be made after its call returned.
const Bound = 4 * time.Second

// Slowness is how long a call takes in a slow target.
const Slowness = 3 * time.Second

// Key is one account with one entitlement.
type Key struct {
	Account     string
	Entitlement connector.Entitlement
}

// Holding is how a key came to be held.
type Holding struct {
	// Others: somebody else than the connector put it there.
	Others bool
	// Spare: it may be taken away by the connector all the same, as whoever put
	// it there knew that a grant was on it.
	Spare bool
}

// Call is one change that the connector was called for.
type Call struct {
	Key
	Revoke bool
	Keep   []connector.Entitlement
}

// Target is one of them. It is safe for concurrent use.
type Target struct {
	Name string
	// Now is the time by which late changes are made.
	Now func() time.Time
	// Called, if set, hears of every change when the call begins, and CalledFor of
	// every call to make or remove an account.
	Called    func(Call)
	CalledFor func(AccountCall)

	mu           sync.Mutex
	mode         Mode
	accounts     map[string]account
	entitlements map[connector.Entitlement]string
	includes     []connector.Inclusion
	held         map[Key]Holding
	late         []lateChange
	uids         int
	// landed are the late changes that were made.
	landed []Call
	// removed are the keys that the connector took away from somebody who had
	// them before.
	removed []Key
	// evicted are the accounts of others that the connector took away.
	evicted []string
}

type lateChange struct {
	Call
	// account is what is to be made or removed, where that is the change.
	account *AccountCall
	at      time.Time
}

// New is a target that is up, and empty.
func New(name string, now func() time.Time) *Target {
	return &Target{Name: name, Now: now, mode: Up, accounts: map[string]account{}, entitlements: map[connector.Entitlement]string{}, held: map[Key]Holding{}}
}

// Set changes how the target behaves from now on.
func (t *Target) Set(mode Mode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mode = mode
}

// Mode is how the target behaves.
func (t *Target) Mode() Mode {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mode
}

// AddAccount makes an account that holds nothing.
func (t *Target) AddAccount(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.uids++
	t.accounts[name] = account{uid: fmt.Sprint(t.uids)}
}

// DropAccount removes an account with all that it holds.
func (t *Target) DropAccount(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.accounts, name)
	maps.DeleteFunc(t.held, func(k Key, _ Holding) bool { return k.Account == name })
}

// HasAccount reports whether there is such an account.
func (t *Target) HasAccount(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, there := t.accounts[name]
	return there
}

// AddEntitlement makes an entitlement that nobody holds.
func (t *Target) AddEntitlement(e connector.Entitlement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.uids++
	t.entitlements[e] = fmt.Sprint(t.uids)
}

// DropEntitlement removes an entitlement from everybody who holds it.
func (t *Target) DropEntitlement(e connector.Entitlement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.entitlements, e)
	maps.DeleteFunc(t.held, func(k Key, _ Holding) bool { return k.Entitlement == e })
}

// HasEntitlement reports whether there is such an entitlement.
func (t *Target) HasEntitlement(e connector.Entitlement) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entitlements[e] != ""
}

// Include nests one entitlement in another.
func (t *Target) Include(from, to connector.Entitlement, implied bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.includes = append(t.includes, connector.Inclusion{From: from, To: to, Implied: implied})
}

// Give lets somebody else make an account hold an entitlement; spare as in
// [Holding]. It says whether anything changed.
func (t *Target) Give(k Key, spare func(Key) bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.usable(k.Account) || t.entitlements[k.Entitlement] == "" {
		return false
	}
	_, was := t.held[k]
	for _, e := range t.together(k.Entitlement) {
		with := Key{k.Account, e}
		if _, held := t.held[with]; !held {
			t.held[with] = Holding{Others: true, Spare: spare(with)}
		}
	}
	return !was
}

// Take lets somebody else take an entitlement away. It says whether anything
// changed.
func (t *Target) Take(k Key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, was := t.held[k]
	for from := range t.entitlements {
		if slices.Contains(t.together(from), k.Entitlement) {
			delete(t.held, Key{k.Account, from})
		}
	}
	return was
}

// Held is the truth: who holds what directly now.
func (t *Target) Held() map[Key]Holding {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	return maps.Clone(t.held)
}

// Landed are the late changes that were made since it was last asked.
func (t *Target) Landed() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	landed := t.landed
	t.landed = nil
	return landed
}

// Robbed are the keys that the connector has taken from those who had them before
// any grant, since it was last asked.
func (t *Target) Robbed() []Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	robbed := t.removed
	t.removed = nil
	return robbed
}

// together are the entitlements that come onto an account with one.
func (t *Target) together(e connector.Entitlement) []connector.Entitlement {
	all := []connector.Entitlement{e}
	for i := 0; i < len(all); i++ {
		for _, in := range t.includes {
			if in.Implied && in.From == all[i] && !slices.Contains(all, in.To) {
				all = append(all, in.To)
			}
		}
	}
	return all
}

// land makes the late changes whose time has come.
func (t *Target) land() {
	now := t.Now()
	var left []lateChange
	for _, l := range t.late {
		if l.at.After(now) {
			left = append(left, l)
			continue
		}
		if l.account != nil {
			_, _ = t.makeAccount(*l.account) // nobody hears the answer
			continue
		}
		t.make(l.Call)
		t.landed = append(t.landed, l.Call)
	}
	t.late = left
}

// make carries a change out and reports whether it changed anything.
func (t *Target) make(c Call) bool {
	_, was := t.held[c.Key]
	if !c.Revoke {
		if !t.usable(c.Account) || t.entitlements[c.Entitlement] == "" {
			return false
		}
		for _, e := range t.together(c.Entitlement) {
			if _, held := t.held[Key{c.Account, e}]; !held {
				t.held[Key{c.Account, e}] = Holding{}
			}
		}
		return !was
	}
	var keep []connector.Entitlement
	for _, kept := range c.Keep {
		if _, stands := t.held[Key{c.Account, kept}]; !stands {
			continue
		}
		if slices.Contains(t.together(kept), c.Entitlement) {
			return false
		}
		keep = append(keep, kept)
	}
	goes := []connector.Entitlement{}
	for from := range t.entitlements {
		// What cannot be without it goes too.
		if slices.Contains(t.together(from), c.Entitlement) {
			goes = append(goes, from)
		}
	}
	for _, e := range t.together(c.Entitlement) {
		if !slices.Contains(keep, e) {
			goes = append(goes, e)
		}
	}
	for _, e := range goes {
		k := Key{c.Account, e}
		if h, held := t.held[k]; held && h.Others && !h.Spare {
			t.removed = append(t.removed, k)
		}
		delete(t.held, k)
	}
	return was
}

func (t *Target) change(ctx context.Context, c Call) (connector.Result, error) {
	if err := t.reach(); err != nil {
		return connector.Result{}, err
	}
	if t.Called != nil {
		t.Called(c)
	}
	if err := t.wait(ctx); err != nil {
		return connector.Result{}, err
	}
	return t.answer(c)
}

func (t *Target) answer(c Call) (connector.Result, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	if !c.Revoke && t.mode != Ignoring && t.mode != Refusing {
		if !t.usable(c.Account) {
			return connector.Result{}, fmt.Errorf("%s: %w", c.Account, connector.ErrAccountNotFound)
		}
		if t.entitlements[c.Entitlement] == "" {
			return connector.Result{}, fmt.Errorf("%s: %w", c.Entitlement.NativeID, connector.ErrEntitlementNotFound)
		}
	}
	switch t.mode {
	case Lost:
		t.make(c)
		return connector.Result{}, fmt.Errorf("connection lost: %w", connector.ErrIndeterminate)
	case Late:
		t.late = append(t.late, lateChange{Call: c, at: t.Now().Add(Bound / 2)})
		return connector.Result{}, fmt.Errorf("cancelled: %w", connector.ErrIndeterminate)
	case Ignoring:
		return connector.Result{Changed: true}, nil
	case Refusing:
		return connector.Result{}, fmt.Errorf("%s: %w", c.Entitlement.NativeID, connector.ErrPermission)
	}
	return connector.Result{Changed: t.make(c)}, nil
}

// enter is the way to the target.
func (t *Target) enter(ctx context.Context) error {
	if err := t.reach(); err != nil {
		return err
	}
	return t.wait(ctx)
}

func (t *Target) reach() error {
	if t.Mode() == Down {
		return fmt.Errorf("connection refused: %w", connector.ErrUnavailable)
	}
	return nil
}

// wait is how long the target takes.
func (t *Target) wait(ctx context.Context) error {
	if t.Mode() != Slow {
		return nil
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ctx.Err(), connector.ErrUnavailable)
	case <-time.After(Slowness):
		return nil
	}
}

func (t *Target) discover(ctx context.Context) (*connector.Inventory, error) {
	if err := t.enter(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	inv := &connector.Inventory{Inclusions: []connector.Inclusion{}}
	for _, name := range slices.Sorted(maps.Keys(t.accounts)) {
		if a := t.accounts[name]; !a.locked {
			inv.Accounts = append(inv.Accounts, a.discovered(name))
		}
	}
	for e, uid := range t.entitlements {
		inv.Entitlements = append(inv.Entitlements, connector.DiscoveredEntitlement{Entitlement: e, UID: uid})
	}
	slices.SortFunc(inv.Entitlements, func(a, b connector.DiscoveredEntitlement) int { return compare(a.Entitlement, b.Entitlement) })
	for k := range t.held {
		if !t.usable(k.Account) {
			continue
		}
		inv.Assignments = append(inv.Assignments, connector.Assignment{Account: k.Account, Entitlement: k.Entitlement})
	}
	slices.SortFunc(inv.Assignments, func(a, b connector.Assignment) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), compare(a.Entitlement, b.Entitlement))
	})
	for _, in := range t.includes {
		if t.entitlements[in.From] != "" && t.entitlements[in.To] != "" {
			inv.Inclusions = append(inv.Inclusions, in)
		}
	}
	slices.SortFunc(inv.Inclusions, func(a, b connector.Inclusion) int { return cmp.Or(compare(a.From, b.From), compare(a.To, b.To)) })
	if t.mode == Partial {
		inv.Accounts, inv.Assignments = inv.Accounts[:len(inv.Accounts)/2], inv.Assignments[:len(inv.Assignments)/2]
		return inv, fmt.Errorf("the second page did not come: %w", connector.ErrUnavailable)
	}
	return inv, nil
}

func compare(a, b connector.Entitlement) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.NativeID, b.NativeID))
}

func (t *Target) read(ctx context.Context, k Key) (connector.Reading, error) {
	if err := t.enter(ctx); err != nil {
		return connector.Reading{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.land()
	var reading connector.Reading
	if _, reading.Direct = t.held[k]; reading.Direct {
		reading.Effective = true
		return reading, nil
	}
	for held := range t.held {
		if held.Account == k.Account && slices.Contains(t.within(held.Entitlement), k.Entitlement) {
			reading.Effective, reading.Via = true, []connector.Entitlement{held.Entitlement}
		}
	}
	return reading, nil
}

// within are the entitlements that one includes, and itself.
func (t *Target) within(e connector.Entitlement) []connector.Entitlement {
	all := []connector.Entitlement{e}
	for i := 0; i < len(all); i++ {
		for _, in := range t.includes {
			if in.From == all[i] && !slices.Contains(all, in.To) {
				all = append(all, in.To)
			}
		}
	}
	return all
}
