package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MadeAccountID identifies an account that Stint makes, and is the mark that the
// account bears in its target.
type MadeAccountID string

// MadeAccountState is where an account stands that Stint makes.
type MadeAccountState string

// The states of a made account. Only removed and cancelled are without a trace in
// the target.
const (
	// AccountPlanned: a grant waits for it, and the target was never called.
	AccountPlanned MadeAccountState = "planned"
	// AccountCreating: the target is about to be called, or was.
	AccountCreating MadeAccountState = "creating"
	// AccountMade: it was read back.
	AccountMade MadeAccountState = "made"
	// AccountRemoving: its last grant is over.
	AccountRemoving MadeAccountState = "removing"
	// AccountLocked: nobody can use it any more, and something that a person has to
	// decide about keeps it from being removed.
	AccountLocked MadeAccountState = "locked"
	// AccountRemoved: it was read, and is gone.
	AccountRemoved MadeAccountState = "removed"
	// AccountCancelled: no grant waits for it any more.
	AccountCancelled MadeAccountState = "cancelled"
	// AccountAbandoned: two people gave up on it.
	AccountAbandoned MadeAccountState = "abandoned"
)

// Standing reports whether the target may have the account.
func (s MadeAccountState) Standing() bool {
	switch s {
	case AccountCreating, AccountMade, AccountRemoving, AccountLocked, AccountAbandoned:
		return true
	}
	return false
}

// Current reports whether it bears the name of its account, or is to bear it.
func (s MadeAccountState) Current() bool { return s.Standing() || s == AccountPlanned }

