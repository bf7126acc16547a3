package governance

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// EventSource lets another system open, change and close business events by
// deliveries that it signs.
type EventSource struct {
	Name string `json:"name"`
	// Signature has exactly one member.
	Signature EventSignature `json:"signature"`
	// Fields are read from a delivery's payload, by the name under which the
	// mapping sees them.
	Fields  map[string]PayloadField `json:"fields"`
	Mapping EventMapping            `json:"mapping"`
}

// EventSourceID is an event source's name.
type EventSourceID string

// EventSignature is how a delivery proves where it comes from.
type EventSignature struct {
	HMACSHA256 *HMACSignature   `json:"hmac_sha256,omitempty"`
	Bearer     *BearerSignature `json:"bearer,omitempty"`
}

// HMACSignature is an HMAC with SHA-256 over the body in hexadecimal digits, or
// over the timestamp, a dot and the body where there is a timestamp header.
type HMACSignature struct {
	// Header may hold several signatures, separated by commas; one that is right
	// is enough.
	Header string `json:"header"`
	// Prefix stands before each signature, for instance v1= or sha256=.
	Prefix    string `json:"prefix,omitempty"`
	SecretRef string `json:"secret_ref"`
	// TimestampHeader holds when the delivery was signed: seconds since 1970, or
	// RFC 3339.
	TimestampHeader string `json:"timestamp_header,omitempty"`
	// Tolerance is how far the timestamp may be from now; 5m when absent.
	Tolerance *Duration `json:"tolerance,omitempty"`
}

// BearerSignature is a secret in the header Authorization.
type BearerSignature struct {
	SecretRef string `json:"secret_ref"`
}

// PayloadField is one value of a payload.
type PayloadField struct {
	// Path is a JSON pointer (RFC 6901).
	Path string        `json:"path"`
	Type AttributeType `json:"type"`
}

