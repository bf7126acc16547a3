package governance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// payload is one JSON value.
func payload(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errors.New("the payload is not JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the payload is not one JSON value: there is text behind it")
	}
	return value, nil
}

// pointer takes a JSON pointer (RFC 6901) apart.
func pointer(path string) ([]string, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%q is not a JSON pointer; write it like /issue/fields/summary", path)
	}
	steps := strings.Split(path[1:], "/")
	for i, step := range steps {
		plain := strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		if strings.Count(step, "~") != strings.Count(step, "~0")+strings.Count(step, "~1") {
			return nil, fmt.Errorf("%q is not a JSON pointer: ~ is written ~0, and / inside of a name ~1", path)
		}
		steps[i] = plain
	}
	return steps, nil
}

// at is what a pointer leads to; nil when it leads nowhere.
func at(value any, steps []string) any {
	for _, step := range steps {
		switch in := value.(type) {
		case map[string]any:
			value = in[step]
		case []any:
			n, err := strconv.ParseUint(step, 10, 31)
			if err != nil || step != strconv.FormatUint(n, 10) || n >= uint64(len(in)) {
				return nil
			}
			value = in[n]
		default:
			return nil
		}
	}
	return value
}

// instants are the ways in which the senders of events write a time.
var instants = []string{time.RFC3339, "2006-01-02T15:04:05.999999999-0700", time.DateTime}

// fieldValue reads a field as its type. Null and the empty text are absent: nil.
// A number is a text as it is written; numbers and truth may be written as texts;
// a time may be seconds or milliseconds since 1970, and one without a zone is UTC.
func fieldValue(typ AttributeType, value any) (any, error) {
	if value == nil || value == "" {
		return nil, nil
	}
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	if isNumber {
		text = number.String()
	}
	switch single := isText || isNumber; {
	case typ == StringAttribute && single:
		return text, nil
	case typ == IntAttribute && single:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	case typ == BoolAttribute:
		if truth, ok := value.(bool); ok {
			return truth, nil
		}
		if text == "true" || text == "false" {
			return text == "true", nil
		}
	case typ == DurationAttribute && isText:
		if d, err := condition.ParseDuration(text); err == nil {
			return d, nil
		}
	case typ == TimeAttribute && isNumber:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			if n < 100_000_000_000 {
				return time.Unix(n, 0).UTC(), nil
			}
			return time.UnixMilli(n).UTC(), nil
		}
	case typ == TimeAttribute && isText:
		for _, layout := range instants {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC(), nil
			}
		}
	case typ == ListAttribute:
		if list, ok := textsOf(value); ok {
			return list, nil
		}
	}
	return nil, fmt.Errorf("what is there is not of type %s", typ)
}

func textsOf(value any) ([]string, bool) {
	list, ok := value.([]any)
	if !ok {
		return nil, false
	}
	texts := make([]string, len(list))
	for i, element := range list {
		if texts[i], ok = element.(string); !ok {
			return nil, false
		}
	}
	return texts, true
}
