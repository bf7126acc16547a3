package governance

import (
	"errors"
	"testing"
	"time"
)

func TestAnOpenEventIsExtendedToALaterEndOnly(t *testing.T) {
	closed := noon
	open := OpenEvent{ID: "e", Version: 3, BusinessEvent: BusinessEvent{EndsAt: noon.Add(time.Hour)}}
	extended, err := open.Extend(noon.Add(2*time.Hour), noon)
	if err != nil || !extended.EndsAt.Equal(noon.Add(2*time.Hour)) || extended.Version != 4 {
		t.Errorf("%+v, %v", extended, err)
	}
	var problems Problems
	for _, end := range []time.Time{noon.Add(time.Hour), noon.Add(time.Minute), noon.Add(-time.Minute)} {
		if _, err := open.Extend(end, noon); !errors.As(err, &problems) || problems[0].Field != "ends_at" {
			t.Errorf("to %s: %v", end, err)
		}
	}
	var refused *TransitionError
	if _, err := open.Extend(noon.Add(2*time.Hour), noon.Add(time.Hour)); !errors.As(err, &refused) {
		t.Errorf("one that is over: %v", err)
	}
	open.ClosedAt = &closed
	if _, err := open.Extend(noon.Add(2*time.Hour), noon); !errors.As(err, &refused) {
		t.Errorf("a closed one: %v", err)
	}
}

func TestAnAssignedEventServesItsAssigneeAlone(t *testing.T) {
	for _, c := range []struct {
		assignee, asks IdentityID
		serves         bool
	}{{"", "bot", true}, {"bot", "bot", true}, {"bot", "alice", false}} {
		if got := (BusinessEvent{Assignee: c.assignee}).Serves(c.asks); got != c.serves {
			t.Errorf("one of %q serves %q: %v", c.assignee, c.asks, got)
		}
	}
}
