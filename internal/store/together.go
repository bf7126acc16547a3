package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrMoved ends a transaction of [Store.WriteTogether] in which a statement did
// not change the one row that it was to change.
var ErrMoved = errors.New("a row is not as it was read")

// WriteTogether is Write for many rows at once. On PostgreSQL, statements that
// only change rows are not waited for: they are sent together, before the next
// one that reads and before the commit. Whoever asks how many rows such a
// statement changed is told one, and where that turns out wrong the transaction
// ends with [ErrMoved], and nothing is written.
func (s *Store) WriteTogether(ctx context.Context, f func(q *Queries) error) error {
	return again(ctx, func() error { return s.transact(ctx, s.writer, nil, manyAtOnce, f) })
}

// sending is how a transaction sends its statements to a PostgreSQL.
type sending int

const (
	// oneByOne is for what only reads.
	oneByOne sending = iota
	// whenAsked sends what changes rows before anything that depends on it.
	whenAsked
	// manyAtOnce also takes it that each of those changes one row.
	manyAtOnce
)

// Writers is how many transactions can write at once.
func (s *Store) Writers() int {
	if s.reader != s.writer {
		return 1
	}
	return 4
}

// sendAfter bounds how many statements wait to be sent.
const sendAfter = 500

// connection is that of a transaction which sends statements together.
type connection struct {
	*sql.Conn
	ctx context.Context
	end context.CancelFunc
}

// heed lets the end of the context end the transaction from here on.
func (c *connection) heed() {
	if c != nil {
		context.AfterFunc(c.ctx, c.end)
	}
}

// beginOn begins a transaction, on a connection that is told where statements are
// sent together. There, the end of the context ends only the statement that is
// running, until the connection heeds it: database/sql would close the connection
// beside what is being sent on it, and panics in Conn.Raw where that is at the same
// moment.
func beginOn(ctx context.Context, db *sql.DB, options *sql.TxOptions, send sending) (*sql.Tx, *connection, error) {
	if send == oneByOne {
		tx, err := db.BeginTx(ctx, options)
		return tx, nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	apart, end := context.WithCancel(context.WithoutCancel(ctx))
	heeding := context.AfterFunc(ctx, end)
	tx, err := conn.BeginTx(apart, options)
	if !heeding() && err == nil {
		_ = tx.Rollback() // it is cancelled already
		err = ctx.Err()
	}
	if err != nil {
		end()
		_ = conn.Close() // the error is why
		return nil, nil, err
	}
	return tx, &connection{Conn: conn, ctx: ctx, end: end}, nil
}

// together is a transaction of a PostgreSQL that sends statements together.
type together struct {
	*sql.Tx
	ctx  context.Context
	conn *connection
	// assumes: who asks how many rows a statement changed is told one.
	assumes bool
	waiting pgx.Batch
	counts  []*counted
	err     error
}

// counted is the result of a statement that may not have been sent yet.
type counted struct {
	of *together
	// asked: somebody was told that it changes one row.
	asked, sent bool
	n           int64
}

// RowsAffected implements sql.Result.
func (c *counted) RowsAffected() (int64, error) {
	if c.of.assumes {
		c.asked = true
		return 1, nil
	}
	if !c.sent {
		c.of.send()
	}
	return c.n, c.of.err
}

// LastInsertId implements sql.Result.
func (c *counted) LastInsertId() (int64, error) {
	return 0, errors.New("PostgreSQL counts no inserted ids")
}

// ExecContext implements sqlc.DBTX. It never sends its own statement: nobody has
// asked yet how many rows that changes. Where the statement fails, what comes next
// says so.
func (t *together) ExecContext(_ context.Context, query string, arguments ...any) (sql.Result, error) {
	if len(t.counts) >= sendAfter {
		t.send()
	}
	t.waiting.Queue(query, arguments...)
	count := &counted{of: t}
	t.counts = append(t.counts, count)
	return count, t.err
}

// QueryContext implements sqlc.DBTX.
func (t *together) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	if t.send(); t.err != nil {
		return nil, t.err
	}
	return t.Tx.QueryContext(ctx, query, arguments...)
}

// QueryRowContext implements sqlc.DBTX. What could not be sent ends the
// transaction at its commit.
func (t *together) QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row {
	t.send()
	return t.Tx.QueryRowContext(ctx, query, arguments...)
}

// Commit sends what waits and commits.
func (t *together) Commit() error {
	if t.send(); t.err != nil {
		return t.err
	}
	t.conn.heed()
	return t.Tx.Commit()
}

func (t *together) send() {
	if len(t.counts) == 0 || t.err != nil {
		return
	}
	batch, counts := t.waiting, t.counts
	t.waiting, t.counts = pgx.Batch{}, nil
	t.err = t.conn.Raw(func(driver any) error {
		answers := driver.(*stdlib.Conn).Conn().SendBatch(t.ctx, &batch)
		for _, count := range counts {
			tag, err := answers.Exec()
			count.sent, count.n = true, tag.RowsAffected()
			if err == nil && count.asked && count.n != 1 {
				err = ErrMoved
			}
			if err != nil {
				_ = answers.Close() // it would only say the same
				return err
			}
		}
		return answers.Close()
	})
}
