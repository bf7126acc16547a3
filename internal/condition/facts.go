package condition

import "maps"

// facts say what is known about optional variables at one place of a condition:
// true for "is there", false for "is null". The key is the canonical text.
// Facts are never changed, only extended into new ones.
type facts map[string]bool

func (f facts) with(name string, there bool) facts {
	out := make(facts, len(f)+1)
	maps.Copy(out, f)
	out[name] = there
	return out
}

// common is what holds on both ways to a place.
func (f facts) common(g facts) facts {
	out := facts{}
	for name, there := range f {
		if other, ok := g[name]; ok && other == there {
			out[name] = there
		}
	}
	return out
}
