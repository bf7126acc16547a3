package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// CallKnownFor is how long a call that comes again is known.
const CallKnownFor = 24 * time.Hour

// Call names what an actor asks for, so that it is done once however often it
// arrives. The zero Call has no name, and is done each time.
type Call struct {
	Key string
	// Digest is of all that is asked for: the key stands for nothing else.
	Digest string
}

// Once notes that the actor's call is about to make what has the id. It answers
// with that id, or with the id of what the call made when it came before: then
// nothing is to be done any more. It comes before everything else that a
// transaction holds, and waits for the same call in another one.
func (tx *Tx) Once(ctx context.Context, id string) (made string, err error) {
	call, by := tx.by.Call, string(tx.by.Identity)
	if call.Key == "" {
		return id, nil
	}
	n, err := tx.AddCall(ctx, sqlc.AddCallParams{
		IdentityID: by, Key: call.Key, Digest: call.Digest, Made: id,
		LapsesAt: store.Micros(tx.Now.Add(CallKnownFor)), Now: store.Micros(tx.Now),
	})
	if err != nil {
		return "", fmt.Errorf("note the call %q: %w", call.Key, err)
	}
	if n == 1 {
		return id, nil
	}
	known, err := tx.GetCall(ctx, sqlc.GetCallParams{IdentityID: by, Key: call.Key})
	if err != nil {
		return "", fmt.Errorf("read the call %q: %w", call.Key, err)
	}
	if known.Digest != call.Digest {
		return "", fault.New(fault.Invalid, "the idempotency key %q stands for another call of the last %s; give each call a key of its own, and repeat a call unchanged", call.Key, governance.Duration(CallKnownFor))
	}
	return known.Made, nil
}

// ForgetCalls drops the calls that are known no more.
func (j *Journal) ForgetCalls(ctx context.Context) error {
	if err := j.Bookkeep(ctx, func(tx *Tx) error {
		_, err := tx.PruneCalls(ctx, store.Micros(tx.Now))
		return err
	}); err != nil {
		return fmt.Errorf("forget old calls: %w", err)
	}
	return nil
}
