package eventsource

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// maxSignatures bounds how many signatures of one delivery are compared.
const maxSignatures = 16

// authentic says whether a delivery is signed with the secret, and now.
func authentic(s governance.EventSignature, secret string, d Delivery, now time.Time) bool {
	switch {
	case secret == "":
		return false
	case s.Bearer != nil:
		given, ok := strings.CutPrefix(d.Header("Authorization"), "Bearer ")
		a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
		return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
	case s.HMACSHA256 != nil:
		h := *s.HMACSHA256
		return signedNow(h, d, now) && signed(h, secret, d)
	}
	return false
}

func signed(h governance.HMACSignature, secret string, d Delivery) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(d.signedContent(h))
	want := mac.Sum(nil)
	right := false
	for _, signature := range signatures(d.Header(h.Header), h.Prefix) {
		right = hmac.Equal(signature, want) || right
	}
	return right
}

// signatures are those of a header that have the prefix and are in hexadecimal
// digits.
func signatures(header, prefix string) [][]byte {
	var found [][]byte
	for _, part := range strings.SplitN(header, ",", maxSignatures+1) {
		digits, ok := strings.CutPrefix(strings.TrimSpace(part), prefix)
		if !ok || len(digits) != 2*sha256.Size || len(found) == maxSignatures {
			continue
		}
		if signature, err := hex.DecodeString(digits); err == nil {
			found = append(found, signature)
		}
	}
	return found
}

// signedContent is what the sender has signed.
func (d Delivery) signedContent(h governance.HMACSignature) []byte {
	if h.TimestampHeader == "" {
		return d.Body
	}
	return append([]byte(d.Header(h.TimestampHeader)+"."), d.Body...)
}

// signedNow says whether the delivery's timestamp, where one is demanded, is near
// enough.
func signedNow(h governance.HMACSignature, d Delivery, now time.Time) bool {
	if h.TimestampHeader == "" {
		return true
	}
	tolerance := governance.DefaultTolerance
	if h.Tolerance != nil {
		tolerance = h.Tolerance.Std()
	}
	at, ok := timestamp(d.Header(h.TimestampHeader))
	return ok && now.Sub(at).Abs() <= tolerance
}

func timestamp(text string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), true
	}
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

// digest names a delivery: a replay has the same.
func (d Delivery) digest(s governance.EventSignature) string {
	content := d.Body
	if h := s.HMACSHA256; h != nil {
		content = d.signedContent(*h)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
