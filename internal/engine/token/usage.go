package token

import (
	"context"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/people"
)

// noteEvery is how exactly the last use of an identity is known.
const noteEvery = time.Minute

// noteUse notes that an identity which somebody owns has called. A note that
// fails is made up for at the next call, and does not refuse this one.
func (t *Tokens) noteUse(ctx context.Context, session Session, now time.Time) {
	id := session.Actor.Identity
	if last, ok := t.noted.Load(id); !session.owned || ok && now.Sub(last.(time.Time)) < noteEvery {
		return
	}
	if err := t.Journal.Bookkeep(ctx, func(tx *journal.Tx) error { return people.NoteUse(ctx, tx, id, now) }); err != nil {
		t.Logger.Warn("the use of an identity is not noted; its next call tries again", "identity", id, "error", err)
		return
	}
	t.noted.Store(id, now)
}
