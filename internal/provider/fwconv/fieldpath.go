package fwconv

import (
	"context"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// Path is the attribute that a field of the document is written in: as much of
// `duties["create"].entitlements[0]` as the schema has. It ends at a set, whose
// elements have no index.
func Path(ctx context.Context, s schema.Schema, field string) path.Path {
	at := path.Empty()
	for rest := field; rest != ""; {
		step, name, after, ok := nextStep(at, rest)
		if !ok {
			return at
		}
		if name {
			if _, diags := s.AttributeAtPath(ctx, step); diags.HasError() {
				return at
			}
		} else if typ, diags := s.TypeAtPath(ctx, at); diags.HasError() {
			return at
		} else if _, isSet := typ.(basetypes.SetTypable); isSet {
			return at
		}
		at, rest = step, after
	}
	return at
}

// nextStep takes one step off a field: a name, an index or a quoted key.
func nextStep(at path.Path, field string) (step path.Path, name bool, rest string, ok bool) {
	inBrackets, bracket := strings.CutPrefix(field, "[")
	if !bracket {
		field = strings.TrimPrefix(field, ".")
		end := strings.IndexAny(field, ".[")
		if end < 0 {
			end = len(field)
		}
		return at.AtName(field[:end]), true, field[end:], end > 0
	}
	if quoted, err := strconv.QuotedPrefix(inBrackets); err == nil {
		key, err := strconv.Unquote(quoted)
		rest, closed := strings.CutPrefix(inBrackets[len(quoted):], "]")
		return at.AtMapKey(key), false, rest, err == nil && closed
	}
	number, rest, closed := strings.Cut(inBrackets, "]")
	index, err := strconv.Atoi(number)
	return at.AtListIndex(index), false, rest, err == nil && closed
}
