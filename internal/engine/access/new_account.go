package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// newAccounts works out which accounts would be made for whoever asks, in the
// applications where there is none and a template that is asked about has one made.
// Whether one would be somebody else's as well takes to look at everybody, which is
// left out where many templates or people are asked about.
func (a *Access) newAccounts(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, q *governance.Question, thorough bool) error {
	wanted := set.Lacking(*q)
	if len(wanted) == 0 {
		return nil
	}
	var others []governance.Person
	if thorough {
		rows, err := tx.ListIdentities(ctx)
		if err != nil {
			return fmt.Errorf("read identities: %w", err)
		}
		for _, row := range rows {
			person, err := declared.PersonFrom(row)
			if err != nil {
				return err
			}
			others = append(others, *person)
		}
	}
	q.NewAccounts = map[governance.ApplicationID]governance.NewAccount{}
	for _, id := range wanted {
		var failed error
		q.NewAccounts[id] = set.NewAccount(id, q.Identity, governance.AccountSurroundings{
			Owner: func(account governance.AccountID) (governance.IdentityID, bool) {
				owner, err := tx.GetAccountOwner(ctx, string(account))
				if err != nil && !errors.Is(err, sql.ErrNoRows) {
					failed = fmt.Errorf("read account %s: %w", account, err)
				}
				return governance.IdentityID(owner), err == nil
			},
			Check:  func(name string) error { return a.checkAccountName(*set.Applications[id], name) },
			Others: others,
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// checkAccountName says why an application's target could have no account of a name.
func (a *Access) checkAccountName(application governance.Application, name string) error {
	target, err := a.Targets.Of(application)
	if err != nil {
		return fmt.Errorf("its connector cannot be asked: %w", err)
	}
	maker, ok := connector.Maker(target)
	if !ok {
		return errors.New("its connector makes no accounts")
	}
	return maker.CheckAccountName(name)
}
