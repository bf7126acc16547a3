package evidence

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"
)

// leafVersion is the schema of the leaves that this package writes, and the
// only one it reads.
const leafVersion = 1

// Record is one thing that happened.
type Record struct {
	// ID is a UUIDv7 in lower case, unique in the log.
	ID string
	// Time is when it happened, in microseconds UTC; finer parts are cut off.
	Time time.Time
	// Kind is a stable code `<object>.<what happened>`, such as
	// "grant.activated".
	Kind string
	// Actor is the id of the identity that acted, or the name of the part of
	// the engine that did. It stands in the leaf openly and for good.
	Actor   string
	Subject Subject
	// Revision is that of the declared state when it happened; not negative.
	Revision int64
	Data     Fields
}

// Subject is what a record is about. Both parts stand in the leaf openly.
type Subject struct {
	Type string
	ID   string
}

// Entry is a record as it is stored.
type Entry struct {
	// Leaf is what the tree hashes. It must be kept byte for byte.
	Leaf []byte
	// Disclosures is canonical JSON that opens the leaf's commitments:
	// {"<JSON Pointer>":{"salt":"<base64>","text":"…"}}. Members, or all of it,
	// may be erased later; empty when there are none.
	Disclosures []byte
}

var (
	idPattern   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	kindPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)
)

// Encode returns the record as it is to be stored. Salts for private text are
// read from random, which must be cryptographically secure.
func Encode(r Record, random io.Reader) (Entry, error) {
	if err := r.check(); err != nil {
		return Entry{}, fmt.Errorf("encode record %s: %w", r.ID, err)
	}
	s := &sealer{random: random, disclosures: Fields{}}
	data, err := s.seal("/data", r.Data)
	if err != nil {
		return Entry{}, fmt.Errorf("encode record %s: %w", r.ID, err)
	}
	entry := Entry{Leaf: appendValue(nil, Fields{
		"v":        int64(leafVersion),
		"id":       r.ID,
		"time":     formatTime(r.Time),
		"kind":     r.Kind,
		"actor":    cleanText(r.Actor),
		"subject":  Fields{"type": cleanText(r.Subject.Type), "id": cleanText(r.Subject.ID)},
		"revision": r.Revision,
		"data":     data,
	})}
	if len(s.disclosures) > 0 {
		entry.Disclosures = appendValue(nil, s.disclosures)
	}
	return entry, nil
}

// Decode reads a leaf. Private text reads as its [Commitment].
func Decode(leaf []byte) (Record, error) {
	return Reveal(Entry{Leaf: leaf})
}

// Reveal reads a leaf together with its disclosures. Text whose disclosure is
// there reads as [Private], text without one as [Commitment]. A disclosure that
// does not open its commitment, or belongs to none, is an error.
func Reveal(e Entry) (Record, error) {
	r, sealed, err := parseLeaf(e.Leaf)
	if err != nil {
		return Record{}, fmt.Errorf("decode record: %w", err)
	}
	disclosures, err := parseDisclosures(e.Disclosures)
	if err != nil {
		return Record{}, fmt.Errorf("reveal record %s: %w", r.ID, err)
	}
	data, err := unseal("/data", sealed, func(path string, c Commitment) (any, error) {
		d, ok := disclosures[path]
		if !ok {
			return c, nil
		}
		delete(disclosures, path)
		if commit(d.salt, path, d.text) != c {
			return nil, fmt.Errorf("the disclosure of %s does not open its commitment", path)
		}
		return Private(d.text), nil
	})
	if err != nil {
		return Record{}, fmt.Errorf("reveal record %s: %w", r.ID, err)
	}
	for path := range disclosures {
		return Record{}, fmt.Errorf("reveal record %s: a disclosure of %s, where the leaf has no commitment", r.ID, path)
	}
	r.Data = data.(Fields)
	return r, nil
}

func parseLeaf(leaf []byte) (Record, Fields, error) {
	object, err := parseCanonical(leaf)
	if err != nil {
		return Record{}, nil, err
	}
	if version := object["v"]; version != int64(leafVersion) {
		return Record{}, nil, fmt.Errorf("schema version %v; this program reads version %d", version, leafVersion)
	}
	m := members{object: object}
	subject := members{object: member[Fields](&m, "subject")}
	timeText := member[string](&m, "time")
	data := member[Fields](&m, "data")
	r := Record{
		ID:       member[string](&m, "id"),
		Kind:     member[string](&m, "kind"),
		Actor:    member[string](&m, "actor"),
		Revision: member[int64](&m, "revision"),
		Subject:  Subject{Type: member[string](&subject, "type"), ID: member[string](&subject, "id")},
	}
	if err := errors.Join(m.exactly(8), subject.exactly(2)); err != nil {
		return Record{}, nil, err
	}
	r.Time, err = time.Parse(timeLayout, timeText)
	if err != nil || formatTime(r.Time) != timeText {
		return Record{}, nil, fmt.Errorf("time %q is not of the form %s", timeText, timeLayout)
	}
	if _, hidden := asCommitment(data); hidden {
		return Record{}, nil, errors.New("data as a whole is a commitment")
	}
	return r, data, r.check()
}

// members reads typed members and collects what is wrong.
type members struct {
	object Fields
	errs   []error
}

func member[T any](m *members, name string) T {
	value, ok := m.object[name].(T)
	if !ok {
		m.errs = append(m.errs, fmt.Errorf("member %q is missing or of another type", name))
	}
	return value
}

func (m *members) exactly(count int) error {
	if len(m.errs) == 0 && len(m.object) != count {
		return errors.New("unknown members")
	}
	return errors.Join(m.errs...)
}

func (r Record) check() error {
	switch {
	case !idPattern.MatchString(r.ID):
		return fmt.Errorf("id %q is not a UUIDv7 in lower case", r.ID)
	case !kindPattern.MatchString(r.Kind):
		return fmt.Errorf("kind %q is not of the form <object>.<what_happened>", r.Kind)
	case r.Time.UTC().Year() < 1 || r.Time.UTC().Year() > 9999:
		return fmt.Errorf("year %d is not within 1 to 9999", r.Time.UTC().Year())
	case r.Actor == "":
		return errors.New("actor is empty")
	case r.Subject.Type == "" || r.Subject.ID == "":
		return errors.New("subject lacks its type or id")
	case r.Revision < 0 || r.Revision > maxInteger:
		return fmt.Errorf("revision %d is not within 0 to 2^53", r.Revision)
	}
	return nil
}
