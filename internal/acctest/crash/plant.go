package crash

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Plant is a bug that is put into a server.
type Plant string

// The planted bugs, each against one invariant.
const (
	// PlantNoIntent loses the commit that says the target is about to be called.
	PlantNoIntent Plant = "no_intent"
	// PlantNoEnd loses the operation that takes a right back.
	PlantNoEnd Plant = "no_end"
	// PlantBlindRevoke answers a revocation that was not done, and does not read.
	PlantBlindRevoke Plant = "blind_revoke"
	// PlantUncovered does not see an account's other grants.
	PlantUncovered Plant = "uncovered"
	// PlantLaundered takes what Stint grants for what stood before.
	PlantLaundered Plant = "laundered"
	// PlantNoEvidence leaves out the record of a grant's end.
	PlantNoEvidence Plant = "no_evidence"
	// PlantAccountNoIntent loses the commit that says the target is about to be called
	// for an account.
	PlantAccountNoIntent Plant = "account_no_intent"
	// PlantAccountLeft loses the operation that removes an account which Stint made.
	PlantAccountLeft Plant = "account_left"
	// PlantAccountUncovered does not see the grants that need such an account.
	PlantAccountUncovered Plant = "account_uncovered"
	// PlantAccountNoEvidence leaves out the record that one was removed.
	PlantAccountNoEvidence Plant = "account_no_evidence"
)

// Transactions puts the bug into the database's side.
func (p Plant) Transactions() store.Around {
	return func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		bugged := &buggedTx{DBTX: tx, plant: p}
		return bugged, func() error {
			if bugged.lost {
				_, err := tx.ExecContext(context.Background(), "ROLLBACK")
				return err
			}
			return commit()
		}
	}
}

type buggedTx struct {
	sqlc.DBTX
	plant Plant
	lost  bool
	// account: the transaction holds an account that Stint made.
	account bool
}

// ExecContext implements sqlc.DBTX.
func (b *buggedTx) ExecContext(ctx context.Context, query string, arguments ...any) (sql.Result, error) {
	kind, name := evidenceKind(arguments), queryName(query)
	b.account = b.account || name == "HoldMadeAccount"
	switch {
	case b.plant == PlantNoIntent && kind == "grant.provisioning", b.plant == PlantAccountNoIntent && kind == "account.creating":
		b.lost = true
	case b.plant == PlantNoEvidence && kind == "grant.ended", b.plant == PlantAccountNoEvidence && kind == "account.removed":
		return driver.RowsAffected(1), nil
	case b.plant == PlantNoEnd && strings.HasPrefix(name, "InsertOperation") && has(arguments, "revoke"),
		b.plant == PlantAccountLeft && strings.HasPrefix(name, "InsertOperation") && has(arguments, "remove_account"):
		return driver.RowsAffected(1), nil
	case b.plant == PlantLaundered && strings.HasPrefix(name, "UpdateGrant"):
		arguments = replace(arguments, `"preexisting":false`, `"preexisting":true`)
	}
	return b.DBTX.ExecContext(ctx, query, arguments...)
}

// QueryContext implements sqlc.DBTX.
func (b *buggedTx) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	if (b.plant == PlantUncovered || b.plant == PlantAccountUncovered && b.account) && strings.HasPrefix(queryName(query), "ListLiveGrantsOfAccount") {
		query = strings.Replace(query, "WHERE", "WHERE 1 = 0 AND", 1)
	}
	return b.DBTX.QueryContext(ctx, query, arguments...)
}

func has(arguments []any, text string) bool {
	for _, argument := range arguments {
		if argument == text {
			return true
		}
	}
	return false
}

// replace changes the new text of a grant; the old one, which the row must still
// hold, comes last and stays.
func replace(arguments []any, from, to string) []any {
	changed := append([]any(nil), arguments...)
	for i, argument := range changed[:len(changed)-1] {
		if text, ok := argument.(string); ok {
			changed[i] = strings.ReplaceAll(text, from, to)
		}
	}
	return changed
}

// Factory puts the bug into the target's side.
func (p Plant) Factory(inner connector.Factory) connector.Factory {
	if p != PlantBlindRevoke {
		return inner
	}
	return blindFactory{inner}
}

type blindFactory struct{ connector.Factory }

func (f blindFactory) Open(config json.RawMessage, secrets connector.Secrets) (connector.Connector, error) {
	target, err := f.Factory.Open(config, secrets)
	maker, _ := connector.Maker(target)
	return &blindTarget{AccountMaker: maker}, err
}

// blindTarget revokes nothing, and says that it is gone.
type blindTarget struct {
	connector.AccountMaker
	revoked bool
}

// Revoke implements connector.Connector.
func (t *blindTarget) Revoke(context.Context, connector.Change) (connector.Result, error) {
	t.revoked = true
	return connector.Result{Changed: true}, nil
}

// Read implements connector.Connector.
func (t *blindTarget) Read(ctx context.Context, account string, entitlement connector.Entitlement) (connector.Reading, error) {
	if t.revoked {
		return connector.Reading{}, nil
	}
	return t.AccountMaker.Read(ctx, account, entitlement)
}
