// Package ledger keeps, outside of the database, which grants a target may have
// been called for and is not known to be free of again. A database that is
// restored from a backup does not know what was granted after it; the ledger does.
//
// A grant stands in it on disk before its target is called. That it is over may be
// lost in a crash: then a database that knows the grant says so, and for one that
// does not, looking at the target once more does no harm. Several processes may
// share a ledger: each writes a file of its own, so that none ever waits for another,
// which may be frozen.
package ledger

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// compactFrom is the size in bytes that is never too large.
const compactFrom = 1 << 20

// apart is by how much an end must be later than what stands for both to be believed,
// where two processes wrote them: it is more than their clocks may differ. Within it
// the grant stands, and is looked at once more.
const apart = time.Minute

// Ledger is a folder beside the evidence's key. It is safe for concurrent use.
type Ledger struct {
	dir string

	mu       sync.Mutex
	waiting  []byte // lines that are not on disk yet
	needSync bool   // one of them stands
	writing  sync.Mutex
	own      *file
	fsync    func(*os.File) error
	size     atomic.Int64
	compact  atomic.Int64 // the size after the last compaction
	trouble  atomic.Pointer[error]
}

// file is one process's part of a ledger. Whoever holds its lock writes it; the
// system gives the lock of a dead one back.
type file struct {
	path string
	lock *flock.Flock
}

func (l *Ledger) file(n int) *file {
	name := "grants.jsonl"
	if n > 0 {
		name = fmt.Sprintf("grants-%d.jsonl", n)
	}
	path := filepath.Join(l.dir, name)
	return &file{path: path, lock: flock.New(path+".lock", flock.SetPermissions(0o600))}
}

// line is a grant that stands, or the id of one that is over, and since when.
type line struct {
	Grant *governance.Grant  `json:"grant,omitempty"`
	Over  governance.GrantID `json:"over,omitempty"`
	At    time.Time          `json:"at,omitzero"`
}

func (l line) id() governance.GrantID {
	if l.Grant != nil {
		return l.Grant.ID
	}
	return l.Over
}

// Open opens the ledger in a directory, which is made when it is absent.
func Open(dir string) (*Ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the ledger of grants: %w", err)
	}
	return &Ledger{dir: dir, fsync: (*os.File).Sync}, nil
}

// Close leaves the file to whoever comes next.
func (l *Ledger) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.own == nil {
		return nil
	}
	own := l.own
	l.own = nil
	return own.lock.Unlock()
}

// mine is the first file that nobody writes, with whatever a dead one has left in it.
func (l *Ledger) mine() (*file, error) {
	for n := 0; l.own == nil; n++ {
		f := l.file(n)
		free, err := f.lock.TryLock()
		if err != nil {
			return nil, err
		}
		if free {
			l.own = f
		}
	}
	return l.own, nil
}

// Entries are what a transaction says about grants, at its time.
type Entries struct {
	At    time.Time
	lines []line
}

// Stands says that a target is about to be called for a grant.
func (e *Entries) Stands(g governance.Grant) { e.lines = append(e.lines, line{Grant: &g, At: e.At}) }

// Over says that a grant is over.
func (e *Entries) Over(id governance.GrantID) { e.lines = append(e.lines, line{Over: id, At: e.At}) }

// DropOver leaves out what is over: it may still stand.
func (e *Entries) DropOver() {
	e.lines = slices.DeleteFunc(e.lines, func(entry line) bool { return entry.Grant == nil })
}

// Keep writes entries down, on disk when one of them stands. What could not be
// written stays in mind and is tried again with the next, and by [Ledger.Retry].
func (l *Ledger) Keep(e Entries) error {
	if len(e.lines) == 0 {
		return nil
	}
	if err := l.queue(e); err != nil {
		return err
	}
	return l.flush()
}

