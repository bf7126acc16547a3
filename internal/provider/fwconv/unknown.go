package fwconv

import (
	"regexp"
	"slices"
	"strings"
)

// Unknown lists fields of a document whose values are not known yet.
type Unknown []string

// Touches reports whether a field's value is not known, in whole or in part.
func (u Unknown) Touches(field string) bool {
	for _, at := range u {
		if within(field, at) || within(at, field) {
			return true
		}
	}
	return false
}

// Holds reports whether the field itself is not known.
func (u Unknown) Holds(field string) bool {
	return slices.ContainsFunc(u, func(at string) bool { return within(field, at) })
}

// TouchesAny reports whether one of the fields is not known, in whole or in
// part. Indexes and keys do not matter.
func (u Unknown) TouchesAny(fields []string) bool {
	plain := make(Unknown, len(u))
	for i, at := range u {
		plain[i] = PlainField(at)
	}
	return slices.ContainsFunc(fields, plain.Touches)
}

// within reports whether field is container or a part of it.
func within(field, container string) bool {
	rest, ok := strings.CutPrefix(field, container)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// PlainField is a field without indexes and keys.
func PlainField(field string) string {
	return regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(field, "")
}
