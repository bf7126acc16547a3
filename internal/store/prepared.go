package store

import (
	"context"
	"database/sql"
	"sync"
)

// statements are those of a SQLite database that were met before, prepared once for
// each connection. To SQLite a statement is a program that it compiles, which takes
// longer than most of them run.
type statements struct {
	db     *sql.DB
	mu     sync.Mutex
	known  map[string]*sql.Stmt
	wanted map[string]bool
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, known: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// prepare prepares what was asked for lately. It is called outside of a transaction,
// which may hold the only connection. What cannot be prepared is told when it runs.
func (s *statements) prepare(ctx context.Context) {
	for query := range s.take() {
		if statement, err := s.db.PrepareContext(ctx, query); err == nil {
			s.keep(query, statement)
		}
	}
}

// take is what is wanted, which is then somebody's to prepare.
func (s *statements) take() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wanted) == 0 {
		return nil
	}
	wanted := s.wanted
	s.wanted = map[string]bool{}
	return wanted
}

func (s *statements) keep(query string, statement *sql.Stmt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[query] == nil {
		s.known[query] = statement
		return
	}
	_ = statement.Close() //nolint:sqlclosecheck // another transaction was faster
}

// of is a prepared statement; nil where there is none yet.
func (s *statements) of(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	statement := s.known[query]
	if statement == nil {
		s.wanted[query] = true
	}
	return statement
}

// prepared is a transaction whose statements are compiled once. Its end closes what
// they are in it.
type prepared struct {
	*sql.Tx
	statements *statements
}

// ExecContext implements sqlc.DBTX.
func (p prepared) ExecContext(ctx context.Context, query string, arguments ...any) (sql.Result, error) {
	if statement := p.statements.of(query); statement != nil {
		return p.StmtContext(ctx, statement).ExecContext(ctx, arguments...) //nolint:sqlclosecheck // the transaction does
	}
	return p.Tx.ExecContext(ctx, query, arguments...)
}

// QueryContext implements sqlc.DBTX.
func (p prepared) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	query = withoutSkipping(query)
	if statement := p.statements.of(query); statement != nil {
		return p.StmtContext(ctx, statement).QueryContext(ctx, arguments...) //nolint:sqlclosecheck // the transaction does
	}
	return p.Tx.QueryContext(ctx, query, arguments...)
}

// QueryRowContext implements sqlc.DBTX.
func (p prepared) QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row {
	if statement := p.statements.of(query); statement != nil {
		return p.StmtContext(ctx, statement).QueryRowContext(ctx, arguments...) //nolint:sqlclosecheck // the transaction does
	}
	return p.Tx.QueryRowContext(ctx, query, arguments...)
}