// EventMapping says what a delivery means, in expressions over `field` and `now`.
type EventMapping struct {
	// Action is one of open, update, close and ignore.
	Action string `json:"action"`
	// Key is the event's identity in the source.
	Key  string `json:"key"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Severity is an int, 0 for none; Reference a text, empty for none.
	Severity  string `json:"severity,omitempty"`
	Reference string `json:"reference,omitempty"`
	// EndsAt is a time, EndsIn a duration from the opening; exactly one is given.
	EndsAt string `json:"ends_at,omitempty"`
	EndsIn string `json:"ends_in,omitempty"`
	// OccurredAt is a time: what occurred before the latest that was applied to
	// the event changes nothing any more.
	OccurredAt string `json:"occurred_at,omitempty"`
	// Attributes are expressions by the name of a declared attribute.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// EventAction is what a delivery does.
type EventAction string

// The actions.
const (
	OpenAction   EventAction = "open"
	UpdateAction EventAction = "update"
	CloseAction  EventAction = "close"
	IgnoreAction EventAction = "ignore"
)

// DefaultTolerance is how far a delivery's timestamp may be from now.
const DefaultTolerance = 5 * time.Minute

var (
	fieldName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

// ObjectKind is KindEventSource.
func (EventSource) ObjectKind() Kind { return KindEventSource }

// Key is the source's identifier.
func (s EventSource) Key() string { return string(s.ID()) }

// ID is the source's identifier.
func (s EventSource) ID() EventSourceID { return EventSourceID(EncodeID(s.Name)) }

// Check reports what is wrong with the source itself; the attributes of its
// mapping are checked with their declarations.
func (s EventSource) Check() Problems {
	var p Problems
	if !applicationName.MatchString(s.Name) || len(s.Name) > 48 {
		p.add("name", CodeInvalid, "%q is not the name of an event source: use lower-case letters, digits and single hyphens, beginning with a letter, at most 48", s.Name)
	}
	s.Signature.check(&p)
	if len(s.Fields) == 0 {
		p.add("fields", CodeRequired, "name at least one field of the payload")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		field := fmt.Sprintf("fields[%q]", name)
		if !fieldName.MatchString(name) || slices.Contains(keywords, name) {
			p.add(field, CodeInvalid, "%q is not the name of a field: use lower-case letters, digits and _, beginning with a letter", name)
		}
		if _, err := pointer(s.Fields[name].Path); err != nil {
			p.add(field+".path", CodeInvalid, "%s", err)
		}
		oneOf(&p, field+".type", s.Fields[name].Type, StringAttribute, BoolAttribute, IntAttribute, DurationAttribute, TimeAttribute, ListAttribute)
	}
	if len(p) > 0 {
		return p // expressions are judged by the fields
	}
	s.checkMapping(&p)
	return p
}

func (s EventSignature) check(p *Problems) {
	switch {
	case (s.HMACSHA256 == nil) == (s.Bearer == nil):
		p.add("signature", CodeInvalid, "exactly one of hmac_sha256 and bearer is required")
	case s.Bearer != nil:
		checkReference(p, "signature.bearer.secret_ref", s.Bearer.SecretRef)
	default:
		h := s.HMACSHA256
		checkReference(p, "signature.hmac_sha256.secret_ref", h.SecretRef)
		if !headerName.MatchString(h.Header) {
			p.add("signature.hmac_sha256.header", CodeInvalid, "%q is not the name of a header", h.Header)
		}
		if strings.Contains(h.Prefix, ",") {
			p.add("signature.hmac_sha256.prefix", CodeInvalid, "a comma separates signatures and cannot stand in their prefix")
		}
		if h.TimestampHeader != "" && !headerName.MatchString(h.TimestampHeader) {
			p.add("signature.hmac_sha256.timestamp_header", CodeInvalid, "%q is not the name of a header", h.TimestampHeader)
		}
		switch {
		case h.Tolerance != nil && h.TimestampHeader == "":
			p.add("signature.hmac_sha256.tolerance", CodeConflict, "there is no timestamp_header whose time it could bound")
		case h.Tolerance != nil:
			checkSpan(p, "signature.hmac_sha256.tolerance", *h.Tolerance, 24*time.Hour)
		}
	}
}

func checkReference(p *Problems, field, ref string) {
	if ref == "" {
		p.add(field, CodeRequired, "a reference to the secret is required, such as file:secret")
	}
}

// expression is one of a mapping's.
type expression struct {
	field, text string
	typ         condition.Type
	values      []string
	required    bool
}

func (m EventMapping) expressions() []expression {
	return []expression{
		{"action", m.Action, condition.String, []string{string(OpenAction), string(UpdateAction), string(CloseAction), string(IgnoreAction)}, true},
		{"key", m.Key, condition.String, nil, true},
		{"name", m.Name, condition.String, nil, true},
		{"kind", m.Kind, condition.String, []string{string(Incident), string(Engagement), string(Project), string(Change), string(Task)}, true},
		{"severity", m.Severity, condition.Int, nil, false},
		{"reference", m.Reference, condition.String, nil, false},
		{"ends_at", m.EndsAt, condition.Time, nil, false},
		{"ends_in", m.EndsIn, condition.Duration, nil, false},
		{"occurred_at", m.OccurredAt, condition.Time, nil, false},
	}
}

func (s EventSource) mappingFields() policyenv.MappingFields {
	fields := policyenv.MappingFields{}
	for name, field := range s.Fields {
		fields[name] = field.Type.ofConditions()
	}
	return fields
}

func (s EventSource) checkMapping(p *Problems) {
	if (s.Mapping.EndsAt == "") == (s.Mapping.EndsIn == "") {
		p.add("mapping", CodeRequired, "say when an event ends: either ends_at, a time, or ends_in, a duration from its opening")
	}
	for _, e := range s.Mapping.expressions() {
		field := "mapping." + e.field
		switch {
		case e.text != "":
			_, diags := policyenv.CompileMapped(e.text, s.mappingFields(), e.typ, e.values...)
			p.addCondition(field, diags)
		case e.required:
			p.add(field, CodeRequired, "an expression is required")
		}
	}
}

// checkMapped checks the expressions of a source's attributes.
func (a Attributes) checkMapped(p *Problems, s EventSource) {
	for _, name := range slices.Sorted(maps.Keys(s.Mapping.Attributes)) {
		field := fmt.Sprintf("mapping.attributes[%q]", name)
		declared, ok := a.byName[EventAttribute][name]
		switch {
		case !ok:
			p.add(field, CodeUnknownReference, "%s", a.Undeclared(EventAttribute, name))
		case declared.Type == ListAttribute:
			p.add(field, CodeInvalid, "the attribute is a list, and an expression gives a single value")
		default:
			_, diags := policyenv.CompileMapped(s.Mapping.Attributes[name], s.mappingFields(), declared.Type.ofConditions())
			p.addCondition(field, diags)
		}
	}
}

// EventDelivery is what a delivery means.
type EventDelivery struct {
	Action EventAction
	Key    string
	// Event is empty but for the end when the action closes or ignores.
	Event BusinessEvent
	// OccurredAt is nil when the source does not tell it.
	OccurredAt *time.Time
	// KeepsEnd: the end counts from the opening, so an update leaves it.
	KeepsEnd bool
}

// Read makes out what a payload means at now. The problems say which field or
// which expression failed, without what the payload holds.
func (s EventSource) Read(data []byte, attributes Attributes, now time.Time) (EventDelivery, Problems) {
	var p Problems
	r := reading{source: s, now: now, problems: &p, values: s.extract(data, &p)}
	if len(p) > 0 {
		return EventDelivery{}, p
	}
	m := s.Mapping
	d := EventDelivery{Action: EventAction(r.text("action", m.Action)), KeepsEnd: m.EndsIn != ""}
	switch d.Action {
	case IgnoreAction:
		return d, p
	case OpenAction, UpdateAction, CloseAction:
	default:
		p.add("mapping.action", CodeInvalid, "it gave none of open, update, close, ignore")
		return d, p
	}
	if d.Key = r.text("key", m.Key); d.Key == "" || len(d.Key) > MaxName {
		p.add("mapping.key", CodeInvalid, "it gave a text that is empty or longer than %d bytes", MaxName)
	}
	if occurred, ok := r.value("occurred_at", m.OccurredAt, condition.Time).(time.Time); ok {
		d.OccurredAt = &occurred
	}
	if d.Action == CloseAction || len(p) > 0 {
		return d, p
	}
	d.Event = r.event(attributes)
	return d, append(p, d.Event.Check()...)
}

func (s EventSource) extract(data []byte, p *Problems) policyenv.Values {
	document, err := payload(data)
	if err != nil {
		p.add("payload", CodeInvalid, "%s", err)
		return nil
	}
	values := policyenv.Values{}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		field := s.Fields[name]
		steps, err := pointer(field.Path)
		if err == nil {
			values[name], err = fieldValue(field.Type, at(document, steps))
		}
		if err != nil {
			p.add(fmt.Sprintf("fields[%q]", name), CodeInvalid, "%s: %s", field.Path, err)
		}
	}
	return values
}

// reading evaluates a mapping on one payload.
type reading struct {
	source   EventSource
	values   policyenv.Values
	now      time.Time
	problems *Problems
}

// value is nil when there is no expression, or it failed.
func (r reading) value(field, text string, want condition.Type) any {
	if text == "" {
		return nil
	}
	mapped, diags := policyenv.CompileMapped(text, r.source.mappingFields(), want)
	if len(diags) > 0 {
		r.problems.addCondition("mapping."+field, diags)
		return nil
	}
	value, err := mapped.Eval(r.values, r.now)
	if err != nil {
		r.problems.add("mapping."+field, CodeCondition, "%s", err)
		return nil
	}
	return value
}

func (r reading) text(field, expression string) string {
	text, _ := r.value(field, expression, condition.String).(string)
	return text
}

func (r reading) event(attributes Attributes) BusinessEvent {
	m := r.source.Mapping
	event := BusinessEvent{Name: r.text("name", m.Name), Kind: EventKind(r.text("kind", m.Kind)), Reference: r.text("reference", m.Reference)}
	if severity, ok := r.value("severity", m.Severity, condition.Int).(int64); ok && severity != 0 {
		event.Severity = &severity
	}
	switch end := r.value("ends_at", m.EndsAt, condition.Time).(type) {
	case time.Time:
		event.EndsAt = end
	default:
		if span, ok := r.value("ends_in", m.EndsIn, condition.Duration).(time.Duration); ok {
			event.EndsAt = r.now.Add(span)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		declared, ok := attributes.Get(EventAttribute, name)
		if !ok {
			r.problems.add(fmt.Sprintf("mapping.attributes[%q]", name), CodeUnknownReference, "%s", attributes.Undeclared(EventAttribute, name))
			continue
		}
		value := r.value(fmt.Sprintf("attributes[%q]", name), m.Attributes[name], declared.Type.ofConditions())
		if written, ok := writtenValue(value); ok {
			if event.Attributes == nil {
				event.Attributes = map[string]json.RawMessage{}
			}
			event.Attributes[name] = written
		}
	}
	return event
}

// writtenValue is a value as an event holds it; false when there is none.
func writtenValue(value any) (json.RawMessage, bool) {
	switch v := value.(type) {
	case nil:
		return nil, false
	case string:
		if v == "" {
			return nil, false
		}
	case time.Duration:
		value = Duration(v).String()
	case time.Time:
		value = v.UTC().Format(time.RFC3339)
	}
	text, err := json.Marshal(value)
	return text, err == nil
}
