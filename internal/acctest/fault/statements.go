package fault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Fate is what becomes of a statement.
type Fate int

const (
	// Pass hands it on.
	Pass Fate = iota
	// Ignore answers it as if it had been done. The target never hears of it.
	Ignore
	// Drop resets the connection before the target hears of it.
	Drop
	// Lose hands it on, and resets the connection when the target has done it,
	// before the answer arrives.
	Lose
	// Orphan hands it on together with the commit of its transaction, as if both
	// had been on their way, and resets the connection at once. A request to cancel
	// it does not arrive.
	Orphan
)

// Statements is a proxy before a PostgreSQL that decides about each statement.
type Statements struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	fateOf  func(statement string) Fate
	orphans bool
	closed  bool
	conns   map[net.Conn]bool
	wait    sync.WaitGroup
}

// NewStatements leads to an address until the test ends.
func NewStatements(t testing.TB, target string) *Statements {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it lasts as long as the test
	if err != nil {
		t.Fatal(err)
	}
	s := &Statements{listener: listener, target: target, conns: map[net.Conn]bool{}}
	s.Decide(nil)
	s.wait.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

// Port is where the proxy listens, on loopback.
func (s *Statements) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Decide asks fateOf about each statement from now on; nil passes all. A statement
// that was prepared before is named "execute". fateOf is called by one connection at
// a time.
func (s *Statements) Decide(fateOf func(statement string) Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fateOf == nil {
		fateOf = func(string) Fate { return Pass }
	}
	s.fateOf = fateOf
}

func (s *Statements) fate(statement string) Fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	fate := s.fateOf(statement)
	s.orphans = s.orphans || fate == Orphan
	return fate
}

// orphaned reports whether a statement was orphaned ever.
func (s *Statements) orphaned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orphans
}

func (s *Statements) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return // it was closed
		}
		if s.keep(client) {
			s.wait.Go(func() { s.serve(client) })
		}
	}
}

// keep remembers a connection, to close it with the proxy.
func (s *Statements) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close() // nobody waits for it
		return false
	}
	s.conns[conn] = true
	return true
}

func (s *Statements) drop(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	_ = conn.Close() // it may be closed already
}

func (s *Statements) close() {
	s.mu.Lock()
	s.closed = true
	_ = s.listener.Close() // it ends with the test
	for conn := range s.conns {
		_ = conn.Close() // as well
	}
	s.mu.Unlock()
	s.wait.Wait()
}

func (s *Statements) serve(client net.Conn) {
	defer s.drop(client)
	server, err := net.Dial("tcp", s.target) //nolint:noctx // it lasts as long as the client's
	if err != nil {
		return // the client sees that its connection ends
	}
	if !s.keep(server) {
		return
	}
	defer s.drop(server)
	hello, err := readHello(client)
	if err != nil {
		return // as well
	}
	if isCancel(hello) && s.orphaned() {
		return
	}
	if _, err := server.Write(hello); err != nil {
		return // as well
	}
	l := &link{client: client, server: server, over: make(chan struct{})}
	s.wait.Go(func() {
		defer s.drop(client)
		l.answers()
	})
	l.statements(s.fate)
}

// readHello reads the first message, which has no type.
func readHello(from io.Reader) ([]byte, error) {
	const most = 1 << 16
	size := make([]byte, 4)
	if _, err := io.ReadFull(from, size); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size)
	if n < 4 || n > most {
		return nil, fmt.Errorf("a first message of %d bytes", n)
	}
	hello := make([]byte, n)
	copy(hello, size)
	_, err := io.ReadFull(from, hello[4:])
	return hello, err
}

// isCancel reports whether a first message asks to cancel what another connection does.
func isCancel(hello []byte) bool {
	const code = 80877102
	return len(hello) >= 8 && binary.BigEndian.Uint32(hello[4:]) == code
}

// link is one connection on both sides of the proxy.
type link struct {
	client, server net.Conn
	// over is closed when the target says no more.
	over chan struct{}

	mu sync.Mutex
	// status is that of the transaction, as the target last told it.
	status byte
	// lost: answers go nowhere, and the next end of one ends the connection.
	lost bool
	// orphaned counts the answers that are still to come to nobody.
	orphaned int
}

// message is a message with its type and its length.
type message []byte

func readMessage(from io.Reader) (message, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n < 4 {
		return nil, errors.New("a message shorter than its length")
	}
	m := make(message, 1+n)
	copy(m, head)
	_, err := io.ReadFull(from, m[5:])
	return m, err
}

// statement is the SQL that a client's message begins, if it begins any.
func (m message) statement() (sql string, ok bool) {
	body := m[5:]
	switch m[0] {
	case 'Q':
		var query pgproto3.Query
		return query.String, query.Decode(body) == nil
	case 'P':
		var parse pgproto3.Parse
		return parse.Query, parse.Decode(body) == nil
	case 'B':
		return "execute", true
	}
	return "", false
}

// statements hands on what the client says.
func (l *link) statements(fateOf func(string) Fate) {
	for {
		m, err := readMessage(l.client)
		if err != nil {
			return // the client is gone
		}
		fate := Pass
		if sql, ok := m.statement(); ok {
			fate = fateOf(sql)
		}
		switch fate {
		case Ignore:
			if err := l.pretend(m); err != nil {
				return // the client is gone
			}
			continue
		case Drop:
			reset(l.client)
			return
		case Lose:
			l.mu.Lock()
			l.lost = true
			l.mu.Unlock()
		case Orphan:
			l.orphan(m)
			return
		}
		if _, err := l.server.Write(m); err != nil {
			return // the target is gone
		}
	}
}

// pretend answers a statement that nobody carries out.
func (l *link) pretend(m message) error {
	sql, _ := m.statement()
	words := strings.Fields(strings.ToUpper(sql))
	l.mu.Lock()
	status := l.status
	l.mu.Unlock()
	answer, err := (&pgproto3.CommandComplete{CommandTag: []byte(words[0] + " ROLE")}).Encode(nil)
	if err != nil {
		return err
	}
	if answer, err = (&pgproto3.ReadyForQuery{TxStatus: status}).Encode(answer); err != nil {
		return err
	}
	_, err = l.client.Write(answer)
	return err
}

// orphan has the target do a statement, and commit it, for a client that is gone.
func (l *link) orphan(m message) {
	l.mu.Lock()
	l.orphaned = 2
	l.mu.Unlock()
	reset(l.client)
	commit, err := (&pgproto3.Query{String: "commit"}).Encode(nil)
	if err != nil {
		return // it has no text that could be too long
	}
	if _, err := l.server.Write(append(m, commit...)); err != nil {
		return // the target is gone
	}
	<-l.over
}

// answers hands on what the target says.
func (l *link) answers() {
	defer close(l.over)
	for {
		m, err := readMessage(l.server)
		if err != nil {
			return // the target is gone
		}
		if done := l.answer(m); done {
			return
		}
	}
}

func (l *link) answer(m message) (done bool) {
	const readyForQuery = 'Z'
	l.mu.Lock()
	defer l.mu.Unlock()
	if m[0] == readyForQuery {
		l.status = m[5]
	}
	switch {
	case l.orphaned > 0:
		if m[0] == readyForQuery {
			l.orphaned--
		}
		return l.orphaned == 0
	case l.lost:
		if m[0] == readyForQuery {
			reset(l.client)
			return true
		}
		return false
	}
	_, err := l.client.Write(m)
	return err != nil
}

// reset ends a connection so that its peer sees it reset.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then it ends in the ordinary way
	}
	_ = conn.Close() // it may be closed already
}
