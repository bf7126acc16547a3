package discovery

import (
	"context"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// NoteMade takes notice of an account that was just made and read, as the next
// discovery would, and says whose it is.
func (d *Discovery) NoteMade(ctx context.Context, tx *journal.Tx, a governance.MadeAccount) (governance.IdentityID, error) {
	set, err := d.Declared.Set(ctx, tx)
	if err != nil {
		return "", err
	}
	application := set.Applications[a.Application]
	if application == nil {
		return "", unknownApplication(a.Application)
	}
	correlator, err := newCorrelator(ctx, tx, set, *application)
	if err != nil {
		return "", err
	}
	_, name, err := a.Account.Split()
	if err != nil {
		return "", err
	}
	account := connector.Account{Name: name, UID: a.UID, Attributes: map[string]string{connector.MarkAttribute: string(a.ID)}}
	owner, matches, err := correlator.match(account)
	if err != nil {
		return "", err
	}
	if err := tx.PutAccount(ctx, sqlc.PutAccountParams{
		ID: string(a.Account), ApplicationID: string(a.Application), Name: name, Uid: a.UID,
		Attributes: text(account.Attributes), IdentityID: string(owner), Matches: int64(matches), FirstSeen: store.Micros(tx.Now),
	}); err != nil {
		return "", fmt.Errorf("note account %s: %w", a.Account, err)
	}
	return owner, nil
}

// madeSince are the accounts that were made, and those that were removed, after the
// read began: it is not asked about them.
func (w *applier) madeSince(startedAt time.Time) (made, removed map[string]bool, err error) {
	standing, err := grants.Accounts(w.tx.ListStandingMadeAccounts(w.ctx, string(w.id)))
	if err != nil {
		return nil, nil, err
	}
	gone, err := grants.Accounts(w.tx.ListMadeAccountsRemovedSince(w.ctx, sqlc.ListMadeAccountsRemovedSinceParams{ApplicationID: string(w.id), Since: store.NullMicros(&startedAt)}))
	if err != nil {
		return nil, nil, err
	}
	made, removed = map[string]bool{}, map[string]bool{}
	for _, a := range gone {
		removed[string(a.Account)] = true
	}
	for _, a := range standing {
		if a.MadeAt != nil && !a.MadeAt.Before(startedAt) && a.State != governance.AccountLocked {
			made[string(a.Account)] = true
			delete(removed, string(a.Account))
		}
	}
	return made, removed, nil
}

// followMade follows made accounts to what the target calls them now. One that was
// given up and is listed no more is looked at again, since it may only be locked; one
// that was over when the read began, and is there, is removed again.
func (w *applier) followMade(inv *connector.Inventory, startedAt time.Time) error {
	standing, err := grants.Accounts(w.tx.ListStandingMadeAccounts(w.ctx, string(w.id)))
	if err != nil {
		return err
	}
	seen := map[governance.MadeAccountID]governance.AccountID{}
	for _, a := range inv.Accounts {
		if mark := a.Attributes[connector.MarkAttribute]; mark != "" {
			seen[governance.MadeAccountID(mark)] = governance.NewAccountID(w.id, a.Name)
		}
	}
	for _, a := range standing {
		name, there := seen[a.ID]
		delete(seen, a.ID)
		switch {
		case there && name != a.Account:
			held, err := grants.HoldAccount(w.ctx, w.tx, a.ID)
			if err != nil {
				return err
			}
			was := held.Account
			held.Account = name
			if err := grants.UpdateAccount(w.ctx, w.tx, held, "renamed", evidence.Fields{"was": was}); err != nil {
				return err
			}
		case !there && a.State == governance.AccountAbandoned:
			if _, err := grants.ResumeAccount(w.ctx, w.tx, a.ID); err != nil {
				return err
			}
		}
	}
	for mark, name := range seen {
		if err := w.resurfaced(mark, name, startedAt); err != nil {
			return err
		}
	}
	return nil
}

// resurfaced deals with an account whose mark is not that of one that stands. A mark
// that nobody knows here may be another engine's: a finding tells of it.
func (w *applier) resurfaced(mark governance.MadeAccountID, name governance.AccountID, startedAt time.Time) error {
	list, err := grants.Accounts(w.tx.ListMadeAccountsOfMark(w.ctx, string(mark)))
	if err != nil || len(list) == 0 {
		return err
	}
	if a := list[0]; a.RemovedAt != nil && a.RemovedAt.Before(startedAt) && a.Account == name {
		return grants.Resurfaced(w.ctx, w.tx, a)
	}
	return nil
}
