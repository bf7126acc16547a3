package property_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// facts are what the database says at one moment, read without the engine.
type facts struct {
	mark       time.Time
	grants     map[governance.GrantID]grantRow
	requests   map[governance.RequestID]requestRow
	operations []operationRow
	// declared are the versions of what is declared, by kind and id.
	declared   map[string]int64
	identities map[governance.IdentityID]identityRow
	events     map[governance.EventID]eventRow
	accounts   map[governance.AccountID]governance.IdentityID
	made       map[governance.MadeAccountID]madeRow
	seen       map[governance.EntitlementID]bool
	assigned   map[held]bool
	findings   map[string]governance.Finding
	// records are those that were not there at the last look.
	records []record
}

type held struct {
	account     governance.AccountID
	entitlement governance.EntitlementID
}

type grantRow struct {
	governance.Grant
	body   string
	due    sql.NullInt64
	marked bool
}

type madeRow struct {
	governance.MadeAccount
	body string
}

type requestRow struct {
	governance.Request
	body string
}

type operationRow struct {
	id, kind string
	grant    governance.GrantID
	account  governance.AccountID
	next     time.Time
	called   bool
}

type identityRow struct {
	governance.Identity
	status    governance.Status
	version   int64
	bootstrap bool
}

type eventRow struct {
	governance.BusinessEvent
	declared bool
	closed   bool
	endsAt   time.Time
	version  int64
}

type record struct {
	id      string
	kind    string
	subject string // its type and id
	actor   string
	// mark is that of a made account, where the record is about one.
	mark governance.MadeAccountID
}

// look reads the facts; known are the records that were seen before.
func look(db *sql.DB, known map[string]bool) (facts, error) {
	f := facts{
		grants: map[governance.GrantID]grantRow{}, requests: map[governance.RequestID]requestRow{},
		declared: map[string]int64{}, identities: map[governance.IdentityID]identityRow{}, events: map[governance.EventID]eventRow{},
		accounts: map[governance.AccountID]governance.IdentityID{}, made: map[governance.MadeAccountID]madeRow{}, seen: map[governance.EntitlementID]bool{},
		assigned: map[held]bool{}, findings: map[string]governance.Finding{},
	}
	var mark int64
	if err := db.QueryRow(`SELECT clock_mark FROM state`).Scan(&mark); err != nil {
		return f, err
	}
	f.mark = time.UnixMicro(mark).UTC()
	reads := []struct {
		query string
		row   func(scan func(...any) error) error
	}{
		{`SELECT body, due_at, redecide_at IS NOT NULL AND live FROM grants`, f.grant},
		{`SELECT body FROM requests`, f.request},
		{`SELECT id, kind, grant_id, account_id, next_at, called FROM operations WHERE done_at IS NULL`, f.operation},
		{`SELECT kind, id, version FROM declared`, f.object},
		{`SELECT id, status, bootstrap, version, body FROM identities`, f.identity},
		{`SELECT id, declared, ends_at, closed_at IS NOT NULL, version, body FROM business_events`, f.event},
		{`SELECT id, identity_id FROM accounts`, f.account},
		{`SELECT body FROM made_accounts`, f.madeAccount},
		{`SELECT id FROM discovered_entitlements`, f.entitlement},
		{`SELECT account_id, entitlement_id FROM assignments`, f.assignment},
		{`SELECT key, body FROM findings`, f.finding},
		{`SELECT id, leaf FROM evidence_records`, func(scan func(...any) error) error { return f.record(scan, known) }},
	}
	for _, read := range reads {
		if err := each(db, read.query, read.row); err != nil {
			return f, fmt.Errorf("%s: %w", read.query, err)
		}
	}
	slices.SortFunc(f.records, func(a, b record) int { return strings.Compare(a.id, b.id) })
	return f, nil
}

