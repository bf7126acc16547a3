package evidence

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fields is the data of a record: what happened, by member name.
//
// A value is a string, boolean or integer (also of a named type), [Private],
// [time.Time] (kept in microseconds UTC), [time.Duration] (kept as text), an
// [encoding.TextMarshaler], or a list or string-keyed map of these. A nil value
// leaves its member out. Floating-point numbers are refused. A [Commitment] is
// written as it stands, so that a decoded record encodes to the same leaf. After [Decode] only
// string, bool, int64, []any, Fields and [Commitment] occur, after [Reveal]
// also [Private].
type Fields map[string]any

// timeLayout has a fixed width, so that times sort as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// sealer turns the values of a record into what the leaf shows.
type sealer struct {
	random      io.Reader
	disclosures Fields
}

var (
	errAbsent = errors.New("no value")
	errKind   = errors.New("a record holds text, booleans, integers, times, lists and maps")
)

// seal returns the canonical form of value. path is its JSON Pointer (RFC 6901)
// in the leaf. A nil value is errAbsent.
func (s *sealer) seal(path string, value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, errAbsent
	case Private:
		return s.hide(path, string(v))
	case Commitment:
		return v.leafForm(), nil
	case time.Time:
		return formatTime(v), nil
	case time.Duration:
		return v.String(), nil
	}
	r := reflect.ValueOf(value)
	if r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return nil, errAbsent
		}
		return s.seal(path, r.Elem().Interface())
	}
	if v, ok := value.(encoding.TextMarshaler); ok {
		text, err := v.MarshalText()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return cleanText(string(text)), nil
	}
	return s.sealKind(path, r)
}

func (s *sealer) sealKind(path string, r reflect.Value) (any, error) {
	switch r.Kind() {
	case reflect.String:
		return cleanText(r.String()), nil
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n := r.Int(); n <= maxInteger && n >= -maxInteger {
			return n, nil
		}
		return nil, fmt.Errorf("%s: %d is beyond ±2^53; give it as text", path, r.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(r.Uint()), nil
	case reflect.Slice, reflect.Array:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return nil, fmt.Errorf("%s: %s: %w", path, r.Type(), errKind)
		}
		return s.sealList(path, r)
	case reflect.Map:
		return s.sealMap(path, r)
	default:
		return nil, fmt.Errorf("%s: %s: %w", path, r.Type(), errKind)
	}
}

func (s *sealer) sealList(path string, r reflect.Value) (any, error) {
	list := make([]any, r.Len())
	for i := range list {
		at := path + "/" + strconv.Itoa(i)
		value, err := s.seal(at, r.Index(i).Interface())
		if errors.Is(err, errAbsent) {
			return nil, fmt.Errorf("%s: a list has no absent elements", at)
		}
		if err != nil {
			return nil, err
		}
		list[i] = value
	}
	return list, nil
}

func (s *sealer) sealMap(path string, r reflect.Value) (any, error) {
	if r.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%s: %s: %w", path, r.Type(), errKind)
	}
	object := make(Fields, r.Len())
	keys := r.MapKeys()
	// Sorted, so that the same random bytes give the same record.
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		name := cleanText(key.String())
		at := pointer(path, name)
		if _, taken := object[name]; taken {
			return nil, fmt.Errorf("%s: two names differ only in invalid UTF-8", at)
		}
		value, err := s.seal(at, r.MapIndex(key).Interface())
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		object[name] = value
	}
	if _, looksHidden := asCommitment(object); looksHidden {
		return nil, fmt.Errorf("%s: public data has the form of a commitment", path)
	}
	return object, nil
}

func (s *sealer) hide(path, text string) (any, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(s.random, salt); err != nil {
		return nil, fmt.Errorf("salt for %s: %w", path, err)
	}
	text = cleanText(text)
	s.disclosures[path] = disclosure{salt: salt, text: text}.storedForm()
	return commit(salt, path, text).leafForm(), nil
}

// unseal walks a decoded value and puts what open returns in the place of each
// commitment.
func unseal(path string, value any, open func(path string, c Commitment) (any, error)) (any, error) {
	switch v := value.(type) {
	case Fields:
		if c, ok := asCommitment(v); ok {
			return open(path, c)
		}
		object := make(Fields, len(v))
		for name, member := range v {
			opened, err := unseal(pointer(path, name), member, open)
			if err != nil {
				return nil, err
			}
			object[name] = opened
		}
		return object, nil
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			opened, err := unseal(path+"/"+strconv.Itoa(i), element, open)
			if err != nil {
				return nil, err
			}
			list[i] = opened
		}
		return list, nil
	default:
		return value, nil
	}
}

func pointer(path, name string) string {
	return path + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// cleanText replaces invalid UTF-8, which targets do send: refusing it would
// refuse the state change, perhaps a revocation, that the record is about.
func cleanText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
