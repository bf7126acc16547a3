package separation

// loops look at every rule: the way that comes to mind first. What an identity
// holds is made a set, which spares the innermost loop.
type loops struct{ estate }

func (l loops) detect() (conflicts int) {
	for _, held := range l.held {
		has := setOf(held)
		for _, rule := range l.rules {
			if touches(has, rule[0]) && touches(has, rule[1]) {
				conflicts++
			}
		}
	}
	return conflicts
}

func (l loops) whatIf(t try) (conflicts int) {
	has := setOf(l.held[t.identity])
	has[t.more] = true
	asked := setOf([]uint32{t.more})
	for _, rule := range l.rules {
		if (touches(asked, rule[0]) || touches(asked, rule[1])) && touches(has, rule[0]) && touches(has, rule[1]) {
			conflicts++
		}
	}
	return conflicts
}

func setOf(entitlements []uint32) map[uint32]bool {
	set := make(map[uint32]bool, len(entitlements)+1)
	for _, entitlement := range entitlements {
		set[entitlement] = true
	}
	return set
}

func touches(has map[uint32]bool, duty []uint32) bool {
	for _, entitlement := range duty {
		if has[entitlement] {
			return true
		}
	}
	return false
}
