package policyenv

import (
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// EventKnowledge says how much of Input.Event is known before there is a
// request.
type EventKnowledge uint8

// The grades of knowledge.
const (
	// EventKnown: Input.Event is the event, or nil because there is none.
	EventKnown EventKnowledge = iota
	// EventOfKind: there will be an event; of it Input.Event tells just the kind.
	EventOfKind
	// EventUnknown: whether there will be an event is open.
	EventUnknown
)

// Unknown says which parts of an Input are not decided yet. The zero value says
// that all of it is known.
type Unknown struct {
	// Longest, when above 0, says that request.duration is not known, but
	// positive and no longer than this.
	Longest       time.Duration
	Justification bool
	BreakGlass    bool
	Now           bool
	// Begins says that request.not_before is not known.
	Begins bool
	Event  EventKnowledge
}

// Foresee says what the condition can come to, whatever the unknown parts of the
// input turn out to be.
func (p *Policy) Foresee(in *Input, unknown Unknown) condition.Foresight {
	r := p.program.begin()
	defer p.program.end(r)
	frame := r.load(p.program, in)
	for _, f := range p.program.fills {
		unknown.hide(frame, f.name, f.slot)
	}
	return p.program.compiled.Foresee(frame)
}

func (u Unknown) hide(frame *condition.Frame, name string, slot condition.Slot) {
	ofEvent := name == "event" || strings.HasPrefix(name, "event.")
	switch {
	case name == "request.duration" && u.Longest > 0:
		frame.SetDurationWithin(slot, 1, u.Longest)
	case name == "request.justification" && u.Justification,
		name == "request.break_glass" && u.BreakGlass,
		name == "now" && u.Now,
		name == "request.not_before" && u.Begins,
		ofEvent && u.Event == EventUnknown,
		ofEvent && u.Event == EventOfKind && name != "event" && name != "event.kind":
		frame.SetUnknown(slot)
	}
}
