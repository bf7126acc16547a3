// Package eventsource takes the deliveries of declared event sources: it
// authenticates them, makes out what they mean, and opens, changes and closes
// business events by them.
//
// It promises that a delivery has its effect once, however often it comes; that
// what is older than what was applied changes nothing; and that every delivery
// that was authenticated leaves evidence, with a digest of its payload only.
package eventsource

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Remembered is how long a delivery is known as having come already, where its
// signature is good for a while only; every other one is known for good, since it
// could be sent again at any time.
const Remembered = 30 * 24 * time.Hour

// Sources is the use case of receiving deliveries.
type Sources struct {
	Journal  *journal.Journal
	Declared *declared.Loader
	Access   *access.Access
	// Secrets resolves references in the namespace of one source.
	Secrets func(governance.EventSourceID) connector.Secrets
	Logger  hclog.Logger
}

// Delivery is what came in.
type Delivery struct {
	Source governance.EventSourceID
	// Header is the value of a header, empty when there is none.
	Header func(name string) string
	Body   []byte
}

// Answer is what a delivery did.
type Answer struct {
	// Action is open, update, close, ignore, or stale when something later had
	// been applied already.
	Action string `json:"action"`
	// Event is empty when none was touched.
	Event governance.EventID `json:"event,omitempty"`
}

// stale is the action of a delivery that something later has overtaken.
const stale = "stale"

func errUnauthenticated() error {
	return fault.New(fault.Unauthenticated, "the delivery is not authenticated")
}

// Receive authenticates a delivery and carries it out. The error of one that is
// not authentic, or of no declared source, is Unauthenticated and says no more;
// that of one that cannot be carried out is Invalid and lists what failed.
func (s *Sources) Receive(ctx context.Context, d Delivery) (Answer, error) {
	if err := s.authenticate(ctx, d); err != nil {
		return Answer{}, err
	}
	var answer Answer
	var digest string
	err := s.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) (err error) {
		source, err := held(ctx, tx, d.Source)
		if err != nil {
			return err
		}
		digest = d.digest(source.Signature)
		answer, err = s.once(ctx, tx, source, d, digest)
		return err
	})
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code == fault.Unauthenticated {
		return answer, err
	}
	return Answer{}, errors.Join(s.recordRefusal(ctx, d.Source, digest, refused), invalid(d.Source, refused))
}

// invalid is every refusal to carry a delivery out, as the sender sees it.
func invalid(id governance.EventSourceID, refused *fault.Error) error {
	problems := refused.Problems
	if len(problems) == 0 {
		problems = governance.Problems{{Field: "mapping", Code: governance.CodeInvalid, Message: refused.Message}}
	}
	return fault.FromProblems(fmt.Sprintf("the delivery of event source %q", id), problems)
}

func (s *Sources) recordRefusal(ctx context.Context, id governance.EventSourceID, digest string, refused *fault.Error) error {
	return s.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		return tx.Record("event_source.refused", "event_source", string(id), evidence.Fields{"digest": digest, "reason": journal.Private(refused.Message)})
	})
}

func (s *Sources) authenticate(ctx context.Context, d Delivery) error {
	var source governance.EventSource
	var now time.Time
	err := s.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		now = tx.Now
		source, err = read(ctx, tx, d.Source)
		return err
	})
	if err != nil {
		return err
	}
	ref := ""
	switch {
	case source.Signature.Bearer != nil:
		ref = source.Signature.Bearer.SecretRef
	case source.Signature.HMACSHA256 != nil:
		ref = source.Signature.HMACSHA256.SecretRef
	}
	secret, err := s.Secrets(d.Source)(ctx, ref)
	if err != nil {
		s.Logger.Error("a delivery cannot be authenticated", "event_source", string(d.Source), "error", err)
		return errUnauthenticated()
	}
	if !authentic(source.Signature, secret, d, now) {
		s.Logger.Warn("a delivery is not authentic", "event_source", string(d.Source))
		return errUnauthenticated()
	}
	return nil
}

func read(ctx context.Context, tx *journal.Tx, id governance.EventSourceID) (governance.EventSource, error) {
	row, err := tx.GetDeclared(ctx, sqlc.GetDeclaredParams{Kind: string(governance.KindEventSource), ID: string(id)})
	if errors.Is(err, sql.ErrNoRows) {
		return governance.EventSource{}, errUnauthenticated()
	}
	if err != nil {
		return governance.EventSource{}, fmt.Errorf("read event source %s: %w", id, err)
	}
	object, err := declared.Decode(governance.KindEventSource, row.Body)
	if err != nil {
		return governance.EventSource{}, err
	}
	return object.(governance.EventSource), nil
}

