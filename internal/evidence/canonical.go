package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// maxInteger is the largest integer that every JSON reader keeps exactly
// (RFC 8785 section 3.2.2.3).
const maxInteger = 1<<53 - 1

// appendValue appends the canonical form of v, which holds only string, bool,
// int64, []any and Fields.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, element)
		}
		return append(b, ']')
	case Fields:
		b = append(b, '{')
		for i, name := range slices.SortedFunc(maps.Keys(v), compareNames) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, name)
			b = append(b, ':')
			b = appendValue(b, v[name])
		}
		return append(b, '}')
	default:
		panic(fmt.Sprintf("evidence: %T has no canonical form", v))
	}
}

// compareNames orders member names by UTF-16 code units, as RFC 8785 section
// 3.2.3 demands. Byte order is the same as long as both stay below U+E000, whose
// first byte is 0xEE.
func compareNames(a, b string) int {
	if belowE000(a) && belowE000(b) {
		return strings.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func belowE000(s string) bool {
	for i := range len(s) {
		if s[i] >= 0xEE {
			return false
		}
	}
	return true
}

// appendString escapes only what RFC 8785 section 3.2.2.2 lists; encoding/json
// escapes more.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < 0x20 {
				b = fmt.Appendf(b, `\u%04x`, c)
				continue
			}
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// parseCanonical reads one object and refuses every spelling but the canonical
// one, so that equal meaning is equal bytes: no duplicate or reordered member,
// no other escape, no white space gets through.
func parseCanonical(b []byte) (Fields, error) {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	var raw any
	if err := decoder.Decode(&raw); err != nil {
		// Not wrapped: the decoder's io.EOF would read as the end of a bundle.
		return nil, fmt.Errorf("not JSON: %v", err)
	}
	value, err := fromJSON(raw)
	if err != nil {
		return nil, err
	}
	object, ok := value.(Fields)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	if !bytes.Equal(appendValue(nil, object), b) {
		return nil, errors.New("not in canonical form")
	}
	return object, nil
}

func fromJSON(raw any) (any, error) {
	switch raw := raw.(type) {
	case string, bool:
		return raw, nil
	case json.Number:
		n, err := strconv.ParseInt(raw.String(), 10, 64)
		if err != nil || n > maxInteger || n < -maxInteger {
			return nil, fmt.Errorf("number %s is not an integer within ±2^53", raw)
		}
		return n, nil
	case []any:
		list := make([]any, len(raw))
		for i, element := range raw {
			value, err := fromJSON(element)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	case map[string]any:
		object := make(Fields, len(raw))
		for name, member := range raw {
			value, err := fromJSON(member)
			if err != nil {
				return nil, err
			}
			object[name] = value
		}
		return object, nil
	default:
		return nil, errors.New("null is not used: an absent member is left out")
	}
}
