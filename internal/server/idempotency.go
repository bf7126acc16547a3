package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
)

// maxCallKey bounds an idempotency key.
const maxCallKey = 255

// Naming names a call by its key, as in the IETF's draft of the Idempotency-Key
// header; quotes around it are the draft's and may be left away.
type Naming struct {
	Key string `header:"Idempotency-Key" doc:"Names the call, so that it is done once however often it arrives within 24 hours: a value of your own for each call, such as a UUID. A call that comes again is answered with what the first one made, as that is now; another call with the same key is refused"`
}

// actor is the caller, with the call named. what and body are all that is asked for.
func (n Naming) actor(who caller, what string, body any) (journal.Actor, error) {
	if n.Key == "" {
		return who.actor, nil
	}
	key := n.Key
	if inner, quoted := strings.CutPrefix(key, `"`); quoted {
		key, _ = strings.CutSuffix(inner, `"`)
	}
	if key == "" || len(key) > maxCallKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return who.actor, newRefusal(http.StatusBadRequest, api.CodeMalformed, "the Idempotency-Key is not understood; send 1 to %d printable ASCII characters, such as a UUID", maxCallKey)
	}
	asked, err := json.Marshal(body)
	if err != nil {
		return who.actor, fmt.Errorf("digest of %s: %w", what, err)
	}
	sum := sha256.Sum256(append([]byte(what+"\n"), asked...))
	who.actor.Call = journal.Call{Key: key, Digest: hex.EncodeToString(sum[:])}
	return who.actor, nil
}
