package condition

import (
	"fmt"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Frame holds the values of one Env's variables for one evaluation. It belongs to
// one goroutine at a time and can be used again: set what changed, Unset what is
// gone. Strings are normalised to NFC as they are set, times to UTC. A variable that
// was never set is an error when a condition reads it. A setter that does not
// fit the variable's type panics: that is a mistake in the program, not in data.
type Frame struct {
	env     *Env
	cells   []cell
	failure *EvalError
	scratch []byte // texts made while evaluating; they die with the next evaluation
}

type cellState uint8

const (
	cellUnset cellState = iota
	cellNull
	cellSet
	cellUnknown
)

type cell struct {
	state cellState
	num   int64 // Bool (0, 1), Int, Duration in nanoseconds
	// within bounds the number of an unknown cell.
	within interval
	text   string
	at     time.Time
	list   []string
	dict   map[string]string
}

// NewFrame makes a frame with nothing set.
func (e *Env) NewFrame() *Frame {
	return &Frame{env: e, cells: make([]cell, len(e.slots))}
}

// Unset forgets the value of one variable.
func (f *Frame) Unset(slot Slot) { f.cells[slot] = cell{} }

// SetNull says that an optional variable or object is absent.
func (f *Frame) SetNull(slot Slot) {
	if v := f.env.slots[slot]; !v.optional {
		panic(fmt.Sprintf("condition: %s is not optional", v.path))
	}
	f.cells[slot] = cell{state: cellNull}
}

// SetPresent says that an optional object is there.
func (f *Frame) SetPresent(slot Slot) { f.cell(slot, Object) }

// SetUnknown says that a variable's value is not known yet, and with an object
// that nothing of it is, not even whether it is there. Foresee reckons with every
// value; to Eval an unknown variable is one that was never set.
func (f *Frame) SetUnknown(slot Slot) { f.forget(f.env.slots[slot]) }

func (f *Frame) forget(v *variable) {
	if v.slot >= 0 {
		f.cells[v.slot] = cell{state: cellUnknown, within: anything}
	}
	for _, attribute := range v.children {
		f.forget(attribute)
	}
}

// SetDurationWithin says that a Duration is not known yet, but lies from low to
// high, both included.
func (f *Frame) SetDurationWithin(slot Slot, low, high time.Duration) {
	c := f.cell(slot, Duration)
	c.state, c.within = cellUnknown, interval{int64(low), int64(high)}
}

// SetBool sets a Bool.
func (f *Frame) SetBool(slot Slot, value bool) {
	c := f.cell(slot, Bool)
	c.num = 0
	if value {
		c.num = 1
	}
}

// SetInt sets an Int.
func (f *Frame) SetInt(slot Slot, value int64) { f.cell(slot, Int).num = value }

// SetDuration sets a Duration.
func (f *Frame) SetDuration(slot Slot, value time.Duration) {
	f.cell(slot, Duration).num = int64(value)
}

// SetString sets a String.
func (f *Frame) SetString(slot Slot, value string) {
	f.cell(slot, String).text = normalised(value)
}

// SetTime sets a Time.
func (f *Frame) SetTime(slot Slot, value time.Time) {
	f.cell(slot, Time).at = value.Round(0).UTC()
}

// SetStrings sets a List(String). The frame keeps the slice when its strings are
// in NFC already: do not change it while it is set.
func (f *Frame) SetStrings(slot Slot, values []string) {
	c := f.cell(slot, List(String))
	c.list = values
	for _, value := range values {
		if !isNormal(value) {
			c.list = normalisedList(values)
			return
		}
	}
}

// SetMap sets a Map(String). The frame keeps the map when its keys and values are
// in NFC already: do not change it while it is set.
func (f *Frame) SetMap(slot Slot, values map[string]string) {
	c := f.cell(slot, Map(String))
	c.dict = values
	for key, value := range values {
		if !isNormal(key) || !isNormal(value) {
			c.dict = normalisedMap(values)
			return
		}
	}
}

func (f *Frame) cell(slot Slot, typ Type) *cell {
	if v := f.env.slots[slot]; v.typ != typ {
		panic(fmt.Sprintf("condition: %s is a %s, not a %s", v.path, v.typ, typ))
	}
	c := &f.cells[slot]
	c.state = cellSet
	return c
}

// fail records the first error of an evaluation.
func (f *Frame) fail(err *EvalError) {
	if f.failure == nil {
		f.failure = err
	}
}

// isNormal is sure when it says yes. norm's IsNormalString allocates.
func isNormal(text string) bool { return isASCII(text) || norm.NFC.QuickSpanString(text) == len(text) }

// isASCII spares most texts the way through norm.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func normalised(text string) string {
	if isASCII(text) {
		return text
	}
	return norm.NFC.String(text)
}

func normalisedList(values []string) []string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = normalised(value)
	}
	return out
}

func normalisedMap(values map[string]string) map[string]string {
	out := make(map[string]string, len(values))
	for key, value := range values {
		out[normalised(key)] = normalised(value)
	}
	return out
}
