package evidence_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

var update = flag.Bool("update", false, "write the golden files anew; a change of one breaks every log that exists")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s changed (-want +got):\n%s", name, diff)
	}
}

type entitlementID string

func fullRecord() evidence.Record {
	var absent *string
	r := record(1)
	r.Data = evidence.Fields{
		"entitlement":   entitlementID("billing/role/billing_admin"),
		"justification": evidence.Private("Zahlung hängt, bitte\nschnell"),
		"not_after":     start,
		"duration":      90 * time.Minute,
		"attempt":       3,
		"automatic":     false,
		"odd":           "\"\\\b\f\n\r\t\x01<&>\u2028é😀",
		"left_out":      nil,
		"left_out_too":  absent,
		"reasons": []evidence.Fields{
			{"policy": "oncall", "values": map[string]any{"a/b~c": evidence.Private("sre")}},
		},
		"groups": []string{"sre", "dba"},
		"empty":  []string{},
	}
	return r
}

func TestLeafFormatIsPinned(t *testing.T) {
	entry := encode(t, fullRecord())
	golden(t, "leaf.json", entry.Leaf)
	golden(t, "disclosures.json", entry.Disclosures)
}

func TestRevealReturnsWhatWasEncoded(t *testing.T) {
	got, err := evidence.Reveal(encode(t, fullRecord()))
	if err != nil {
		t.Fatal(err)
	}
	want := fullRecord()
	want.Time = start.Add(time.Second).Truncate(time.Microsecond)
	want.Data = evidence.Fields{
		"entitlement":   "billing/role/billing_admin",
		"justification": evidence.Private("Zahlung hängt, bitte\nschnell"),
		"not_after":     "2026-03-01T09:00:00.123456Z",
		"duration":      "1h30m0s",
		"attempt":       int64(3),
		"automatic":     false,
		"odd":           "\"\\\b\f\n\r\t\x01<&>\u2028é😀",
		"reasons": []any{
			evidence.Fields{"policy": "oncall", "values": evidence.Fields{"a/b~c": evidence.Private("sre")}},
		},
		"groups": []any{"sre", "dba"},
		"empty":  []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLeafDoesNotShowPrivateText(t *testing.T) {
	entry := encode(t, record(0))
	if bytes.Contains(entry.Leaf, []byte("ledger")) {
		t.Errorf("private text stands in the leaf: %s", entry.Leaf)
	}
}

func TestSamePrivateTextHasAnotherCommitmentEachTime(t *testing.T) {
	r := record(0)
	r.Data = evidence.Fields{"a": evidence.Private("x"), "b": evidence.Private("x")}
	decoded, err := evidence.Decode(encode(t, r).Leaf)
	if err != nil {
		t.Fatal(err)
	}
	if decoded.Data["a"] == decoded.Data["b"] {
		t.Error("equal texts can be told from their commitments")
	}
}

func TestErasedDisclosureReadsAsWithheld(t *testing.T) {
	entry := encode(t, record(0))
	entry.Disclosures = nil
	r, err := evidence.Reveal(entry)
	if err != nil {
		t.Fatal(err)
	}
	commitment, ok := r.Data["justification"].(evidence.Commitment)
	if !ok || commitment.String() != "withheld" {
		t.Errorf("justification reads as %v", r.Data["justification"])
	}
	text, err := json.Marshal(commitment)
	if err != nil || !strings.HasPrefix(string(text), `{"withheld":"`) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}

func TestDisclosureThatDoesNotFitIsAnError(t *testing.T) {
	entry, other := encode(t, record(0)), encode(t, record(1))
	salt := string(entry.Disclosures[len(`{"/data/justification":{"salt":"`):][:44])
	tests := map[string]struct{ disclosures, want string }{
		"of another record": {string(other.Disclosures), "does not open"},
		"another text":      {strings.Replace(string(entry.Disclosures), "stuck", "stock", 1), "does not open"},
		"without commitment": {
			strings.Replace(string(entry.Disclosures), "/data/justification", "/data/entitlement", 1), "no commitment",
		},
		"salt with line break": {`{"/data/justification":{"salt":"\n` + salt + `","text":"x"}}`, "32 bytes"},
		"short salt":           {`{"/data/justification":{"salt":"AAAA","text":"x"}}`, "32 bytes"},
		"no text":              {`{"/data/justification":{"salt":"` + salt + `"}}`, "exactly"},
		"extra member":         {`{"/data/justification":{"a":1,"salt":"` + salt + `","text":"x"}}`, "exactly"},
		"not an object":        {`{"/data/justification":"x"}`, "exactly"},
		"not canonical":        {string(entry.Disclosures) + " ", "canonical"},
		"not JSON":             {"x", "not JSON"},
		"not a map":            {`["x"]`, "not a JSON object"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := evidence.Reveal(evidence.Entry{Leaf: entry.Leaf, Disclosures: []byte(test.disclosures)})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestBadRecordIsNotEncoded(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Record)
		want   string
	}{
		"id of version 4":   {func(r *evidence.Record) { r.ID = "01956e5a-7b00-4000-8000-000000000000" }, "UUIDv7"},
		"id in upper case":  {func(r *evidence.Record) { r.ID = strings.ToUpper(r.ID) }, "lower case"},
		"kind without dot":  {func(r *evidence.Record) { r.Kind = "created" }, "kind"},
		"year beyond 9999":  {func(r *evidence.Record) { r.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year"},
		"no actor":          {func(r *evidence.Record) { r.Actor = "" }, "actor"},
		"no subject":        {func(r *evidence.Record) { r.Subject.ID = "" }, "subject"},
		"negative revision": {func(r *evidence.Record) { r.Revision = -1 }, "revision"},
		"float":             {func(r *evidence.Record) { r.Data["x"] = 1.5 }, "/data/x: float64"},
		"struct":            {func(r *evidence.Record) { r.Data["x"] = struct{ A int }{1} }, "/data/x"},
		"bytes":             {func(r *evidence.Record) { r.Data["x"] = []byte("x") }, "/data/x"},
		"huge integer":      {func(r *evidence.Record) { r.Data["x"] = int64(1) << 60 }, "/data/x"},
		"absent in a list":  {func(r *evidence.Record) { r.Data["x"] = []any{nil} }, "/data/x/0"},
		"looks hidden": {func(r *evidence.Record) {
			r.Data["x"] = map[string]string{"commitment": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
		}, "/data/x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := record(0)
			test.change(&r)
			_, err := evidence.Encode(r, seeded(0))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestRecordWithoutRandomnessIsNotEncoded(t *testing.T) {
	if entry, err := evidence.Encode(record(0), strings.NewReader("short")); err == nil {
		t.Errorf("encoded as %s", entry.Leaf)
	}
}

func TestInvalidUTF8DoesNotStopARecord(t *testing.T) {
	r := record(0)
	r.Data = evidence.Fields{"name": "caf\xe9", "text": evidence.Private("\xff")}
	got, err := evidence.Reveal(encode(t, r))
	if err != nil {
		t.Fatal(err)
	}
	want := evidence.Fields{"name": "caf\uFFFD", "text": evidence.Private("\uFFFD")}
	if diff := cmp.Diff(want, got.Data); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeRefusesWhatEncodeDoesNotWrite(t *testing.T) {
	leaf := string(encode(t, record(0)).Leaf)
	data := strings.Index(leaf, `"data":`) + len(`"data":`)
	tests := map[string]string{
		"white space":       strings.Replace(leaf, ",", ", ", 1),
		"second value":      leaf + leaf,
		"repeated member":   strings.Replace(leaf, `"kind"`, `"id":"x","kind"`, 1),
		"other order":       strings.Replace(strings.Replace(leaf, `"actor":"alice",`, "", 1), `"v":1`, `"v":1,"actor":"alice"`, 1),
		"needless escape":   strings.Replace(leaf, "alice", `\u0061lice`, 1),
		"float":             strings.Replace(leaf, `"revision":0`, `"revision":0.0`, 1),
		"null":              strings.Replace(leaf, `"alice"`, `null`, 1),
		"unknown member":    strings.Replace(leaf, `"v":1`, `"v":1,"w":2`, 1),
		"missing member":    strings.Replace(leaf, `"actor":"alice",`, "", 1),
		"other version":     strings.Replace(leaf, `"v":1`, `"v":2`, 1),
		"time without zone": strings.Replace(leaf, `456Z"`, `456"`, 1),
		"invalid UTF-8":     strings.Replace(leaf, "alice", "\xff", 1),
		"hidden data":       leaf[:data] + `{"commitment":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}` + leaf[strings.Index(leaf, `,"id"`):],
		"empty":             "",
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			if bad == leaf {
				t.Fatal("the case changes nothing")
			}
			if r, err := evidence.Decode([]byte(bad)); err == nil {
				t.Errorf("decoded as %+v", r)
			}
		})
	}
}

// Public members sort by UTF-16 code units: U+1F600 before U+FB33, which byte
// order would turn round (RFC 8785 section 3.2.3).
func TestMembersSortAsTheCanonicalFormDemands(t *testing.T) {
	r := record(0)
	r.Data = evidence.Fields{"\ufb33": 1, "😀": 2, "\r": 3, "1": 4, "ö": 5}
	want := "{\"\\r\":3,\"1\":4,\"ö\":5,\"😀\":2,\"\ufb33\":1}"
	if leaf := encode(t, r).Leaf; !bytes.Contains(leaf, []byte(want)) {
		t.Errorf("got %s, want %s in it", leaf, want)
	}
}

func TestAnyRecordReadsBack(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) any { return anyValue(t, 3) })
	rapid.Check(t, func(t *rapid.T) {
		r := record(rapid.IntRange(0, 1000).Draw(t, "n"))
		r.Time = time.UnixMicro(rapid.Int64Range(-1e15, 1e17).Draw(t, "time")).UTC()
		r.Data = evidence.Fields(rapid.MapOf(rapid.String(), value).Draw(t, "data"))
		got, err := evidence.Reveal(encode(t, r))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

func anyValue(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.String().Draw(t, "text")
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64Range(-(1<<53-1), 1<<53-1).Draw(t, "int")
	case 3:
		return evidence.Private(rapid.String().Draw(t, "private"))
	case 4:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range list {
			list[i] = anyValue(t, depth-1)
		}
		return list
	default:
		object := evidence.Fields{}
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			object[rapid.String().Draw(t, "name")] = anyValue(t, depth-1)
		}
		return object
	}
}
