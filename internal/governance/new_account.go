package governance

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// DefaultAccountName is how an account that is made is called where its application
// does not say it.
const DefaultAccountName = "identity.name"

// NewAccount is the account that would be made for an identity in an application
// where it has none.
type NewAccount struct {
	Account AccountID
	// Problem says why it cannot be made; empty when it can.
	Problem ReasonCode
	Message string
}

// AccountSurroundings are what a new account has to fit in with.
type AccountSurroundings struct {
	// Owner is whose account there is under an id, empty for nobody's; taken is
	// false when there is none.
	Owner func(AccountID) (owner IdentityID, taken bool)
	// Check says what the target has against a name, or that it makes no accounts;
	// nil where that is not known.
	Check func(name string) error
	// Others are the identities that the account must not belong to as well, with
	// or without the one that it is for.
	Others []Person
}

// naming is what an application says of its accounts, compiled.
type naming struct {
	name        *policyenv.AccountName
	correlation *policyenv.Correlation
}

func namingOf(a Application, attributes policyenv.Attributes) func() (naming, error) {
	return sync.OnceValues(func() (n naming, err error) {
		name, diags := policyenv.CompileAccountName(a.accountName(), attributes)
		if err := diags.Err(); err != nil {
			return n, fmt.Errorf("account_name of %s: %w", a.ID(), err)
		}
		correlation, diags := policyenv.CompileCorrelation(a.Correlation, attributes)
		if err := diags.Err(); err != nil {
			return n, fmt.Errorf("correlation of %s: %w", a.ID(), err)
		}
		return naming{name, correlation}, nil
	})
}

func (a Application) accountName() string {
	if a.AccountName == "" {
		return DefaultAccountName
	}
	return a.AccountName
}

// Lacking lists the applications in which an account would be made for the identity
// of a question: it has none there, and a template that is asked about has one made.
func (s *PolicySet) Lacking(q Question) []ApplicationID {
	wanted := map[ApplicationID]bool{}
	for id, template := range s.Templates {
		if !template.CreateAccount || q.Template != "" && q.Template != id {
			continue
		}
		for _, entitlement := range template.Entitlements {
			if application, _, _, err := entitlement.Split(); err == nil && s.Applications[application] != nil {
				wanted[application] = true
			}
		}
	}
	for _, account := range q.Accounts {
		if application, _, err := account.Split(); err == nil {
			delete(wanted, application)
		}
	}
	return slices.Sorted(maps.Keys(wanted))
}

// NewAccount works out the account that would be made for somebody in a declared
// application, and whether it can be: the target takes the name, nobody has it, and
// the application's correlation gives the account to that identity and to no other.
// Of what a made account is like only its name is known beforehand.
func (s *PolicySet) NewAccount(id ApplicationID, person Person, around AccountSurroundings) NewAccount {
	refused := func(code ReasonCode, format string, args ...any) NewAccount {
		return NewAccount{Problem: code, Message: fmt.Sprintf(format, args...)}
	}
	application, compiled := s.Applications[id], s.namings[id]
	if application == nil || compiled == nil {
		return refused(ReasonAccountMissing, "application %q is not declared", id)
	}
	n, err := compiled()
	if err != nil {
		return refused(ReasonAccountUncorrelated, "no account can be named in application %q: %s", id, err)
	}
	seen := s.Attributes.Identity(person)
	name, err := n.name.Of(seen)
	if err != nil {
		return refused(ReasonAccountNameInvalid, "identity %q has no account in application %q, and account_name gives none for it: %s", person.ID(), id, err)
	}
	account := NewAccountID(id, name)
	if name == "" {
		return refused(ReasonAccountNameInvalid, "identity %q has no account in application %q, and account_name (%s) gives an empty name for it", person.ID(), id, application.accountName())
	}
	if around.Check != nil {
		if err := around.Check(name); err != nil {
			return refused(ReasonAccountNameInvalid, "identity %q has no account in application %q, and none can be made: %s; give account_name of the application an expression that makes a name of it", person.ID(), id, err)
		}
	}
	if owner, taken := around.Owner(account); taken && owner != person.ID() {
		belongs := "belongs to no identity"
		if owner != "" {
			belongs = fmt.Sprintf("belongs to %q", owner)
		}
		return refused(ReasonAccountTaken, "identity %q has no account in application %q, and none can be made, because there is an account %q already, which %s; Stint takes over no account: give the identity that account by the correlation, or another name by account_name", person.ID(), id, account, belongs)
	}
	would := policyenv.Account{Name: name}
	if mine, err := n.correlation.Match(would, seen); err != nil || !mine {
		return refused(ReasonAccountUncorrelated, "identity %q has no account in application %q, and the account %q that would be made for it would not be its own by the correlation (%s); have account_name and correlation go together", person.ID(), id, account, application.Correlation)
	}
	for _, other := range around.Others {
		if other.ID() == person.ID() {
			continue
		}
		if theirs, err := n.correlation.Match(would, s.Attributes.Identity(other)); err == nil && theirs {
			return refused(ReasonAccountUncorrelated, "identity %q has no account in application %q, and the account %q that would be made for it would belong to %q as well by the correlation (%s); the correlation must pick one", person.ID(), id, account, other.ID(), application.Correlation)
		}
	}
	return NewAccount{Account: account}
}

// newAccount has the account made that an entitlement is to be given to, or denies.
func (d *decider) newAccount(t *GrantTemplate, application ApplicationID, id EntitlementID) {
	made, known := d.q.NewAccounts[application]
	switch {
	case !t.CreateAccount || !known || d.q.Extends != nil || d.q.Account != "" && d.q.Account != made.Account && made.Problem == "":
		d.deny(Reason{Code: ReasonAccountMissing, Entitlement: id, Message: d.missing(t, application)})
	case made.Problem != "":
		d.deny(Reason{Code: made.Problem, Entitlement: id, Message: made.Message})
	default:
		if !slices.Contains(d.decision.Creates, made.Account) {
			d.decision.Creates = append(d.decision.Creates, made.Account)
			d.say(Notes, Reason{Code: ReasonAccountCreated, Entitlement: id, Message: fmt.Sprintf("identity %q has no account in application %q; the account %q is made for it first, and removed after its last grant", d.q.Identity.ID(), application, made.Account)})
		}
		d.hold(made.Account, id)
	}
}

// missing says that there is no account, and what helps.
func (d *decider) missing(t *GrantTemplate, application ApplicationID) string {
	if d.q.Account != "" {
		return fmt.Sprintf("identity %q has no account %q in application %q", d.q.Identity.ID(), d.q.Account, application)
	}
	mend := fmt.Sprintf("; create one there that the correlation of %[1]q matches, and run: stint sync %[1]s", application)
	if !t.CreateAccount {
		mend += "; or let Stint make it: create_account = true in the template"
	}
	return fmt.Sprintf("identity %q has no account in application %q%s", d.q.Identity.ID(), application, mend)
}
