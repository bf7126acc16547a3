package grants

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// HoldAccount reads the account that Stint makes under a mark, and keeps it until
// the transaction ends.
func HoldAccount(ctx context.Context, tx *journal.Tx, id governance.MadeAccountID) (governance.MadeAccount, error) {
	if err := tx.HoldMadeAccount(ctx, string(id)); err != nil {
		return governance.MadeAccount{}, fmt.Errorf("hold made account %s: %w", id, err)
	}
	body, err := tx.GetMadeAccount(ctx, string(id))
	if err != nil {
		return governance.MadeAccount{}, fmt.Errorf("read made account %s: %w", id, err)
	}
	return decodeAccount(body)
}

// currentAccount is HoldAccount for what bears the name of an account, or is to;
// false when Stint has made nothing of the name.
func currentAccount(ctx context.Context, tx *journal.Tx, id governance.AccountID) (a governance.MadeAccount, found bool, err error) {
	// Most accounts are not made by Stint, and nothing is to be held then.
	body, err := tx.CurrentMadeAccount(ctx, string(id))
	if err == nil {
		if err = tx.HoldCurrentMadeAccount(ctx, string(id)); err == nil {
			body, err = tx.CurrentMadeAccount(ctx, string(id))
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("look for what Stint has made of %s: %w", id, err)
	}
	a, err = decodeAccount(body)
	return a, err == nil, err
}

func decodeAccount(body string) (a governance.MadeAccount, err error) {
	if err = json.Unmarshal([]byte(body), &a); err != nil {
		err = fmt.Errorf("stored made account: %w", err)
	}
	return a, err
}

// Accounts reads the made accounts that a query answered.
func Accounts(bodies []string, err error) ([]governance.MadeAccount, error) {
	if err != nil {
		return nil, fmt.Errorf("read made accounts: %w", err)
	}
	list := make([]governance.MadeAccount, len(bodies))
	for i, body := range bodies {
		if list[i], err = decodeAccount(body); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// UpdateAccount writes a made account that is held, with evidence of what became of
// it.
func UpdateAccount(ctx context.Context, tx *journal.Tx, a governance.MadeAccount, kind string, fields evidence.Fields) error {
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode made account %s: %w", a.ID, err)
	}
	n, err := tx.UpdateMadeAccount(ctx, sqlc.UpdateMadeAccountParams{
		ID: string(a.ID), AccountID: string(a.Account), State: string(a.State), Standing: a.State.Standing(), Current: a.State.Current(),
		RemovedAt: store.NullMicros(a.RemovedAt), Body: string(body),
	})
	if err == nil && n != 1 {
		err = errors.New("it is not there")
	}
	if err != nil {
		return fmt.Errorf("update made account %s: %w", a.ID, err)
	}
	if err := tx.MarkFindingsDue(ctx, string(a.Application)); err != nil {
		return err
	}
	return RecordAccount(tx, kind, a, fields)
}

// RecordAccount appends evidence about a made account.
func RecordAccount(tx *journal.Tx, kind string, a governance.MadeAccount, fields evidence.Fields) error {
	fields["identity"], fields["mark"], fields["grant"] = a.Identity, string(a.ID), a.Grant
	if a.UID != "" {
		fields["uid"] = a.UID
	}
	return tx.Record("account."+kind, "account", string(a.Account), fields)
}

func insertAccount(ctx context.Context, tx *journal.Tx, a governance.MadeAccount) error {
	body, err := json.Marshal(a)
	if err == nil {
		err = tx.InsertMadeAccount(ctx, sqlc.InsertMadeAccountParams{
			ID: string(a.ID), AccountID: string(a.Account), ApplicationID: string(a.Application),
			State: string(a.State), Standing: a.State.Standing(), Current: a.State.Current(), Body: string(body),
		})
	}
	if err != nil {
		return fmt.Errorf("add made account %s: %w", a.ID, err)
	}
	return nil
}

// restOn has a new grant rest on the account that Stint has made under its
// account's name, or makes for it where creates says so.
func restOn(ctx context.Context, tx *journal.Tx, g governance.Grant, creates bool) (governance.Grant, error) {
	a, found, err := currentAccount(ctx, tx, g.Account)
	switch {
	case err != nil:
		return g, err
	case found:
		g.MadeAccount = a.ID
		return g, nil
	case !creates:
		return g, nil
	}
	a = governance.PlanAccount(governance.MadeAccountID(tx.NewID()), g, tx.Now)
	if err := insertAccount(ctx, tx, a); err != nil {
		return g, err
	}
	g.MadeAccount = a.ID
	return g, RecordAccount(tx, "planned", a, evidence.Fields{})
}

// Rebase has a grant rest on what Stint makes under its account's name now: what it
// was to rest on may have been removed, and another made for another grant.
func Rebase(ctx context.Context, tx *journal.Tx, was Stored) (Stored, governance.MadeAccount, error) {
	a, found, err := currentAccount(ctx, tx, was.Account)
	if err != nil {
		return was, a, err
	}
	if !found {
		a, err = HoldAccount(ctx, tx, was.MadeAccount)
		return was, a, err
	}
	if a.ID == was.MadeAccount {
		return was, a, nil
	}
	g := was.Grant
	g.MadeAccount = a.ID
	after, err := Update(ctx, tx, was, g)
	return after, a, err
}

// release lets go of the account that a grant rested on which is over: when nothing
// else needs it, it is removed.
func release(ctx context.Context, tx *journal.Tx, g governance.Grant) error {
	a, err := HoldAccount(ctx, tx, g.MadeAccount)
	if err != nil {
		return err
	}
	needed, err := Needed(ctx, tx, a)
	if err != nil || needed {
		return err
	}
	return RemoveAccount(ctx, tx, a, g)
}

// Needed reports whether a grant needs a made account that is held. One that the
// target was never called for waits for every grant that is to come.
func Needed(ctx context.Context, tx *journal.Tx, a governance.MadeAccount) (bool, error) {
	live, err := List(tx.ListLiveGrantsOfAccount(ctx, string(a.Account)))
	if err != nil {
		return false, err
	}
	for _, g := range live {
		if g.NeedsAccount(tx.Now) || a.State == governance.AccountPlanned && g.MadeAccount == a.ID {
			return true, nil
		}
	}
	return false, nil
}

// RemoveAccount begins to remove a made account that is held and that nothing needs;
// g is the last grant that rested on it. One that is on its way out stays so.
func RemoveAccount(ctx context.Context, tx *journal.Tx, a governance.MadeAccount, g governance.Grant) error {
	going := a.Release(tx.Now)
	if going.State == a.State {
		return nil
	}
	going.Grant = g.ID
	kind := "removing"
	if going.State == governance.AccountCancelled {
		kind = "cancelled"
	} else if err := AddOperation(ctx, tx, g, OperationRemoveAccount, tx.Now); err != nil {
		return err
	}
	return UpdateAccount(ctx, tx, going, kind, evidence.Fields{})
}

// RemoveIdle has every account removed that Stint has made in an application and
// that no grant needs, whatever has kept that from being done before.
func RemoveIdle(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) error {
	standing, err := Accounts(tx.ListStandingMadeAccounts(ctx, string(id)))
	if err != nil {
		return err
	}
	for _, a := range standing {
		if a.State == governance.AccountAbandoned {
			continue
		}
		if a, err = HoldAccount(ctx, tx, a.ID); err != nil {
			return err
		}
		going, err := beingRemoved(ctx, tx, a.Account)
		if err != nil {
			return err
		}
		needed, err := Needed(ctx, tx, a)
		if err != nil {
			return err
		}
		if needed || going || !a.State.Standing() {
			continue
		}
		g, err := Get(ctx, tx, a.Grant)
		if err != nil {
			return err
		}
		if a.Release(tx.Now).State != a.State {
			err = RemoveAccount(ctx, tx, a, g.Grant)
		} else {
			err = AddOperation(ctx, tx, g.Grant, OperationRemoveAccount, tx.Now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// beingRemoved reports whether an account is still to be removed, or read again.
func beingRemoved(ctx context.Context, tx *journal.Tx, id governance.AccountID) (bool, error) {
	open, err := tx.CountOperations(ctx, sqlc.CountOperationsParams{AccountID: string(id), Kind: string(OperationRemoveAccount)})
	if err != nil {
		return false, fmt.Errorf("look for what removes %s: %w", id, err)
	}
	return open > 0, nil
}

// adoptAccount takes up the account of a grant that is adopted, so that it is
// removed with the grant.
func adoptAccount(ctx context.Context, tx *journal.Tx, g governance.Grant) error {
	if g.MadeAccount == "" {
		return nil
	}
	a, err := HoldAccount(ctx, tx, g.MadeAccount)
	unknown := errors.Is(err, sql.ErrNoRows)
	if err != nil && !unknown {
		return err
	}
	if unknown {
		a = governance.PlanAccount(g.MadeAccount, g, tx.Now)
	}
	adopted := a.Adopt(g.AccountUID, tx.Now)
	if adopted.State == a.State {
		return nil
	}
	if other, found, err := currentAccount(ctx, tx, g.Account); err != nil || found && other.ID != a.ID {
		return err // another has the name by now, and so this one is gone
	}
	adopted.Account, adopted.Identity, adopted.Grant = g.Account, g.Identity, g.ID
	if !unknown {
		return UpdateAccount(ctx, tx, adopted, "adopted", evidence.Fields{})
	}
	if err := insertAccount(ctx, tx, adopted); err != nil {
		return err
	}
	return RecordAccount(tx, "adopted", adopted, evidence.Fields{})
}

// abandonAccount gives up on removing the account that a grant rested on, with
// whatever else is given up for the grant.
func abandonAccount(ctx context.Context, tx *journal.Tx, g governance.Grant) error {
	if g.MadeAccount == "" {
		return nil
	}
	a, err := HoldAccount(ctx, tx, g.MadeAccount)
	if err != nil {
		return err
	}
	if a.State != governance.AccountRemoving && a.State != governance.AccountLocked {
		return nil
	}
	return UpdateAccount(ctx, tx, a.Abandon(), "abandoned", evidence.Fields{})
}

// AbandonRemoval gives up on removing an account, whose operation is finished, by the
// word of two people and without that anything of its grant is given up.
func AbandonRemoval(ctx context.Context, tx *journal.Tx, g governance.Grant, fields evidence.Fields) error {
	a, err := HoldAccount(ctx, tx, g.MadeAccount)
	if err != nil {
		return err
	}
	switch a.State {
	case governance.AccountRemoving, governance.AccountLocked:
		return UpdateAccount(ctx, tx, a.Abandon(), "abandoned", fields)
	}
	// It was seen gone, or a grant needs it again: only another read is given up.
	return RecordAccount(tx, "read_abandoned", a, fields)
}

// ResumeAccount has an account removed after all that two people had given up;
// resumed is false where there is none.
func ResumeAccount(ctx context.Context, tx *journal.Tx, id governance.MadeAccountID) (resumed bool, err error) {
	a, err := HoldAccount(ctx, tx, id)
	if err != nil || a.State != governance.AccountAbandoned {
		return false, err
	}
	g, err := Get(ctx, tx, a.Grant)
	if err != nil {
		return false, err
	}
	return true, RemoveAccount(ctx, tx, a, g.Grant)
}

// Resurfaced has an account removed again that is over and that the target was seen
// with since, unless it is about to be read again in any case.
func Resurfaced(ctx context.Context, tx *journal.Tx, a governance.MadeAccount) error {
	if _, other, err := currentAccount(ctx, tx, a.Account); err != nil || other {
		return err // which finds the name taken; a finding tells of this one
	}
	a, err := HoldAccount(ctx, tx, a.ID)
	if err != nil || a.State.Current() {
		return err
	}
	if read, err := beingRemoved(ctx, tx, a.Account); err != nil || read {
		return err
	}
	g, err := Get(ctx, tx, a.Grant)
	if err != nil {
		return err
	}
	if a, err = a.Resurface(tx.Now); err != nil {
		return err
	}
	if err := AddOperation(ctx, tx, g.Grant, OperationRemoveAccount, tx.Now); err != nil {
		return err
	}
	return UpdateAccount(ctx, tx, a, "resurfaced", evidence.Fields{})
}

// GiveAccount has a grant given in the account that it waited for, which is there.
func GiveAccount(ctx context.Context, tx *journal.Tx, was Stored, a governance.MadeAccount) error {
	g := was.Grant
	g.AccountUID = a.UID
	if g.AccountUID != was.AccountUID {
		if _, err := Update(ctx, tx, was, g); err != nil {
			return err
		}
	}
	return AddOperation(ctx, tx, g, OperationGrant, tx.Now)
}