// MadeAccount is an account that Stint makes for grants, and removes when the last
// of them is over.
type MadeAccount struct {
	ID          MadeAccountID `json:"id"`
	Application ApplicationID `json:"application"`
	Account     AccountID     `json:"account"`
	UID         string        `json:"uid,omitempty"`
	Identity    IdentityID    `json:"identity"`
	// Grant is the latest that rested on it.
	Grant GrantID          `json:"grant"`
	State MadeAccountState `json:"state"`
	// Kept says what keeps a locked account in the target.
	Kept      []string  `json:"kept,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// CalledAt is when the target was last called to make it.
	CalledAt   *time.Time `json:"called_at,omitempty"`
	MadeAt     *time.Time `json:"made_at,omitempty"`
	RemovingAt *time.Time `json:"removing_at,omitempty"`
	// RemovedAt is when it was seen gone, or locked.
	RemovedAt *time.Time `json:"removed_at,omitempty"`
}

func (a MadeAccount) refuse(verb string) error {
	return &TransitionError{Object: "account", ID: string(a.Account), State: string(a.State), Verb: verb}
}

// PlanAccount is an account that a grant waits for.
func PlanAccount(id MadeAccountID, g Grant, now time.Time) MadeAccount {
	return MadeAccount{ID: id, Application: g.Application, Account: g.Account, Identity: g.Identity, Grant: g.ID, State: AccountPlanned, CreatedAt: now}
}

// Create marks that the target is about to be called to make it, for the first time
// or once more: one that was removed or locked, or is on its way out, is made again
// for a grant that begins now.
func (a MadeAccount) Create(now time.Time) MadeAccount {
	a.State, a.CalledAt, a.Kept, a.RemovingAt, a.RemovedAt = AccountCreating, &now, nil, nil, nil
	return a
}

// Made marks that it was read back.
func (a MadeAccount) Made(uid string, now time.Time) (MadeAccount, error) {
	if a.State != AccountCreating {
		return a, a.refuse("finish making")
	}
	a.State, a.UID, a.MadeAt = AccountMade, uid, &now
	return a, nil
}

// Release marks that no grant needs it any more. One that the target was never
// called for is cancelled.
func (a MadeAccount) Release(now time.Time) MadeAccount {
	switch a.State {
	case AccountPlanned:
		a.State, a.RemovedAt = AccountCancelled, &now
	case AccountCreating, AccountMade, AccountAbandoned:
		a.State, a.RemovingAt, a.Kept = AccountRemoving, &now, nil
	case AccountRemoving, AccountLocked, AccountRemoved, AccountCancelled:
	}
	return a
}

// Resurface marks that one which was over is in the target after all: it is to be
// removed again.
func (a MadeAccount) Resurface(now time.Time) (MadeAccount, error) {
	if a.State != AccountRemoved && a.State != AccountCancelled {
		return a, a.refuse("remove once more")
	}
	a.State, a.RemovingAt, a.RemovedAt = AccountRemoving, &now, nil
	return a, nil
}

// Adopt marks that it stands although the state says that it was not made yet, or is
// over: the state comes from a backup. uid is what the target calls it.
func (a MadeAccount) Adopt(uid string, now time.Time) MadeAccount {
	if !a.State.Standing() {
		a.State, a.UID, a.CalledAt, a.MadeAt, a.RemovingAt, a.RemovedAt = AccountMade, uid, &now, &now, nil, nil
	}
	return a
}

// SafeToRemove is when it can be told from a read whether it is there: what was
// sent to the target to make it can be carried out until then.
func (a MadeAccount) SafeToRemove(bound time.Duration) time.Time {
	if a.CalledAt == nil || a.MadeAt != nil && !a.MadeAt.Before(*a.CalledAt) {
		return time.Time{}
	}
	return a.CalledAt.Add(bound)
}

// Gone marks what the target showed after it was to be removed: nothing any more,
// or what keeps it, locked.
func (a MadeAccount) Gone(kept []string, now time.Time) (MadeAccount, error) {
	switch a.State {
	case AccountRemoving, AccountLocked, AccountRemoved, AccountAbandoned:
	default:
		return a, a.refuse("remove")
	}
	a.State, a.Kept, a.RemovedAt = AccountRemoved, nil, &now
	if len(kept) > 0 {
		a.State, a.Kept = AccountLocked, slices.Clone(kept)
	}
	return a, nil
}

// Abandon gives up on its removal, by the word of two people.
func (a MadeAccount) Abandon() MadeAccount {
	if a.State.Standing() {
		a.State = AccountAbandoned
	}
	return a
}

// Overdue reports whether its removal takes too long.
func (a MadeAccount) Overdue(now time.Time) bool {
	return a.State == AccountRemoving && now.Sub(*a.RemovingAt) >= OverdueAfter
}

// NeedsAccount reports whether the grant needs an account to be there now: it is
// over when the account may go, and a time that is still to come does not keep it.
func (g Grant) NeedsAccount(now time.Time) bool {
	return g.State.Live() && (g.State != GrantScheduled || !g.NotBefore.After(now))
}

// madeAccounts speaks of accounts that Stint has made and that outlive what they
// were made for.
func (f *finder) madeAccounts() {
	known := map[MadeAccountID]bool{}
	for _, a := range f.o.Made {
		known[a.ID] = true
		finding := Finding{Kind: FindingAccountLeft, Account: a.Account, Identity: a.Identity, Severity: RiskMedium}
		switch {
		case a.State == AccountLocked:
			finding.Message = fmt.Sprintf("account %q was made by Stint, and the grants that it was made for are over; nobody can log in to it any more, but it cannot be removed: %s. Take these away from it, and it is removed with the next discovery", a.Account, strings.Join(a.Kept, ", "))
		case a.Overdue(f.now):
			finding.Severity = RiskHigh
			finding.Message = fmt.Sprintf("account %q was made by Stint and should have been gone at %s, when its last grant was over, and the target has not confirmed it yet", a.Account, inUTC(*a.RemovingAt))
		case a.State == AccountAbandoned:
			finding.Severity = RiskHigh
			finding.Message = fmt.Sprintf("account %q was made by Stint, and two people gave up removing it: it may still be there", a.Account)
		default:
			continue
		}
		f.add(finding)
	}
	for _, account := range f.o.Accounts {
		if account.Mark == "" || known[account.Mark] {
			continue
		}
		f.add(Finding{Kind: FindingAccountLeft, Severity: RiskHigh, Account: account.ID, Message: fmt.Sprintf("account %q bears the mark of an account that Stint has made, and this engine does not know it, for instance because it was made after the backup that was restored; remove it in the target, or take the comment with the mark away to keep it", account.ID)})
	}
}
