package fulfilment

import (
	"context"
	"slices"
	"sync"
)

// slots are the calls that may run at once. One that is free goes to what takes a
// right before anything else, and then to who has waited the longest.
type slots struct {
	mu             sync.Mutex
	size, taken    int
	urgent, others []chan bool
}

// resize says how many calls may run at once. Those that run go on when it is
// fewer; when it is none, nobody waits for one.
func (s *slots) resize(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = size
	s.handOut()
	if size > 0 {
		return
	}
	for _, queue := range []*[]chan bool{&s.urgent, &s.others} {
		for _, turn := range *queue {
			turn <- false
		}
		*queue = nil
	}
}

// take waits for a slot until ctx ends or stop is closed, and gives up when there
// are none at all. waited: none was free.
func (s *slots) take(ctx context.Context, stop <-chan struct{}, urgent bool) (waited bool, err error) {
	s.mu.Lock()
	switch {
	case s.taken < s.size:
		s.taken++
		s.mu.Unlock()
		return false, nil
	case s.size == 0:
		s.mu.Unlock()
		return false, errHeldBack
	}
	queue := &s.others
	if urgent {
		queue = &s.urgent
	}
	turn := make(chan bool, 1)
	*queue = append(*queue, turn)
	s.mu.Unlock()
	select {
	case came := <-turn:
		if !came {
			return true, errHeldBack
		}
		return true, nil
	case <-stop:
		err = errHeldBack
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	at := slices.Index(*queue, turn)
	if at >= 0 {
		*queue = slices.Delete(*queue, at, at+1)
	}
	s.mu.Unlock()
	if at < 0 && <-turn {
		s.give() // its turn came at the same moment
	}
	return true, err
}

// give gives a slot back.
func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	s.handOut()
}

func (s *slots) handOut() {
	for _, queue := range []*[]chan bool{&s.urgent, &s.others} {
		for len(*queue) > 0 && s.taken < s.size {
			s.taken++
			(*queue)[0] <- true
			*queue = slices.Delete(*queue, 0, 1)
		}
	}
}
