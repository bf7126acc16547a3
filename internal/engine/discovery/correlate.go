package discovery

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// correlator decides which identity an account of one application belongs to.
type correlator struct {
	condition *policyenv.Correlation
	// everyone reads all identities, once.
	everyone func() ([]candidate, error)
}

// candidate is an identity as correlation conditions see it.
type candidate struct {
	id  governance.IdentityID
	env policyenv.Identity
}

func newCandidate(set *governance.PolicySet, person governance.Person) candidate {
	return candidate{person.ID(), set.Attributes.Identity(person)}
}

func newCorrelator(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, a governance.Application) (*correlator, error) {
	return newCorrelatorOver(set, a, onceEveryone(ctx, tx, set))
}

func newCorrelatorOver(set *governance.PolicySet, a governance.Application, everyone func() ([]candidate, error)) (*correlator, error) {
	compiled, diags := policyenv.CompileCorrelation(a.Correlation, set.Attributes.ForConditions())
	if len(diags) > 0 {
		return nil, fmt.Errorf("correlation of %s: %w", a.ID(), diags)
	}
	return &correlator{condition: compiled, everyone: everyone}, nil
}

func onceEveryone(ctx context.Context, tx *journal.Tx, set *governance.PolicySet) func() ([]candidate, error) {
	var people []candidate
	read := false
	return func() ([]candidate, error) {
		if read {
			return people, nil
		}
		rows, err := tx.ListIdentities(ctx)
		if err != nil {
			return nil, fmt.Errorf("read identities: %w", err)
		}
		for _, row := range rows {
			person, err := declared.PersonFrom(row)
			if err != nil {
				return nil, err
			}
			people = append(people, newCandidate(set, *person))
		}
		read = true
		return people, nil
	}
}

// match is the one identity that the account belongs to, and how many matched.
// A condition that errs does not match: an orphan is seen, a wrong owner is not.
func (c *correlator) match(account connector.Account) (governance.IdentityID, int, error) {
	people, err := c.everyone()
	if err != nil {
		return "", 0, err
	}
	var owner governance.IdentityID
	matches := 0
	for _, person := range people {
		if c.one(account, person) {
			owner = person.id
			matches++
		}
	}
	if matches != 1 {
		owner = ""
	}
	return owner, matches, nil
}

func (c *correlator) one(account connector.Account, person candidate) bool {
	matched, err := c.condition.Match(policyenv.Account{Name: account.Name, UID: account.UID, Attributes: account.Attributes}, person.env)
	return matched && err == nil
}

// Recorrelate follows a change of one identity, or its removal, in every
// application's accounts.
func (d *Discovery) Recorrelate(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, id governance.IdentityID) error {
	person, err := declared.Person(ctx, tx, id)
	if err != nil {
		return err
	}
	var changed *candidate
	if person != nil {
		one := newCandidate(set, *person)
		changed = &one
	}
	everyone := onceEveryone(ctx, tx, set)
	for _, a := range set.Applications {
		c, err := newCorrelatorOver(set, *a, everyone)
		if err != nil {
			return err
		}
		if err := d.recorrelate(ctx, tx, a.ID(), c, func(row sqlc.Account, account connector.Account) bool {
			matches := changed != nil && c.one(account, *changed)
			mine := row.IdentityID == string(id)
			return matches != mine || row.Matches > 1
		}); err != nil {
			return err
		}
	}
	return nil
}

// RecorrelateAll follows a change of an application's correlation.
func (d *Discovery) RecorrelateAll(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, a governance.Application) error {
	c, err := newCorrelator(ctx, tx, set, a)
	if err != nil {
		return err
	}
	return d.recorrelate(ctx, tx, a.ID(), c, func(sqlc.Account, connector.Account) bool { return true })
}

func (d *Discovery) recorrelate(ctx context.Context, tx *journal.Tx, id governance.ApplicationID, c *correlator, affected func(sqlc.Account, connector.Account) bool) error {
	rows, err := tx.ListAccounts(ctx, string(id))
	if err != nil {
		return fmt.Errorf("read accounts of %s: %w", id, err)
	}
	changed := newMoved()
	for _, row := range rows {
		account := connector.Account{Name: row.Name, UID: row.Uid}
		if err := json.Unmarshal([]byte(row.Attributes), &account.Attributes); err != nil {
			return fmt.Errorf("stored account %s: %w", row.ID, err)
		}
		if !affected(row, account) {
			continue
		}
		identity, matches, err := c.match(account)
		if err != nil {
			return err
		}
		if row.IdentityID == string(identity) && row.Matches == int64(matches) {
			continue
		}
		if err := tx.CorrelateAccount(ctx, sqlc.CorrelateAccountParams{ID: row.ID, IdentityID: string(identity), Matches: int64(matches)}); err != nil {
			return fmt.Errorf("correlate %s: %w", row.ID, err)
		}
		if row.IdentityID == string(identity) {
			continue
		}
		changed.account(row.ID, row.IdentityID, string(identity))
		if err := tx.Record("account.correlated", "account", row.ID, evidence.Fields{"identity": identity, "was": row.IdentityID, "matches": matches}); err != nil {
			return err
		}
	}
	if err := changed.mark(ctx, tx, &governance.PolicySet{}, nil); err != nil {
		return err
	}
	return tx.MarkFindingsDue(ctx, string(id))
}
