package governance

// tally counts the duties of each rule that an actor touches. Rounds make it
// ready for the next actor without clearing it.
type tally struct {
	round uint32
	seen  []uint32 // by duty: the round in which it was touched last
	rules []ruleTally
}

type ruleTally struct {
	counted, wanted uint32 // rounds
	n               int32
}

func newTally(t *dutyTable) *tally {
	return &tally{seen: make([]uint32, len(t.ruleOf)), rules: make([]ruleTally, len(t.rules))}
}

func (t *tally) begin() {
	t.round++
	if t.round == 0 { // all of them come round again
		clear(t.seen)
		clear(t.rules)
		t.round = 1
	}
}

// want marks a rule; false when it is marked already.
func (t *tally) want(rule int32) bool {
	r := &t.rules[rule]
	first := r.wanted != t.round
	r.wanted = t.round
	return first
}

// unwant takes the mark away; false when there is none.
func (t *tally) unwant(rule int32) bool {
	marked := t.wanted(rule)
	t.rules[rule].wanted = t.round - 1
	return marked
}

func (t *tally) wanted(rule int32) bool { return t.rules[rule].wanted == t.round }

// add counts a duty once and returns how many of its rule are counted now; 0
// when it was counted before.
func (t *tally) add(d, rule int32) int {
	if t.seen[d] == t.round {
		return 0
	}
	t.seen[d] = t.round
	r := &t.rules[rule]
	if r.counted != t.round {
		r.counted, r.n = t.round, 0
	}
	r.n++
	return int(r.n)
}

func (t *tally) count(rule int32) int {
	if r := t.rules[rule]; r.counted == t.round {
		return int(r.n)
	}
	return 0
}