// held is a source whose deliveries wait for one another until the transaction
// ends.
func held(ctx context.Context, tx *journal.Tx, id governance.EventSourceID) (governance.EventSource, error) {
	if _, err := tx.UseDeclared(ctx, sqlc.UseDeclaredParams{Kind: string(governance.KindEventSource), ID: string(id)}); err != nil {
		return governance.EventSource{}, fmt.Errorf("hold event source %s: %w", id, err)
	}
	if err := tx.RereadRevision(); err != nil {
		return governance.EventSource{}, err
	}
	return read(ctx, tx, id)
}

// once carries a delivery out, or gives the answer that it had when it came
// before.
func (s *Sources) once(ctx context.Context, tx *journal.Tx, source governance.EventSource, d Delivery, digest string) (Answer, error) {
	var answer Answer
	known, err := tx.GetDelivery(ctx, sqlc.GetDeliveryParams{SourceID: string(d.Source), Digest: digest})
	if err == nil {
		err = json.Unmarshal([]byte(known), &answer)
		return answer, err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return answer, fmt.Errorf("look for the delivery: %w", err)
	}
	set, err := s.Declared.Set(ctx, tx)
	if err != nil {
		return answer, err
	}
	meant, problems := source.Read(d.Body, set.Attributes, tx.Now)
	if err := fault.FromProblems("the delivery", problems); err != nil {
		return answer, err
	}
	if answer, err = s.carryOut(ctx, tx, d.Source, meant); err != nil {
		return answer, err
	}
	written, err := json.Marshal(answer)
	if err != nil {
		return answer, err
	}
	if signed := source.Signature.HMACSHA256; signed != nil && signed.TimestampHeader != "" {
		if _, err := tx.PruneDeliveries(ctx, sqlc.PruneDeliveriesParams{SourceID: string(d.Source), Before: store.Micros(tx.Now.Add(-Remembered))}); err != nil {
			return answer, fmt.Errorf("forget old deliveries: %w", err)
		}
	}
	if err := tx.InsertDelivery(ctx, sqlc.InsertDeliveryParams{SourceID: string(d.Source), Digest: digest, ReceivedAt: store.Micros(tx.Now), Answer: string(written)}); err != nil {
		return answer, fmt.Errorf("remember the delivery: %w", err)
	}
	return answer, tx.Record("event_source.delivered", "event_source", string(d.Source), evidence.Fields{
		"digest": digest, "action": answer.Action, "business_event": string(answer.Event), "key": journal.Private(meant.Key),
	})
}

// carryOut does what a delivery means. Opening what is open changes it; changing
// or closing what is not open does nothing; a key that is opened anew is another
// event.
func (s *Sources) carryOut(ctx context.Context, tx *journal.Tx, id governance.EventSourceID, meant governance.EventDelivery) (Answer, error) {
	if meant.Action == governance.IgnoreAction {
		return Answer{Action: string(meant.Action)}, nil
	}
	key, err := tx.GetEventKey(ctx, sqlc.GetEventKeyParams{SourceID: string(id), ExternalKey: meant.Key})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Answer{}, fmt.Errorf("look for the event: %w", err)
	}
	occurred := key.OccurredAt
	if meant.OccurredAt != nil {
		if occurred = store.Micros(*meant.OccurredAt); occurred < key.OccurredAt {
			return Answer{Action: stale, Event: governance.EventID(key.EventID)}, nil
		}
	}
	touched, err := s.apply(ctx, tx, governance.EventID(key.EventID), meant)
	if err != nil {
		return Answer{}, err
	}
	if err := tx.PutEventKey(ctx, sqlc.PutEventKeyParams{SourceID: string(id), ExternalKey: meant.Key, EventID: string(touched), OccurredAt: occurred}); err != nil {
		return Answer{}, fmt.Errorf("remember the event: %w", err)
	}
	return Answer{Action: string(meant.Action), Event: touched}, nil
}

func (s *Sources) apply(ctx context.Context, tx *journal.Tx, id governance.EventID, meant governance.EventDelivery) (governance.EventID, error) {
	event, err := s.Access.OpenEventOf(ctx, tx, id)
	if err != nil {
		return id, err
	}
	switch {
	case event == nil && meant.Action == governance.OpenAction:
		opened, err := s.Access.OpenEventIn(ctx, tx, meant.Event)
		return opened.ID, err
	case event == nil:
		return id, nil
	case meant.Action == governance.CloseAction:
		return id, s.Access.CloseEventIn(ctx, tx, *event)
	}
	if meant.KeepsEnd {
		meant.Event.EndsAt = event.EndsAt
	}
	meant.Event.Assignee = event.Assignee
	return id, s.Access.ChangeEventIn(ctx, tx, *event, meant.Event)
}
