package property_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/crash"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// plant is a bug that is put between an engine and its database or its targets;
// the zero one is none.
type plant struct {
	around store.Around
	wrap   func(connector.Factory) connector.Factory
}

func (p plant) transactions() store.Around { return p.around }

func (p plant) factory(inner connector.Factory) connector.Factory {
	if p.wrap == nil {
		return inner
	}
	return p.wrap(inner)
}

// planted are the bugs, by the invariant that each breaks and a name.
var planted = map[string]plant{
	"1 no intent":               fromCrash(crash.PlantNoIntent),
	"2 no due time":             {around: altered(forgetWhenDue)},
	"3 blind revoke":            fromCrash(crash.PlantBlindRevoke),
	"4 uncovered":               {around: altered(uncovered)},
	"5 laundered":               fromCrash(crash.PlantLaundered),
	"6 not decided again":       {around: altered(markNothing)},
	"7 one person is two":       {around: altered(replaced("InsertRequest", `"distinct_from":["manager"],`, ""))},
	"8 no evidence":             fromCrash(crash.PlantNoEvidence),
	"9 stranded":                {around: altered(nothingIn("ListLiveGrantsOfTemplate"))},
	"10 a part is all":          {wrap: func(f connector.Factory) connector.Factory { return credulousFactory{f} }},
	"11 everything is believed": {around: altered(replaced("Declared", `"max_gone_percent":50`, `"max_gone_percent":100`))},
	"12 an error is no":         {around: altered(replaced("Declared", `cidrcontains(\"10.0.0.0/8\", identity.name)`, `identity.name == \"nobody\"`))},
	"13 the list is cut":        {around: altered(appended("ListGrants", " LIMIT 1"))},
	"13 a list forgets":         {around: altered(nothingIn("ListRequests"))},
	"9 an operation is lost":    fromCrash(crash.PlantNoEnd),

	"1 an account without intent":   fromCrash(crash.PlantAccountNoIntent),
	"4 an account under a grant":    fromCrash(crash.PlantAccountUncovered),
	"8 an account without evidence": fromCrash(crash.PlantAccountNoEvidence),
	"9 an account is left":          fromCrash(crash.PlantAccountLeft),
	"4 somebody else's account":     {wrap: func(f connector.Factory) connector.Factory { return greedyFactory{f} }},
}

func fromCrash(p crash.Plant) plant { return plant{around: p.Transactions(), wrap: p.Factory} }

// alteration changes a query on its way to the database; false keeps it from
// getting there.
type alteration func(name, query string, arguments []any) (string, []any, bool)

// altered puts an alteration into every transaction.
func altered(by alteration) store.Around {
	return func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		return &alteredTx{DBTX: tx, by: by}, commit
	}
}

type alteredTx struct {
	sqlc.DBTX
	by alteration
}

func nameOf(query string) string {
	if words := strings.Fields(query); len(words) > 2 && words[1] == "name:" {
		return words[2]
	}
	return ""
}

// ExecContext implements sqlc.DBTX.
func (a *alteredTx) ExecContext(ctx context.Context, query string, arguments ...any) (sql.Result, error) {
	query, arguments, goes := a.by(nameOf(query), query, slices.Clone(arguments))
	if !goes {
		return driver.RowsAffected(0), nil
	}
	return a.DBTX.ExecContext(ctx, query, arguments...)
}

// QueryContext implements sqlc.DBTX.
func (a *alteredTx) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	query, arguments, _ = a.by(nameOf(query), query, slices.Clone(arguments))
	return a.DBTX.QueryContext(ctx, query, arguments...)
}

// replaced changes a text among the arguments of a query.
func replaced(query, from, to string) alteration {
	return func(name, text string, arguments []any) (string, []any, bool) {
		for i, argument := range arguments {
			if body, ok := argument.(string); ok && strings.Contains(name, query) {
				arguments[i] = strings.ReplaceAll(body, from, to)
			}
		}
		return text, arguments, true
	}
}

// nothingIn lets a query find nothing.
func nothingIn(query string) alteration {
	return func(name, text string, arguments []any) (string, []any, bool) {
		if name == query {
			at := strings.Index(text, "FROM")
			table := strings.Fields(text[at:])[1]
			text = strings.Replace(text, "FROM "+table, "FROM (SELECT * FROM "+table+" WHERE 1 = 0) AS hidden", 1)
		}
		return text, arguments, true
	}
}

func appended(query, end string) alteration {
	return func(name, text string, arguments []any) (string, []any, bool) {
		if name == query {
			text = strings.TrimRight(text, "; \n") + end
		}
		return text, arguments, true
	}
}

// forgetWhenDue leaves out when an active grant is due.
func forgetWhenDue(name, text string, arguments []any) (string, []any, bool) {
	if name == "UpdateGrant" && slices.Contains(arguments, any("active")) {
		for i, argument := range arguments {
			if _, ok := argument.(sql.NullInt64); ok {
				arguments[i] = sql.NullInt64{}
			}
		}
	}
	return text, arguments, true
}

// uncovered hides an account's active grants while one of them is taken back.
func uncovered(name, text string, arguments []any) (string, []any, bool) {
	if strings.HasPrefix(name, "ListLiveGrantsOfAccount") {
		text = strings.Replace(text, "FROM grants", `FROM (SELECT * FROM grants o WHERE o.state <> 'active'
			OR NOT EXISTS (SELECT 1 FROM grants r WHERE r.account_id = o.account_id AND r.state = 'revoking')) AS seen`, 1)
	}
	return text, arguments, true
}

