package oncall

import (
	"cmp"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// closures is a tree of typed closures over the struct, written by hand: what a
// compiler to closures can come to when nothing has to be checked.
func closures() (Engine, error) {
	tree := every(
		equals(func(in *policyenv.Input) string { return in.Identity.Type }, "human"),
		has(func(in *policyenv.Input) []string { return in.Identity.Groups }, "sre-oncall"),
		there(func(in *policyenv.Input) *policyenv.Event { return in.Event }),
		equals(func(in *policyenv.Input) string { return in.Event.Kind }, "incident"),
		there(func(in *policyenv.Input) *int64 { return in.Event.Severity }),
		atMost(func(in *policyenv.Input) int64 { return *in.Event.Severity }, 2),
		atMost(func(in *policyenv.Input) time.Duration { return in.Request.Duration }, longest),
	)
	return Engine{
		Name: "closure tree by hand",
		Ready: func(in *policyenv.Input) func() (bool, error) {
			return func() (bool, error) { return tree(in), nil }
		},
	}, nil
}

type term func(*policyenv.Input) bool

func every(terms ...term) term {
	return func(in *policyenv.Input) bool {
		for _, holds := range terms {
			if !holds(in) {
				return false
			}
		}
		return true
	}
}

func equals[T comparable](value func(*policyenv.Input) T, want T) term {
	return func(in *policyenv.Input) bool { return value(in) == want }
}

func atMost[T cmp.Ordered](value func(*policyenv.Input) T, bound T) term {
	return func(in *policyenv.Input) bool { return value(in) <= bound }
}

func has(values func(*policyenv.Input) []string, wanted string) term {
	return func(in *policyenv.Input) bool { return slices.Contains(values(in), wanted) }
}

func there[T any](pointer func(*policyenv.Input) *T) term {
	return func(in *policyenv.Input) bool { return pointer(in) != nil }
}
