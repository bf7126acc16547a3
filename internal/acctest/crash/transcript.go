package crash

import (
	"context"
	"database/sql"
)

// ExecContext implements sqlc.DBTX.
func (t *transcript) ExecContext(ctx context.Context, query string, arguments ...any) (sql.Result, error) {
	t.note(query, arguments)
	return t.DBTX.ExecContext(ctx, query, arguments...)
}

// QueryContext implements sqlc.DBTX.
func (t *transcript) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	t.note(query, arguments)
	return t.DBTX.QueryContext(ctx, query, arguments...)
}

// QueryRowContext implements sqlc.DBTX.
func (t *transcript) QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row {
	t.note(query, arguments)
	return t.DBTX.QueryRowContext(ctx, query, arguments...)
}
