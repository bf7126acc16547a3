package governance

import (
	"strings"
	"testing"
	"time"
)

func pager() EventSource {
	return EventSource{
		Name:      "pager",
		Signature: EventSignature{HMACSHA256: &HMACSignature{Header: "X-Signature", Prefix: "v1=", SecretRef: "file:secret"}},
		Fields: map[string]PayloadField{
			"status": {"/incident/status", StringAttribute}, "id": {"/incident/id", StringAttribute}, "level": {"/incident/level", IntAttribute},
			"at": {"/at", TimeAttribute}, "until": {"/incident/a~1b/0", TimeAttribute}, "region": {"/incident/region", StringAttribute},
		},
		Mapping: EventMapping{
			Action: `field.status == null ? "ignore" : field.status == "resolved" ? "close" : field.status == "open" ? "open" : "update"`,
			Key:    `field.id != null ? field.id : ""`, Name: `field.id != null ? field.id : ""`, Kind: `"incident"`,
			Severity: `field.level != null ? field.level : 0`, EndsAt: `field.until != null ? field.until : now`,
			OccurredAt: `field.at != null ? field.at : now`, Attributes: map[string]string{"region": `field.region != null ? field.region : ""`},
		},
	}
}

var regions = NewAttributes([]Attribute{{Object: EventAttribute, Name: "region", Type: StringAttribute, Description: "Where."}})

func TestAPayloadIsReadByFieldsAndMapping(t *testing.T) {
	d, problems := pager().Read([]byte(`{"at": 1773144000, "incident": {"id": 7, "status": "open", "level": "2", "a/b": ["2026-03-10 20:00:00"], "region": "eu"}}`), regions, noon)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e := d.Event
	if d.Action != OpenAction || d.Key != "7" || e.Name != "7" || e.Kind != Incident || *e.Severity != 2 || !e.EndsAt.Equal(noon.Add(8*time.Hour)) ||
		!d.OccurredAt.Equal(noon) || string(e.Attributes["region"]) != `"eu"` || d.KeepsEnd {
		t.Errorf("%+v", d)
	}
	closing, problems := pager().Read([]byte(`{"incident": {"id": "7", "status": "resolved"}}`), regions, noon)
	if len(problems) > 0 || closing.Action != CloseAction || closing.Key != "7" {
		t.Errorf("%+v, %v", closing, problems)
	}
	if ignored, problems := pager().Read([]byte(`{}`), regions, noon); len(problems) > 0 || ignored.Action != IgnoreAction {
		t.Errorf("%+v, %v", ignored, problems)
	}
}

func TestAPayloadThatDoesNotFitIsRefusedByField(t *testing.T) {
	for text, field := range map[string]string{
		`{`:    "payload",
		`{} x`: "payload",
		`{"incident": {"status": "open", "id": ["x"]}}`:             `fields["id"]`,
		`{"incident": {"status": "open", "id": "x", "level": 1.5}}`: `fields["level"]`,
		`{"at": "soon", "incident": {"status": "open", "id": "x"}}`: `fields["at"]`,
		`{"incident": {"status": "open", "level": 2}}`:              "mapping.key",
		`{"incident": {"status": "open", "id": "x", "level": 99}}`:  "severity",
	} {
		if _, problems := pager().Read([]byte(text), regions, noon); len(problems) == 0 || problems[0].Field != field {
			t.Errorf("%s: %v, want one about %s", text, problems, field)
		}
	}
	if _, problems := pager().Read([]byte(`{"incident": {"status": "open", "id": "x"}}`), NewAttributes(nil), noon); len(problems) != 1 || problems[0].Field != `mapping.attributes["region"]` {
		t.Errorf("an attribute that is gone: %v", problems)
	}
}

func TestAnEventSourceThatCannotWorkIsRefused(t *testing.T) {
	tolerance := Duration(time.Minute)
	for field, spoil := range map[string]func(*EventSource){
		"name":                             func(s *EventSource) { s.Name = "Pager Duty" },
		"signature":                        func(s *EventSource) { s.Signature.Bearer = &BearerSignature{SecretRef: "file:x"} },
		"signature.hmac_sha256.header":     func(s *EventSource) { s.Signature.HMACSHA256.Header = "a b" },
		"signature.hmac_sha256.secret_ref": func(s *EventSource) { s.Signature.HMACSHA256.SecretRef = "" },
		"signature.hmac_sha256.prefix":     func(s *EventSource) { s.Signature.HMACSHA256.Prefix = "a," },
		"signature.hmac_sha256.tolerance":  func(s *EventSource) { s.Signature.HMACSHA256.Tolerance = &tolerance },
		"fields":                           func(s *EventSource) { s.Fields = nil },
		`fields["Id"]`:                     func(s *EventSource) { s.Fields["Id"] = PayloadField{"/id", StringAttribute} },
		`fields["id"].path`:                func(s *EventSource) { s.Fields["id"] = PayloadField{"id", StringAttribute} },
		`fields["id"].type`:                func(s *EventSource) { s.Fields["id"] = PayloadField{"/id", "number"} },
		"mapping":                          func(s *EventSource) { s.Mapping.EndsIn = `duration("1h")` },
		"mapping.action":                   func(s *EventSource) { s.Mapping.Action = `"start"` },
		"mapping.kind":                     func(s *EventSource) { s.Mapping.Kind = `"outage"` },
		"mapping.name":                     func(s *EventSource) { s.Mapping.Name = "" },
		"mapping.key":                      func(s *EventSource) { s.Mapping.Key = `field.id` },
		"mapping.severity":                 func(s *EventSource) { s.Mapping.Severity = `"2"` },
		"mapping.ends_at":                  func(s *EventSource) { s.Mapping.EndsAt = `field.end` },
		"mapping.occurred_at":              func(s *EventSource) { s.Mapping.OccurredAt = `identity.name` },
	} {
		s := pager()
		spoil(&s)
		if problems := s.Check(); len(problems) == 0 || problems[0].Field != field {
			t.Errorf("%s: %v", field, problems)
		}
	}
	if problems := pager().Check(); len(problems) > 0 {
		t.Errorf("a right one: %v", problems)
	}
	wrong := pager()
	wrong.Mapping.Attributes = map[string]string{"region": `3`, "nope": `"x"`}
	problems := regions.Check(wrong)
	if len(problems) != 2 || !strings.Contains(problems[0].Message, "stint_attribute") || problems[1].Code != CodeCondition {
		t.Errorf("attributes: %v", problems)
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte(`{"at": 1773144000, "incident": {"id": 7, "status": "open", "level": "2", "a/b": ["2026-03-10 20:00:00"]}}`))
	f.Add([]byte(`{"incident": {"status": "resolved", "id": "x"}}`))
	f.Add([]byte(`[[[[`))
	source := pager()
	f.Fuzz(func(t *testing.T, data []byte) {
		d, problems := source.Read(data, regions, noon)
		if len(problems) > 0 || d.Action == IgnoreAction {
			return
		}
		if d.Key == "" {
			t.Errorf("%s does something to no event", data)
		}
		if bad := d.Event.Check(); d.Action != CloseAction && len(bad) > 0 {
			t.Errorf("%s: %v", data, bad)
		}
	})
}

func FuzzPointer(f *testing.F) {
	f.Add("/a~1b/0/~0")
	f.Fuzz(func(t *testing.T, path string) {
		steps, err := pointer(path)
		if err != nil {
			return
		}
		escaped := ""
		for _, step := range steps {
			escaped += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
		}
		if escaped != path {
			t.Errorf("%q became %q", path, escaped)
		}
	})
}
