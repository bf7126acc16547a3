package engine_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/eventsource"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (h *harness) pager() {
	h.t.Helper()
	folder := filepath.Join(h.config.SecretsDir, "source-pager")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, "secret"), []byte("s3cret"), 0o600)); err != nil {
		h.t.Fatal(err)
	}
	h.put(governance.EventSource{
		Name:      "pager",
		Signature: governance.EventSignature{HMACSHA256: &governance.HMACSignature{Header: "X-Signature", SecretRef: "file:secret"}},
		Fields: map[string]governance.PayloadField{
			"do": {Path: "/do", Type: governance.StringAttribute}, "id": {Path: "/id", Type: governance.StringAttribute},
			"until": {Path: "/until", Type: governance.TimeAttribute}, "at": {Path: "/at", Type: governance.TimeAttribute},
			"level": {Path: "/level", Type: governance.IntAttribute},
		},
		Mapping: governance.EventMapping{
			Action: `field.do == null ? "ignore" : field.do`, Key: `field.id != null ? field.id : ""`, Name: `field.id != null ? field.id : ""`,
			Kind: `"incident"`, Severity: `field.level != null ? field.level : 1`, EndsAt: `field.until != null ? field.until : now`, OccurredAt: `field.at != null ? field.at : now`,
		},
	})
}

func (h *harness) deliver(do, id string, until, at time.Time) (eventsource.Answer, error) {
	return h.deliverTo("pager", fmt.Sprintf(`{"do": %q, "id": %q, "until": %q, "at": %q}`, do, id, until.Format(time.RFC3339), at.Format(time.RFC3339)), "s3cret")
}

func (h *harness) deliverTo(source governance.EventSourceID, body, secret string) (eventsource.Answer, error) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	signature := hex.EncodeToString(mac.Sum(nil))
	return h.engine.EventSources.Receive(h.t.Context(), eventsource.Delivery{
		Source: source, Body: []byte(body), Header: func(string) string { return signature },
	})
}

func (h *harness) event(id governance.EventID) catalog.Stored {
	h.t.Helper()
	stored, err := h.engine.Catalog.Get(h.t.Context(), governance.KindBusinessEvent, string(id))
	if err != nil {
		h.t.Fatal(err)
	}
	return stored
}

func TestDeliveriesOpenChangeAndCloseAnEvent(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.pager()
		now := h.clock.Now()
		must := func(do string, until, at time.Duration) eventsource.Answer {
			t.Helper()
			answer, err := h.deliver(do, "INC-1", now.Add(until), now.Add(at))
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		opened := must("open", 4*time.Hour, 0)
		held := h.granted("alice", "INC-1", dba)
		if again := must("open", 4*time.Hour, 0); again != opened {
			t.Errorf("the same delivery again: %+v, want %+v", again, opened)
		}
		must("update", time.Hour/2, time.Minute)
		if g := h.grant(held); !g.NotAfter.Equal(now.Add(time.Hour / 2)) {
			t.Errorf("the grant ends at %s, want the event's earlier end", g.NotAfter)
		}
		if late := must("update", 8*time.Hour, time.Second); late.Action != "stale" {
			t.Errorf("an older delivery: %+v", late)
		}
		must("open", 6*time.Hour, 2*time.Minute)
		if e := h.event(opened.Event); !e.Object.(governance.BusinessEvent).EndsAt.Equal(now.Add(6*time.Hour)) || e.Version != 3 {
			t.Errorf("the event: %+v", e)
		}
		if g := h.grant(held); !g.NotAfter.Equal(now.Add(time.Hour / 2)) {
			t.Errorf("a later end lengthened the grant to %s", g.NotAfter)
		}
		must("close", 6*time.Hour, 3*time.Minute)
		h.ended(held, governance.EndEventClosed, governance.OutcomeRemoved)
		if late := must("update", 9*time.Hour, 4*time.Minute); late.Event != opened.Event || h.event(opened.Event).ClosedAt == nil {
			t.Errorf("a change of what is closed: %+v", late)
		}
		if replayed := must("open", 4*time.Hour, 0); replayed != opened || h.event(opened.Event).ClosedAt == nil {
			t.Errorf("a replay opens the event again: %+v", replayed)
		}
		reopened := must("open", 6*time.Hour, 5*time.Minute)
		if reopened.Event == opened.Event || h.event(reopened.Event).ClosedAt != nil {
			t.Errorf("reopened: %+v", reopened)
		}
		report := h.verifyEvidence()
		if k := report.Kinds; k["business_event.opened"] != 2 || k["business_event.closed"] != 1 || k["business_event.updated"] != 1 || k["business_event.extended"] != 1 || k["event_source.delivered"] != 7 {
			t.Errorf("evidence: %v", k)
		}
	})
}