func (l *Ledger) queue(e Entries) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, entry := range e.lines {
		if err := encoder.Encode(entry); err != nil {
			return fmt.Errorf("keep a grant in the ledger: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, text.Bytes()...)
	l.needSync = l.needSync || slices.ContainsFunc(e.lines, func(entry line) bool { return entry.Grant != nil })
	return nil
}

// Trouble is why entries are not on disk; nil when all are.
func (l *Ledger) Trouble() error {
	if trouble := l.trouble.Load(); trouble != nil {
		return *trouble
	}
	return nil
}

// Retry writes what could not be written before.
func (l *Ledger) Retry() error {
	if l.Trouble() == nil {
		return nil
	}
	return l.flush()
}

// flush writes what waits. Whoever waits for their turn here finds that another
// has written for them, on disk where they need it.
func (l *Ledger) flush() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	text, sync := l.waiting, l.needSync
	l.waiting, l.needSync = nil, false
	l.mu.Unlock()
	if len(text) == 0 {
		return l.Trouble()
	}
	err := l.append(text, sync)
	if err != nil {
		err = fmt.Errorf("write the ledger of grants: %w", err)
		l.mu.Lock()
		l.waiting, l.needSync = append(text, l.waiting...), l.needSync || sync
		l.mu.Unlock()
		l.trouble.Store(&err)
		return err
	}
	l.trouble.Store(nil)
	return nil
}

func (l *Ledger) append(text []byte, sync bool) (err error) {
	own, err := l.mine()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(own.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	end, err := wholeLines(file)
	if err != nil {
		return err
	}
	if _, err := file.WriteAt(text, end); err != nil {
		return errors.Join(err, file.Truncate(end))
	}
	l.size.Store(end + int64(len(text)))
	if !sync {
		return nil
	}
	if err := l.fsync(file); err != nil || end > 0 {
		return err
	}
	return evidence.SyncFolder(l.dir) // the file is new
}

// wholeLines cuts off what a crash has left of a line, and is where the next one
// begins.
func wholeLines(file *os.File) (end int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	const step = 4096
	buffer := make([]byte, step)
	for end = info.Size(); end > 0; {
		from := max(0, end-step)
		n, err := file.ReadAt(buffer[:end-from], from)
		if err != nil {
			return 0, err
		}
		if at := bytes.LastIndexByte(buffer[:n], '\n'); at >= 0 {
			end = from + int64(at) + 1
			break
		}
		end = from
	}
	if end < info.Size() {
		err = file.Truncate(end)
	}
	return end, err
}

// Grown reports whether much has been written since the last [Ledger.Settle].
func (l *Ledger) Grown() bool { return l.size.Load() > max(compactFrom, 2*l.compact.Load()) }

// Settle leaves in the ledger what stands by both the ledger and the database, and
// what the database does not know, which it also gives to adopt. known is asked,
// while this process writes nothing, for the grants that stand by the database and
// for those among ids that it knows.
func (l *Ledger) Settle(known func(ids []governance.GrantID) (standing []governance.Grant, all map[governance.GrantID]bool, err error)) (unknown []governance.Grant, err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	own, err := l.mine()
	if err != nil {
		return nil, fmt.Errorf("lock the ledger of grants: %w", err)
	}
	others, err := l.others()
	if err != nil {
		return nil, fmt.Errorf("read the ledger of grants: %w", err)
	}
	defer func() {
		for _, other := range others {
			err = errors.Join(err, other.free())
		}
	}()
	mine, err := own.read()
	if err != nil {
		return nil, err
	}
	all := newSum(mine)
	for _, other := range others {
		all.add(other.lines)
	}
	ids := all.standing()
	live, knows, err := known(ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !knows[id] {
			unknown = append(unknown, *all[id].stands.Grant)
		}
	}
	var lines []line
	elsewhere := map[governance.GrantID]bool{}
	for _, other := range others {
		if other.dead {
			continue
		}
		lines = append(lines, all.overIn(other.lines)...)
		for id, last := range other.lines {
			elsewhere[id] = elsewhere[id] || last.Grant != nil
		}
	}
	for _, g := range slices.Concat(live, unknown) {
		// Two who settle at once must not leave a grant to each other.
		if elsewhere[g.ID] && mine[g.ID].Grant == nil {
			continue
		}
		lines = append(lines, line{Grant: &g, At: all[g.ID].latest()})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, entry := range lines {
		if err := encoder.Encode(entry); err != nil {
			return nil, fmt.Errorf("write the ledger of grants: %w", err)
		}
	}
	if err := evidence.ReplaceFile(own.path, text.Bytes()); err != nil {
		return nil, fmt.Errorf("write the ledger of grants: %w", err)
	}
	l.size.Store(int64(text.Len()))
	l.compact.Store(int64(text.Len()))
	for _, other := range others {
		if other.dead {
			// What it held is in our file now; two copies of it do no harm.
			_ = os.Remove(other.path)
		}
	}
	return unknown, nil
}

// other is a file of another process. Of a dead one the lock is held.
type other struct {
	*file
	dead  bool
	lines map[governance.GrantID]line
}

func (o other) free() error {
	if o.dead {
		return o.lock.Unlock()
	}
	return nil
}

// others reads the files of the others. One that is gone while they are read is in
// another's by now, so they are read anew.
func (l *Ledger) others() (all []other, err error) {
	for {
		all, err = l.lookAtOthers()
		if err == nil {
			return all, nil
		}
		for _, o := range all {
			err = errors.Join(err, o.free())
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

func (l *Ledger) lookAtOthers() (all []other, err error) {
	paths, err := filepath.Glob(filepath.Join(l.dir, "grants*.jsonl"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if path == l.own.path {
			continue
		}
		o := other{file: &file{path: path, lock: flock.New(path+".lock", flock.SetPermissions(0o600))}}
		if o.dead, err = o.lock.TryLock(); err != nil {
			return all, err
		}
		all = append(all, o)
		if _, err := os.Lstat(path); err != nil {
			return all, err
		}
		if all[len(all)-1].lines, err = o.read(); err != nil {
			return all, err
		}
	}
	return all, nil
}

// sum is what all files say of each grant.
type sum map[governance.GrantID]said

// said is the latest that stands and the latest that is over, each as the last line
// of its file about the grant.
type said struct{ stands, over line }

func (s said) latest() time.Time {
	if s.over.At.After(s.stands.At) {
		return s.over.At
	}
	return s.stands.At
}

func (s said) isOver() bool {
	return s.stands.Grant == nil || s.over.Over != "" && s.over.At.Sub(s.stands.At) > apart
}

func newSum(lines map[governance.GrantID]line) sum {
	s := sum{}
	s.add(lines)
	return s
}

func (s sum) add(lines map[governance.GrantID]line) {
	for id, l := range lines {
		known := s[id]
		switch {
		case l.Grant == nil && (known.over.Over == "" || l.At.After(known.over.At)):
			known.over = l
		case l.Grant != nil && (known.stands.Grant == nil || l.At.After(known.stands.At)):
			known.stands = l
		}
		s[id] = known
	}
}

// standing lists the grants that are not over by what all files say.
func (s sum) standing() (ids []governance.GrantID) {
	for id, all := range s {
		if !all.isOver() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// overIn lists what is over and still stands in a file that is another's: that one
// goes on saying so.
func (s sum) overIn(lines map[governance.GrantID]line) (over []line) {
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		if lines[id].Grant != nil && s[id].isOver() {
			over = append(over, s[id].over)
		}
	}
	return over
}

// read reads the last line about each grant. A last line that a crash has cut off was
// never answered for: its target was not called.
func (f *file) read() (map[governance.GrantID]line, error) {
	last := map[governance.GrantID]line{}
	content, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger of grants: %w", err)
	}
	reader := bufio.NewReader(bytes.NewReader(content))
	for number := 1; ; number++ {
		text, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the ledger of grants %s: %w", f.path, err)
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		var entry line
		if err := json.Unmarshal([]byte(text), &entry); err != nil {
			return nil, fmt.Errorf("read the ledger of grants %s: line %d: %w; the line is damaged: put the file right, or move it away and look for what it held with `stint drift`", f.path, number, err)
		}
		last[entry.id()] = entry
	}
}
