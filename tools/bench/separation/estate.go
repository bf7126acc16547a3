// Package separation measures the search for broken separation-of-duties rules:
// in a whole estate, and for one right more that somebody would get.
package separation

import (
	"math/rand/v2"
	"slices"
)

const (
	identities   = 100_000
	entitlements = 5_000
	// held is how many entitlements each identity holds.
	held  = 50
	rules = 500
	// dutySize is how many entitlements make up each of the two duties of a rule.
	dutySize = 4
	// whatIfs is how many times one entitlement more is tried at once.
	whatIfs = 1_000
)

// estate is who holds what, and what must not be held together. Identities and
// entitlements are numbers, which every contestant turns into what it likes.
type estate struct {
	// held is the entitlements of each identity, rising.
	held  [][]uint32
	rules []rule
	tries []try
}

// rule is two sets of entitlements; whoever holds of both breaks it.
type rule [2][]uint32

// try is one entitlement more for an identity.
type try struct{ identity, more uint32 }

// newEstate is an estate of that many identities, the same every time.
func newEstate(identities int) estate {
	random := rand.New(rand.NewPCG(2026, 3)) //nolint:gosec // it is to be the same every time
	e := estate{held: make([][]uint32, identities), rules: make([]rule, rules), tries: make([]try, whatIfs)}
	for i := range e.held {
		e.held[i] = sample(random, held)
	}
	for i := range e.rules {
		both := sample(random, 2*dutySize)
		random.Shuffle(len(both), func(i, j int) { both[i], both[j] = both[j], both[i] })
		e.rules[i] = rule{both[:dutySize], both[dutySize:]}
	}
	for i := range e.tries {
		e.tries[i] = try{uint32(random.IntN(identities)), random.Uint32N(entitlements)} //nolint:gosec // there are 100,000 at most
	}
	return e
}

// sample is that many different entitlements, rising.
func sample(random *rand.Rand, n int) []uint32 {
	chosen := make([]uint32, 0, n)
	for len(chosen) < n {
		entitlement := random.Uint32N(entitlements)
		at, taken := slices.BinarySearch(chosen, entitlement)
		if !taken {
			chosen = slices.Insert(chosen, at, entitlement)
		}
	}
	return chosen
}
