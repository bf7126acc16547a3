package journal

import (
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"
)

// idSource makes UUIDv7 (RFC 9562 section 5.7) from the injected clock, with
// the 12 bits after the milliseconds as a counter (method 1 of section 6.2).
type idSource struct {
	mu     sync.Mutex
	last   uint64
	random io.Reader
}

func newIDSource(random io.Reader) *idSource { return &idSource{random: random} }

func (s *idSource) next(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	stamp := max(uint64(now.UnixMilli())<<12, s.last+1)
	s.last = stamp
	var id uuid.UUID
	if _, err := io.ReadFull(s.random, id[8:]); err != nil {
		panic("journal: the source of randomness failed: " + err.Error())
	}
	binary.BigEndian.PutUint64(id[:8], stamp>>12<<16|stamp&0xfff)
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id.String()
}