func each(db *sql.DB, query string, row func(scan func(...any) error) error) error {
	rows, err := db.Query(query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (f *facts) grant(scan func(...any) error) error {
	var g grantRow
	if err := scan(&g.body, &g.due, &g.marked); err != nil {
		return err
	}
	err := json.Unmarshal([]byte(g.body), &g.Grant)
	f.grants[g.ID] = g
	return err
}

func (f *facts) request(scan func(...any) error) error {
	var r requestRow
	if err := scan(&r.body); err != nil {
		return err
	}
	err := json.Unmarshal([]byte(r.body), &r.Request)
	f.requests[r.ID] = r
	return err
}

func (f *facts) operation(scan func(...any) error) error {
	var o operationRow
	var next int64
	err := scan(&o.id, &o.kind, &o.grant, &o.account, &next, &o.called)
	o.next = time.UnixMicro(next).UTC()
	f.operations = append(f.operations, o)
	return err
}

func (f *facts) object(scan func(...any) error) error {
	var kind, id string
	var version int64
	err := scan(&kind, &id, &version)
	f.declared[kind+" "+id] = version
	return err
}

func (f *facts) identity(scan func(...any) error) error {
	var i identityRow
	var id, body string
	if err := scan(&id, &i.status, &i.bootstrap, &i.version, &body); err != nil {
		return err
	}
	err := json.Unmarshal([]byte(body), &i.Identity)
	f.identities[governance.IdentityID(id)] = i
	return err
}

func (f *facts) event(scan func(...any) error) error {
	var e eventRow
	var id, body string
	var ends int64
	if err := scan(&id, &e.declared, &ends, &e.closed, &e.version, &body); err != nil {
		return err
	}
	e.endsAt = time.UnixMicro(ends).UTC()
	err := json.Unmarshal([]byte(body), &e.BusinessEvent)
	f.events[governance.EventID(id)] = e
	return err
}

func (f *facts) account(scan func(...any) error) error {
	var id governance.AccountID
	var identity governance.IdentityID
	err := scan(&id, &identity)
	f.accounts[id] = identity
	return err
}

func (f *facts) madeAccount(scan func(...any) error) error {
	var a madeRow
	if err := scan(&a.body); err != nil {
		return err
	}
	err := json.Unmarshal([]byte(a.body), &a.MadeAccount)
	f.made[a.ID] = a
	return err
}

func (f *facts) entitlement(scan func(...any) error) error {
	var id governance.EntitlementID
	err := scan(&id)
	f.seen[id] = true
	return err
}

func (f *facts) assignment(scan func(...any) error) error {
	var h held
	err := scan(&h.account, &h.entitlement)
	f.assigned[h] = true
	return err
}

func (f *facts) finding(scan func(...any) error) error {
	var key, body string
	if err := scan(&key, &body); err != nil {
		return err
	}
	var finding governance.Finding
	err := json.Unmarshal([]byte(body), &finding)
	f.findings[key] = finding
	return err
}

func (f *facts) record(scan func(...any) error, known map[string]bool) error {
	var id, leaf string
	if err := scan(&id, &leaf); err != nil || known[id] {
		return err
	}
	known[id] = true
	var l struct {
		Kind    string
		Actor   string
		Subject struct{ Type, ID string }
		Data    struct{ Mark governance.MadeAccountID }
	}
	err := json.Unmarshal([]byte(leaf), &l)
	f.records = append(f.records, record{id: id, kind: l.Kind, subject: l.Subject.Type + " " + l.Subject.ID, actor: l.Actor, mark: l.Data.Mark})
	return err
}

// now is the time that the engine goes by: the clock, or the mark when that is
// later.
func (f facts) now(clock time.Time) time.Time {
	if clock.Before(f.mark) {
		return f.mark
	}
	return clock
}

// called reports whether a target may have been called for the grant, so that
// what it gives may stand.
func called(g governance.Grant) bool {
	switch g.State {
	case governance.GrantProvisioning, governance.GrantActive, governance.GrantRevoking:
		return true
	}
	return false
}