func TestADeliveryThatChangesAnEventHasItsGrantsDecidedAgain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.pager()
		change(h, governance.KindPolicy, "oncall", func(p *governance.EligibilityPolicy) {
			p.Condition = `event != null && event.severity != null && event.severity <= 2`
		})
		until := h.clock.Now().Add(4 * time.Hour)
		report := func(do string, level int) {
			t.Helper()
			body := fmt.Sprintf(`{"do": %q, "id": "INC-1", "until": %q, "level": %d}`, do, until.Format(time.RFC3339), level)
			if _, err := h.deliverTo("pager", body, "s3cret"); err != nil {
				t.Fatal(err)
			}
		}
		report("open", 1)
		held := h.granted("alice", "INC-1", dba)
		report("update", 4)
		h.ended(held, governance.EndIneligible, governance.OutcomeRemoved)
	})
}

func TestADeliveryThatIsNotAuthenticOrNotUnderstoodDoesNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.pager()
		for name, send := range map[string]func() (eventsource.Answer, error){
			"another secret": func() (eventsource.Answer, error) { return h.deliverTo("pager", `{}`, "x") },
			"no such source": func() (eventsource.Answer, error) { return h.deliverTo("nobody", `{}`, "s3cret") },
		} {
			if _, err := send(); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.opens(governance.BusinessEvent{Name: "INC-2", Kind: governance.Incident, EndsAt: h.clock.Now().Add(time.Hour)})
		past, later := h.clock.Now().Add(-time.Hour), h.clock.Now().Add(time.Hour)
		refusals := []func() (eventsource.Answer, error){
			func() (eventsource.Answer, error) { return h.deliverTo("pager", `{"do": `, "s3cret") },
			func() (eventsource.Answer, error) { return h.deliver("explode", "INC-1", later, later) },
			func() (eventsource.Answer, error) { return h.deliver("open", "", later, later) },
			func() (eventsource.Answer, error) { return h.deliver("open", "INC-1", past, later) },
			func() (eventsource.Answer, error) { return h.deliver("open", "INC-2", later, later) },
		}
		for n, send := range refusals {
			var refused *fault.Error
			if _, err := send(); !errors.As(err, &refused) || refused.Code != fault.Invalid || len(refused.Problems) == 0 {
				t.Errorf("refusal %d: %v", n, err)
			}
		}
		events, err := h.engine.Access.ListEvents(t.Context(), true)
		if err != nil || len(events) != 1 {
			t.Errorf("%d events are open, %v", len(events), err)
		}
		if report := h.verifyEvidence(); report.Kinds["event_source.refused"] != int64(len(refusals)) || report.Kinds["event_source.delivered"] != 0 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}

func TestDeliveriesOfOneKeyAtOnceOpenOneEvent(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.pager()
		now := h.clock.Now()
		answers := make([]eventsource.Answer, 8)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() {
				answer, err := h.deliver("open", "INC-1", now.Add(time.Hour), now.Add(time.Duration(i%4)*time.Second))
				if err != nil {
					t.Error(err)
				}
				answers[i] = answer
			})
		}
		all.Wait()
		for _, answer := range answers {
			if answer.Event != answers[0].Event {
				t.Errorf("%+v and %+v", answers[0], answer)
			}
		}
		if report := h.verifyEvidence(); report.Kinds["business_event.opened"] != 1 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}

// A delivery whose signature holds for good could be sent again at any time, and its
// mapping may take the time of it from the clock.
func TestAReplayIsKnownHoweverLateItComes(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.pager()
		end := h.clock.Now().Add(365 * 24 * time.Hour)
		body := func(do string) string {
			return fmt.Sprintf(`{"do": %q, "id": "INC-1", "until": %q}`, do, end.Format(time.RFC3339))
		}
		opened, err := h.deliverTo("pager", body("open"), "s3cret")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.deliverTo("pager", body("close"), "s3cret"); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(eventsource.Remembered + time.Second)
		if _, err := h.deliver("ignore", "INC-2", end, end); err != nil {
			t.Fatal(err)
		}
		replayed, err := h.deliverTo("pager", body("open"), "s3cret")
		if err != nil || replayed != opened {
			t.Errorf("the replay: %+v, %v; the first time it was %+v", replayed, err, opened)
		}
		if report := h.verifyEvidence(); report.Kinds["business_event.opened"] != 1 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}
