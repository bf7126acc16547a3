package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// awaitAccounts waits until the accounts that Stint has made in an application are
// removed, once no grant rests on them any more.
func (c *Catalog) awaitAccounts(ctx context.Context, id governance.ApplicationID) error {
	ctx, cancel := context.WithTimeout(ctx, AwaitGone)
	defer cancel()
	var going []governance.MadeAccount
	err := c.Journal.Await(ctx, 250*time.Millisecond, func(ctx context.Context) (bool, error) {
		done := false
		err := c.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
			if going, err = usable(ctx, tx, id); err != nil || len(going) == 0 {
				done = true
				return err
			}
			live, err := tx.ListLiveGrantsOfApplication(ctx, string(id))
			done = len(live) > 0 // which refuse the deletion in any case
			return err
		})
		return done, err
	})
	if errors.Is(err, context.DeadlineExceeded) && len(going) > 0 {
		return accountsStand(fmt.Sprintf("application %q", id), going)
	}
	return err
}

// usable are the accounts that Stint has made in an application and that can still
// be logged in to, as far as is known. Those that two people gave up on do not hold
// anything up.
func usable(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) ([]governance.MadeAccount, error) {
	standing, err := grants.Accounts(tx.ListStandingMadeAccounts(ctx, string(id)))
	return slices.DeleteFunc(standing, func(a governance.MadeAccount) bool {
		return a.State == governance.AccountLocked || a.State == governance.AccountAbandoned
	}), err
}

func accountsStand(what string, standing []governance.MadeAccount) error {
	e := fault.New(fault.InUse, "%s has %d account(s) that Stint has made and that the target has not confirmed as removed (stint operations list tells what keeps them), so try again then", what, len(standing))
	lines := make([]string, len(standing))
	for i, a := range standing {
		lines[i] = fmt.Sprintf("%s (%s)", a.Account, a.State)
		e.Problems = append(e.Problems, governance.Problem{Field: "accounts", Code: string(fault.InUse), Message: lines[i]})
	}
	slices.Sort(lines)
	e.Message += ": " + strings.Join(lines, "; ")
	return e
}

// accountsLeft refuses to remove an application while an account that was made in it
// can be used, and lists those that stay behind locked or given up.
func (w *writer) accountsLeft(id governance.ApplicationID) (left []string, err error) {
	stand, err := usable(w.ctx, w.tx, id)
	if err != nil {
		return nil, err
	}
	if len(stand) > 0 {
		return nil, accountsStand(w.what, stand)
	}
	standing, err := grants.Accounts(w.tx.ListStandingMadeAccounts(w.ctx, string(id)))
	for _, a := range standing {
		left = append(left, fmt.Sprintf("%s is %s", a.Account, a.State))
	}
	slices.Sort(left)
	return left, err
}

// checkMaking demands that accounts can be made where a template says that they are.
func (w *writer) checkMaking(set *governance.PolicySet, t governance.GrantTemplate) (problems governance.Problems) {
	if !t.CreateAccount {
		return nil
	}
	seen := map[governance.ApplicationID]bool{}
	for _, id := range t.Entitlements {
		application, _, _, err := id.Split()
		if err != nil || seen[application] || set.Applications[application] == nil {
			continue
		}
		seen[application] = true
		target, err := w.catalog.Targets.Of(*set.Applications[application])
		if err != nil {
			continue // it cannot be reached at all, which is said elsewhere
		}
		if _, ok := connector.Maker(target); !ok {
			problems = append(problems, governance.Problem{
				Field: "create_account", Code: governance.CodeInvalid,
				Message: fmt.Sprintf("the connector of application %q makes no accounts; take create_account out, or take the application's entitlements out of the template", application),
			})
		}
	}
	return problems
}
