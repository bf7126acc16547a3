package access_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Whoever adds a time to what is stored decides here what becomes of it when a
// clock that ran ahead is put right, and has ResetClock do it.
const (
	moves   = "moves with time itself, as far as it is later than now"
	mark    = "is what is set back"
	byDate  = "was named by people or by another system by its date, and means that date"
	history = "tells when something was, and is compared with nothing"
	derived = "follows from the document beside it, and is written with that"
	noTime  = "is no time"
)

var columns = map[string]string{
	"state.id": noTime, "state.revision": noTime, "state.evidence_size": noTime, "state.clock_mark": mark,
	"state.restored_at": history,
	"state.set_backs":   noTime, "changes.shard": noTime, "changes.n": noTime, "changes.set_backs": noTime,
	"declared.version": noTime, "declared.uses": noTime,
	"identities.version": noTime, "identities.uses": noTime, "identities.used_at": moves, "identities.due_at": moves,
	"business_events.opened_at": moves, "business_events.ends_at": moves, "business_events.closed_at": history,
	"business_events.version": noTime, "business_events.uses": noTime,
	"event_deliveries.received_at": moves, "event_keys.occurred_at": moves,
	"tokens.created_at": history, "tokens.expires_at": byDate, "tokens.revoked_at": history,
	"discoveries.observed_at": moves, "discoveries.next_at": moves, "discoveries.retired_at": history,
	"accounts.matches": noTime, "accounts.first_seen": history,
	"discovered_entitlements.first_seen": history, "assignments.first_seen": history,
	"requests.deadline": derived,
	"grants.due_at":     derived, "grants.ended_at": derived, "grants.overdue_at": derived, "grants.redecide_at": moves,
	"operations.next_at": moves, "operations.created_at": moves, "operations.done_at": history, "operations.attempts": noTime,
	"proposals.lapses_at":      derived,
	"made_accounts.removed_at": derived, "made_accounts.uses": noTime, "template_holds.n": noTime, "template_holds.place": noTime,
	"paces.taken_until": moves, "evidence_checkpoints.size": noTime,
	"calls.lapses_at": moves,
	"leases.fence":    noTime, "leases.until_at": moves,
	"evidence_records.position": noTime, "evidence_hashes.position": noTime,
}

var documents = map[string]string{
	"Grant.NotBefore": moves, "Grant.ActivateBy": moves, "Grant.NotAfter": moves, "Grant.ActivatedAt": moves, "Grant.RevokingAt": moves,
	"Grant.EndedAt": moves, "Grant.CreatedAt": moves, "Grant.AbandonedAt": moves, "Grant.Ineligible.Since": moves, "Grant.Ineligible.EndsAt": moves,
	"Request.NotBefore": byDate, "Request.ActivateBy": byDate, "Request.Deadline": moves, "Request.CreatedAt": moves, "Request.EndedAt": moves,
	"Request.Approvals.At": moves, "Request.Review.DueAt": moves, "Request.Review.ReviewedAt": moves,
	"Life.AttestedAt": moves, "Life.UsedAt": moves, "Life.UnusedFrom": moves, "Life.AttestFrom": moves,
	"Proposal.At": moves, "Proposal.LapsesAt": moves,
	"BusinessEvent.EndsAt":  moves,
	"MadeAccount.CreatedAt": moves, "MadeAccount.CalledAt": moves, "MadeAccount.MadeAt": moves, "MadeAccount.RemovingAt": moves, "MadeAccount.RemovedAt": moves,
	"Identity.ValidUntil": byDate, "Delegation.StartsAt": byDate, "Delegation.EndsAt": byDate,
	"Finding.FirstSeen": history, "Finding.LastSeen": history, "HeldChange.At": history,
}

func TestEveryStoredTimeIsDecidedOnWhenTimeIsSetBack(t *testing.T) {
	schema, err := os.ReadFile("../../store/migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	table := ""
	stored := map[string]bool{}
	for line := range strings.Lines(string(schema)) {
		if m := regexp.MustCompile(`^CREATE TABLE (\w+)`).FindStringSubmatch(line); m != nil {
			table = m[1]
		}
		if m := regexp.MustCompile(`^    (\w+) BIGINT`).FindStringSubmatch(line); m != nil {
			stored[table+"."+m[1]] = true
		}
	}
	decided(t, stored, columns)

	stored = map[string]bool{}
	for _, document := range []any{
		governance.Grant{}, governance.Request{}, governance.Life{}, governance.Proposal{}, governance.BusinessEvent{}, governance.Finding{},
		governance.HeldChange{}, governance.MadeAccount{}, governance.Identity{}, governance.Application{}, governance.Entitlement{}, governance.EligibilityPolicy{},
		governance.SoDRule{}, governance.GrantTemplate{}, governance.Delegation{}, governance.EventSource{}, governance.Attribute{},
	} {
		timesIn(reflect.TypeOf(document), reflect.TypeOf(document).Name(), stored)
	}
	decided(t, stored, documents)
}

func decided(t *testing.T, stored map[string]bool, table map[string]string) {
	t.Helper()
	if len(stored) == 0 {
		t.Error("nothing is stored")
	}
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		if table[name] == "" {
			t.Errorf("%s is stored, and nobody has decided what becomes of it when time is set back: have ResetClock move it if it must, and say so here", name)
		}
	}
	for name := range table {
		if !stored[name] {
			t.Errorf("%s is decided on and not stored", name)
		}
	}
}

// timesIn finds the times in a type, whatever it is made of.
func timesIn(of reflect.Type, path string, found map[string]bool) {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		timesIn(of.Elem(), path, found)
	case reflect.Struct:
		if of == reflect.TypeFor[time.Time]() {
			found[path] = true
			return
		}
		for i := range of.NumField() {
			field := of.Field(i)
			inner := path + "." + field.Name
			if field.Anonymous {
				inner = path
			}
			timesIn(field.Type, inner, found)
		}
	default:
	}
}
