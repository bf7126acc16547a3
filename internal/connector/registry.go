package connector

import (
	"fmt"
	"slices"
	"strings"
)

// Registry finds the factory of a connector kind.
type Registry struct{ factories map[string]Factory }

// NewRegistry holds the given factories. Two of one kind are a programming
// error and panic.
func NewRegistry(factories ...Factory) *Registry {
	r := &Registry{factories: make(map[string]Factory, len(factories))}
	for _, f := range factories {
		if _, taken := r.factories[f.Kind()]; taken {
			panic("connector: two factories for " + f.Kind())
		}
		r.factories[f.Kind()] = f
	}
	return r
}

// Factory returns the factory of kind, or an error that lists the kinds there
// are.
func (r *Registry) Factory(kind string) (Factory, error) {
	if f, ok := r.factories[kind]; ok {
		return f, nil
	}
	return nil, &ConfigError{Problem: fmt.Sprintf("no connector of kind %q; there are: %s", kind, strings.Join(r.Kinds(), ", "))}
}

// Kinds lists the known kinds, sorted.
func (r *Registry) Kinds() []string {
	kinds := make([]string, 0, len(r.factories))
	for kind := range r.factories {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}