// markNothing has no grant decided again.
func markNothing(name, text string, arguments []any) (string, []any, bool) {
	return text, arguments, !strings.HasPrefix(name, "MarkGrants")
}

// credulousFactory takes what comes before an error for everything.
type credulousFactory struct{ connector.Factory }

// Open implements connector.Factory.
func (f credulousFactory) Open(config json.RawMessage, secrets connector.Secrets) (connector.Connector, error) {
	target, err := f.Factory.Open(config, secrets)
	maker, _ := connector.Maker(target)
	return credulous{maker}, err
}

type credulous struct{ connector.AccountMaker }

// Discover implements connector.Connector.
func (c credulous) Discover(ctx context.Context) (*connector.Inventory, error) {
	inventory, err := c.AccountMaker.Discover(ctx)
	if inventory != nil {
		return inventory, nil
	}
	return nil, err
}

// greedyFactory removes whatever has the name of an account that was made.
type greedyFactory struct{ connector.Factory }

// Open implements connector.Factory.
func (f greedyFactory) Open(config json.RawMessage, secrets connector.Secrets) (connector.Connector, error) {
	target, err := f.Factory.Open(config, secrets)
	maker, _ := connector.Maker(target)
	return greedy{maker}, err
}

type greedy struct{ connector.AccountMaker }

// RemoveAccount implements connector.AccountMaker.
func (g greedy) RemoveAccount(ctx context.Context, account connector.MadeAccount) (connector.RemovedResult, error) {
	inventory, err := g.Discover(ctx)
	if err != nil {
		return connector.RemovedResult{}, err
	}
	for _, a := range inventory.Accounts {
		if a.Name == account.Name {
			account.UID = a.UID
		}
	}
	return g.AccountMaker.RemoveAccount(ctx, account)
}

// tour is one story in which each invariant is at stake.
func (w *world) tour() {
	w.returns("bob", w.gets("bob", "auto", alphaRead))
	first := w.gets("alice", "auto", alphaWrite)
	w.gets("alice", "lenient", alphaWrite)
	w.returns("alice", first)
	w.does("a read of what is held", w.reads(alpha))

	staged := w.asks("dave", "staged", betaPay)
	for _, who := range []governance.IdentityID{"carol", "carol", "bob"} {
		w.tell("%s approves", who)
		_, err := w.engine(0).Access.Approve(ctx, actor(who), staged, "")
		w.tell("  %v", err)
		w.check()
	}
	w.arrives()
	w.does("a deny policy that errs", func(*process) error {
		return w.put(governance.EligibilityPolicy{Name: "freeze", Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{alphaAdmin}, Condition: conditionErrs})
	})
	w.gets("dave", "auto", alphaAdmin)
	w.gets("dave", "auto", alphaRead)
	w.does("dave is on call no more", func(*process) error {
		return w.put(governance.Identity{Name: "dave", Type: governance.Human, Manager: "carol", Groups: []string{}})
	})
	w.gets("bob", "incident", betaApprove)
	w.gets("bob", "auto", betaApprove)
	w.tell("the template goes under its grant")
	stored, err := w.engine(0).Catalog.Get(ctx, governance.KindTemplate, "auto")
	w.must(err)
	if err := w.engine(0).Catalog.Delete(ctx, by, governance.KindTemplate, "auto", stored.Version, false); !fault.Is(err, fault.InUse) {
		w.tell("  %v", err)
	}
	w.check()
	w.targets[alpha].Set(modeltarget.Partial)
	w.tell("a read that fails half way")
	before := w.judge.last
	w.judge.synced(alpha, before, w.reads(alpha)(w.engine(0)))
	w.check()
	w.behaves(alpha, modeltarget.Up)
	w.tell("most of the target goes")
	for _, name := range crowd {
		w.targets[alpha].DropAccount(name)
	}
	w.tell("  %v", w.reads(alpha)(w.engine(0)))
	w.check()
	w.does("time passes", func(*process) error {
		w.pass(90 * time.Minute)
		return nil
	})
}

// arrives is the part of the tour in which an account comes and goes.
func (w *world) arrives() {
	made := w.gets("erin", "newcomer", alphaRead)
	rests := w.gets("erin", "auto", alphaAdmin)
	w.returns("erin", made)
	w.returns("erin", rests)
	made = w.gets("finn", "newcomer", betaApprove)
	w.targets[beta].DropAccount("finn")
	w.targets[beta].AddAccount("finn")
	w.judge.disturbed[made] = true
	w.returns("finn", made)
}

// TestTheJudgeSeesPlantedBugs: without a bug the tour ends well, and with each of
// them the judge says which invariant is broken.
func TestTheJudgeSeesPlantedBugs(t *testing.T) {
	if heard, err := live(t, plant{}, (*world).tour); err != nil {
		t.Fatalf("without a bug: %v\n%s", err, strings.Join(heard, "\n"))
	}
	for _, name := range slices.Sorted(maps.Keys(planted)) {
		t.Run(name, func(t *testing.T) {
			heard, err := live(t, planted[name], (*world).tour)
			number, _, _ := strings.Cut(name, " ")
			if !slices.ContainsFunc(heard, func(problem string) bool { return strings.HasPrefix(problem, number+" ") }) {
				t.Errorf("the judge does not see that invariant %s is broken: %v\n%s", number, err, strings.Join(heard, "\n"))
			}
		})
	}
}
