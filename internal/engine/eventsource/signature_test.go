package eventsource

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func mac(secret, content string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(content))
	return hex.EncodeToString(m.Sum(nil))
}

func TestADeliveryIsAuthenticByItsSignatureAlone(t *testing.T) {
	plain := governance.EventSignature{HMACSHA256: &governance.HMACSignature{Header: "Sig", Prefix: "v1="}}
	timed := governance.EventSignature{HMACSHA256: &governance.HMACSignature{Header: "Sig", TimestampHeader: "At"}}
	bearer := governance.EventSignature{Bearer: &governance.BearerSignature{}}
	for name, c := range map[string]struct {
		signature governance.EventSignature
		headers   map[string]string
		want      bool
	}{
		"right":               {plain, map[string]string{"Sig": "v1=" + mac("s", "body")}, true},
		"one of several":      {plain, map[string]string{"Sig": "v1=" + mac("old", "body") + ", v1=" + mac("s", "body")}, true},
		"capital digits":      {plain, map[string]string{"Sig": "v1=" + strings.ToUpper(mac("s", "body"))}, true},
		"another secret":      {plain, map[string]string{"Sig": "v1=" + mac("x", "body")}, false},
		"another body":        {plain, map[string]string{"Sig": "v1=" + mac("s", "bodies")}, false},
		"another prefix":      {plain, map[string]string{"Sig": "v0=" + mac("s", "body")}, false},
		"none":                {plain, nil, false},
		"cut short":           {plain, map[string]string{"Sig": "v1=" + mac("s", "body")[:32]}, false},
		"behind too many":     {plain, map[string]string{"Sig": strings.Repeat("v1="+mac("x", "body")+",", 40) + "v1=" + mac("s", "body")}, false},
		"signed now":          {timed, map[string]string{"At": "1773144000", "Sig": mac("s", "1773144000.body")}, true},
		"signed in RFC 3339":  {timed, map[string]string{"At": "2026-03-10T12:04:00Z", "Sig": mac("s", "2026-03-10T12:04:00Z.body")}, true},
		"signed too long ago": {timed, map[string]string{"At": "1773143699", "Sig": mac("s", "1773143699.body")}, false},
		"signed ahead":        {timed, map[string]string{"At": "1773144301", "Sig": mac("s", "1773144301.body")}, false},
		"without a time":      {timed, map[string]string{"Sig": mac("s", ".body")}, false},
		"time not signed":     {timed, map[string]string{"At": "1773144000", "Sig": mac("s", "body")}, false},
		"token":               {bearer, map[string]string{"Authorization": "Bearer s"}, true},
		"another token":       {bearer, map[string]string{"Authorization": "Bearer t"}, false},
		"bare token":          {bearer, map[string]string{"Authorization": "s"}, false},
		"nothing to check":    {governance.EventSignature{}, nil, false},
	} {
		d := Delivery{Header: func(name string) string { return c.headers[name] }, Body: []byte("body")}
		if got := authentic(c.signature, "s", d, noon); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	empty := Delivery{Header: func(string) string { return "Bearer " }}
	if authentic(bearer, "", empty, noon) {
		t.Error("an empty secret authenticates")
	}
}

func FuzzSignatures(f *testing.F) {
	f.Add("v1="+mac("s", "body")+",v1=00", "v1=")
	f.Add(",,=, sha256=zz", "sha256=")
	f.Fuzz(func(t *testing.T, header, prefix string) {
		found := signatures(header, prefix)
		if len(found) > maxSignatures {
			t.Errorf("%d signatures", len(found))
		}
		for _, s := range found {
			if len(s) != sha256.Size || !strings.Contains(strings.ToLower(header), hex.EncodeToString(s)) {
				t.Errorf("%x is not in %q", s, header)
			}
		}
	})
}
