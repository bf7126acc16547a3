package postgresql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// brief is how long many that are revoked together wait for a lock: whoever holds
// it is to hold up the one whose lock it is, and none of the others.
const brief = "250ms"

// RevokeTogether revokes from many accounts in one transaction and then reads them,
// in three round trips whatever their number. It leaves to Revoke what needs a look
// at sessions, and every change of a transaction that the target refused.
func (c *postgres) RevokeTogether(ctx context.Context, changes []connector.Change) ([]connector.Revocation, error) {
	done := make([]connector.Revocation, len(changes))
	for i := range done {
		done[i].Alone = true
	}
	// places are those in changes of what is revoked together, in the order in which
	// rows are locked everywhere.
	var places []int
	accounts := map[string]bool{}
	for i, change := range changes {
		_, _, malformed := oids(change)
		if readable(change) && malformed == nil && !accounts[change.Account] {
			accounts[change.Account] = true
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return done, nil
	}
	slices.SortFunc(places, func(a, b int) int {
		return lockKey{changes[a].Account, changes[a].Entitlement}.compare(lockKey{changes[b].Account, changes[b].Entitlement})
	})
	some := make([]connector.Change, len(places))
	for k, place := range places {
		some[k] = changes[place]
	}
	revoked, err := c.revokeTogether(ctx, some)
	if err != nil {
		return nil, fmt.Errorf("revoke from %d accounts together: %w", len(some), err)
	}
	for k, place := range places {
		done[place] = revoked[k]
	}
	return done, nil
}

func (c *postgres) revokeTogether(ctx context.Context, changes []connector.Change) ([]connector.Revocation, error) {
	alone := make([]connector.Revocation, len(changes))
	for i := range alone {
		alone[i].Alone = true
	}
	t, err := c.begin(ctx, brief, changes...)
	if refused(err) {
		return alone, nil
	}
	if err != nil {
		return nil, err
	}
	defer t.end()
	ctx, cancel := c.limited(ctx)
	defer cancel()

	done := slices.Clone(alone)
	statements, looked := c.revocations(t, done)
	if len(statements) > 0 {
		if _, err := t.conn.Exec(ctx, strings.Join(statements, "; ")); err != nil {
			t.rollback(ctx)
			err = uncommitted(err)
			if refused(err) {
				return alone, nil
			}
			return nil, err
		}
	}
	committed, atWork, rows, err := t.commitAndRead(ctx, looked)
	if !committed && refused(err) {
		return alone, nil
	}
	if err != nil {
		return nil, err
	}
	of := make([][]reached, len(changes))
	for _, row := range rows {
		of[row.Place] = append(of[row.Place], row)
	}
	for i := range done {
		if done[i].Alone {
			continue
		}
		done[i].Reading = reading(of[i], changes[i])
		// Revoke finds out whose sessions run on the right, and ends them.
		done[i].Alone = slices.Contains(atWork, t.stood[i].Account)
	}
	return done, nil
}

// refused tells, of an error before a transaction is committed, that the target
// answered and has done nothing.
func refused(err error) bool {
	pgErr, answered := errors.AsType[*pgconn.PgError](err)
	return answered && pgErr.SeverityUnlocalized == "ERROR"
}

// revocations are the statements of what can be revoked together, which it marks in
// done, and the accounts whose sessions are to be looked for afterwards.
func (c *postgres) revocations(t *turn, done []connector.Revocation) (statements []string, looked []uint32) {
	from := map[statement][]string{}
	accounts := map[uint32]bool{}
	for i, before := range t.stood {
		change := t.changes[i]
		knows := before.knows(change.Entitlement)
		switch {
		case accounts[before.Account] && before.Account != 0:
			continue // under two names
		case !knows:
			// There is nothing to revoke, and nothing runs on it.
		case c.config.TerminateSessions && (before.Account == 0 || before.HasMembers):
			continue // others than the account may run something
		case before.Version >= grantorsMatter && before.admin():
			continue // it takes along what the account granted to others
		}
		accounts[before.Account] = true
		done[i].Alone = false
		done[i].Changed = before.holds(change.Entitlement) && !pinned(change, before)
		if knows && c.config.TerminateSessions {
			looked = append(looked, before.Account)
		}
		if !done[i].Changed {
			continue
		}
		named := before.named(change)
		taking, foreign := revokeStatements(named, before)
		if len(foreign) > 0 {
			done[i] = connector.Revocation{Alone: true} // which names them
			continue
		}
		for _, s := range taking {
			if change.Entitlement.Kind == kindAttribute {
				statements = append(statements, s.from(named.Account))
				continue
			}
			from[s] = append(from[s], named.Account)
		}
	}
	several := make([]statement, 0, len(from))
	for s := range from {
		several = append(several, s)
	}
	slices.SortFunc(several, func(a, b statement) int {
		return cmp.Or(cmp.Compare(a.before, b.before), cmp.Compare(a.after, b.after))
	})
	for _, s := range several {
		statements = append(statements, s.from(from[s]...))
	}
	return statements, looked
}

// commitAndRead commits and, after that, reads which of the accounts are at work and
// what those of the changes reach, all in one round trip.
func (t *turn) commitAndRead(ctx context.Context, accounts []uint32) (committed bool, atWork []uint32, rows []reached, err error) {
	arguments, err := reachArguments(t.changes)
	if err != nil {
		return false, nil, nil, err
	}
	batch := &pgx.Batch{}
	batch.Queue("COMMIT")
	batch.Queue(atWorkSQL, accounts)
	batch.Queue(reachSQL, arguments...)
	answers := t.conn.SendBatch(ctx, batch)
	defer func() { _ = answers.Close() }() // after an error it would only say the same
	if _, err := answers.Exec(); err != nil {
		return false, nil, nil, atCommit(err)
	}
	answer, err := answers.Query()
	if err == nil {
		atWork, err = pgx.CollectRows(answer, pgx.RowTo[uint32])
	}
	if err != nil {
		return true, nil, nil, sessionError(err)
	}
	if answer, err = answers.Query(); err == nil {
		rows, err = pgx.CollectRows(answer, pgx.RowToStructByPos[reached])
	}
	if err == nil {
		err = answers.Close()
	}
	if err != nil {
		return true, nil, nil, fmt.Errorf("%w: read what was revoked: %w", connector.ErrIndeterminate, err)
	}
	return true, atWork, rows, nil
}
