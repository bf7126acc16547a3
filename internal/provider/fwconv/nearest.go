package fwconv

import "github.com/agext/levenshtein"

// Nearest is the candidate that is most likely meant by a mistyped name, or
// empty when none is near.
func Nearest(name string, candidates []string) string {
	best, distance := "", 1+len(name)/3
	for _, candidate := range candidates {
		if d := levenshtein.Distance(name, candidate, nil); d <= distance && (best == "" || d < distance) {
			best, distance = candidate, d
		}
	}
	return best
}
