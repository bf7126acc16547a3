package governance

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// FindingKind is the stable name of a kind of finding.
type FindingKind string

// The kinds of findings.
const (
	FindingStandingPrivilege     FindingKind = "standing_privilege"
	FindingUndeclaredEntitlement FindingKind = "undeclared_entitlement"
	FindingMissingEntitlement    FindingKind = "missing_entitlement"
	FindingOrphanAccount         FindingKind = "orphan_account"
	FindingRemovedOutOfBand      FindingKind = "removed_out_of_band"
	FindingStillEffective        FindingKind = "still_effective"
	FindingRevokeOverdue         FindingKind = "revoke_overdue"
	FindingResurfaced            FindingKind = "resurfaced"
	FindingIneligibleGrant       FindingKind = "ineligible_grant"
	FindingAbandoned             FindingKind = "abandoned"
	FindingMassChangeHeld        FindingKind = "mass_change_held"
	FindingOrphanedIdentity      FindingKind = "orphaned_identity"
	FindingAttestationDue        FindingKind = "attestation_due"
	FindingUnusedIdentity        FindingKind = "unused_identity"
	FindingExpiringIdentity      FindingKind = "expiring_identity"
	FindingBreakGlassUnreviewed  FindingKind = "break_glass_unreviewed"
	FindingOrphanedGrant         FindingKind = "orphaned_grant"
	FindingAccountLeft           FindingKind = "account_left"
)

// FindingKinds lists every kind, sorted.
func FindingKinds() []FindingKind {
	return []FindingKind{
		FindingAbandoned,
		FindingAccountLeft,
		FindingAttestationDue,
		FindingBreakGlassUnreviewed,
		FindingExpiringIdentity,
		FindingIneligibleGrant,
		FindingMassChangeHeld,
		FindingMissingEntitlement,
		FindingOrphanAccount,
		FindingOrphanedGrant,
		FindingOrphanedIdentity,
		FindingRemovedOutOfBand,
		FindingResurfaced,
		FindingRevokeOverdue,
		FindingStandingPrivilege,
		FindingStillEffective,
		FindingUndeclaredEntitlement,
		FindingUnusedIdentity,
	}
}

// Finding is a difference between what is declared or granted and what is
// observed.
type Finding struct {
	ID       FindingID   `json:"id"`
	Kind     FindingKind `json:"kind"`
	Severity Risk        `json:"severity"`
	// Application is empty for what is about an identity alone.
	Application ApplicationID `json:"application"`
	Account     AccountID     `json:"account,omitempty"`
	Identity    IdentityID    `json:"identity,omitempty"`
	Entitlement EntitlementID `json:"entitlement,omitempty"`
	Grant       GrantID       `json:"grant,omitempty"`
	Message     string        `json:"message"`
	FirstSeen   time.Time     `json:"first_seen"`
	LastSeen    time.Time     `json:"last_seen"`
}

// Key is what makes two sightings the same finding.
func (f Finding) Key() string {
	if f.Application == "" {
		return IdentityFindingKey(f.Kind, f.Identity)
	}
	return EncodeID(string(f.Kind), string(f.Application), string(f.Account), string(f.Entitlement), string(f.Grant))
}

// IdentityFindingKey is the key of what is about an identity alone.
func IdentityFindingKey(kind FindingKind, id IdentityID) string {
	return EncodeID(string(kind), "", string(id))
}

// Observation is one application as it was last read, with the grants that
// bear on it.
type Observation struct {
	Application  ApplicationID
	Accounts     []ObservedAccount
	Entitlements map[EntitlementID]bool
	Assignments  []Holding // Account and Entitlement are set
	Inclusions   Inclusions
	// Implied are the inclusions where holding the first puts the second on the
	// account directly.
	Implied Inclusions
	// ReadAt is when the read began: a grant that moved since is not judged by
	// it.
	ReadAt time.Time
	// Grants are the application's live grants and those that ended since
	// ReadAt.
	Grants []Grant
	// Lingering are ended grants whose account still had the right through
	// another path when the end was read back, and abandoned ones that were not
	// seen gone since.
	Lingering []Grant
	// Resurfaced are ended grants whose right came back and is being revoked
	// again.
	Resurfaced []Grant
	// Held is the mass change that the last read showed and that waits for
	// somebody to let it through; nil when none does.
	Held *HeldChange
	// Made are the accounts that Stint has made and that the target may have.
	Made []MadeAccount
	// Unreviewed are grants given by break-glass whose review is overdue.
	Unreviewed []Unreviewed
}

// ObservedAccount is an account with the identities that its application's
// correlation matches.
type ObservedAccount struct {
	ID       AccountID
	Identity IdentityID
	// Matches is how many identities the correlation matched.
	Matches int
	// Mark is what an account bears that a connector has made; empty for others.
	Mark MadeAccountID
}

// OverdueAfter is how long a revocation may take before it is a finding.
const OverdueAfter = time.Minute

type assignmentKey struct {
	account     AccountID
	entitlement EntitlementID
}

// Findings compares an observation with the declared policy. Sorted by key;
// the times and the id are left to the caller.
func (s *PolicySet) Findings(o Observation, now time.Time) []Finding {
	f := finder{set: s, o: o, now: now, identity: map[AccountID]IdentityID{}, held: map[assignmentKey]bool{}, granted: map[assignmentKey]bool{}, holders: map[EntitlementID]int{}}
	for _, account := range o.Accounts {
		f.identity[account.ID] = account.Identity
	}
	for _, a := range o.Assignments {
		f.held[assignmentKey{a.Account, a.Entitlement}] = true
		f.holders[a.Entitlement]++
	}
	for _, g := range o.Grants {
		if g.Preexisting == nil || *g.Preexisting {
			continue // nothing was put on the account yet, or the right stood before
		}
		for id := range o.Implied.Closure(g.Entitlement) {
			if !slices.Contains(g.Stood, id) {
				f.granted[assignmentKey{g.Account, id}] = true
			}
		}
	}
	for _, g := range o.Lingering {
		if g.AbandonedAt == nil {
			continue
		}
		for _, id := range g.gave(o.Implied) {
			f.granted[assignmentKey{g.Account, id}] = true
		}
	}
	if o.Held != nil {
		f.add(Finding{Kind: FindingMassChangeHeld, Severity: RiskHigh, Message: o.Held.Ask(o.Application)})
	}
	f.accounts()
	f.madeAccounts()
	f.assignments()
	f.entitlements()
	f.grants()
	f.unreviewed()
	slices.SortFunc(f.found, func(a, b Finding) int { return cmp.Compare(a.Key(), b.Key()) })
	return f.found
}

type finder struct {
	set      *PolicySet
	o        Observation
	now      time.Time
	identity map[AccountID]IdentityID
	held     map[assignmentKey]bool
	granted  map[assignmentKey]bool
	holders  map[EntitlementID]int
	found    []Finding
}

func (f *finder) add(finding Finding) {
	finding.Application = f.o.Application
	if finding.Account != "" && finding.Identity == "" {
		finding.Identity = f.identity[finding.Account]
	}
	f.found = append(f.found, finding)
}

func (f *finder) accounts() {
	for _, account := range f.o.Accounts {
		if account.Identity != "" {
			continue
		}
		why := "matches no identity"
		if account.Matches > 1 {
			why = fmt.Sprintf("matches %d identities; the correlation must pick one", account.Matches)
		}
		f.add(Finding{Kind: FindingOrphanAccount, Severity: RiskMedium, Account: account.ID, Message: fmt.Sprintf("account %q %s", account.ID, why)})
	}
}

func (f *finder) assignments() {
	for _, a := range f.o.Assignments {
		if f.granted[assignmentKey{a.Account, a.Entitlement}] {
			continue
		}
		declared := f.set.Entitlements[a.Entitlement]
		switch {
		case declared == nil:
			f.add(Finding{Kind: FindingStandingPrivilege, Severity: RiskHigh, Account: a.Account, Entitlement: a.Entitlement,
				Message: fmt.Sprintf("%q holds %q without an end, and nobody has declared that right", a.Account, a.Entitlement)})
		case declared.Standing == StandingForbidden:
			f.add(Finding{Kind: FindingStandingPrivilege, Severity: declared.Risk, Account: a.Account, Entitlement: a.Entitlement,
				Message: fmt.Sprintf("%q holds %q without an end, which is declared standing = forbidden", a.Account, a.Entitlement)})
		}
	}
}

func (f *finder) entitlements() {
	for id, present := range f.o.Entitlements {
		if present && f.set.Entitlements[id] == nil && f.holders[id] > 0 {
			f.add(Finding{Kind: FindingUndeclaredEntitlement, Severity: RiskMedium, Entitlement: id,
				Message: fmt.Sprintf("%q is held by %d account(s) and not declared", id, f.holders[id])})
		}
	}
	for id, declared := range f.set.Entitlements {
		if declared.Application == f.o.Application && !f.o.Entitlements[id] {
			f.add(Finding{Kind: FindingMissingEntitlement, Severity: RiskHigh, Entitlement: id,
				Message: fmt.Sprintf("%q is declared but does not exist in the target", id)})
		}
	}
}

func (f *finder) grants() {
	for _, g := range f.o.Grants {
		key := assignmentKey{g.Account, g.Entitlement}
		if g.Ineligible != nil && (g.State == GrantProvisioning || g.State == GrantActive) {
			f.add(grantFinding(g, FindingIneligibleGrant, RiskHigh, "%q keeps %q until %s although it would be denied now: %s", g.Account, g.Entitlement, g.dueAt().UTC().Format(time.RFC3339), g.Ineligible.Why))
		}
		if g.State == GrantRevoking && g.EndReason == EndBackupRestored {
			f.add(grantFinding(g, FindingOrphanedGrant, RiskCritical, "%q was given %q after the backup was taken that was restored; it is being taken back", g.Account, g.Entitlement))
		}
		switch {
		case g.State == GrantActive && g.ActivatedAt.Before(f.o.ReadAt) && !f.held[key]:
			f.add(grantFinding(g, FindingRemovedOutOfBand, RiskLow, "%q was granted %q until %s, but somebody took it away in the target", g.Account, g.Entitlement, g.NotAfter.UTC().Format(time.RFC3339)))
		case g.State == GrantRevoking && f.now.Sub(*g.RevokingAt) >= OverdueAfter:
			f.add(grantFinding(g, FindingRevokeOverdue, RiskCritical, "%q should have lost %q at %s, and the target has not confirmed it yet", g.Account, g.Entitlement, g.RevokingAt.UTC().Format(time.RFC3339)))
		}
	}
	for _, g := range f.o.Resurfaced {
		f.add(grantFinding(g, FindingResurfaced, RiskCritical, "%q holds %q again although its grant has ended; it is being revoked again", g.Account, g.Entitlement))
	}
	for _, g := range f.o.Lingering {
		if f.abandoned(g) {
			continue
		}
		if through, ok := f.through(g.Account, g.Entitlement); ok {
			f.add(grantFinding(g, FindingStillEffective, RiskHigh, "the grant of %q to %q has ended, but the account still has the right through %q", g.Entitlement, g.Account, through))
		}
	}
}

// abandoned speaks of a grant that two people gave up on, until the target was
// read without the right.
func (f *finder) abandoned(g Grant) bool {
	key := assignmentKey{g.Account, g.Entitlement}
	if g.AbandonedAt == nil || !f.held[key] && g.AbandonedAt.Before(f.o.ReadAt) {
		return false
	}
	if slices.ContainsFunc(f.o.Resurfaced, func(other Grant) bool { return other.ID == g.ID }) {
		return true // it is taken back after all, which is said already
	}
	message := "two people gave up taking %q from %q, and the target was not read since: the account may still have it"
	if f.held[key] && g.AbandonedAt.Before(f.o.ReadAt) {
		message = "two people gave up taking %q from %q, and the account still has it"
	}
	f.add(grantFinding(g, FindingAbandoned, RiskCritical, message, g.Entitlement, g.Account))
	return true
}

func grantFinding(g Grant, kind FindingKind, severity Risk, format string, args ...any) Finding {
	return Finding{Kind: kind, Severity: severity, Account: g.Account, Identity: g.Identity, Entitlement: g.Entitlement, Grant: g.ID, Message: fmt.Sprintf(format, args...)}
}

// through finds the first held entitlement, by id, that includes another.
func (f *finder) through(account AccountID, id EntitlementID) (EntitlementID, bool) {
	var first EntitlementID
	for _, a := range f.o.Assignments {
		if a.Account != account || a.Entitlement == id || first != "" && first <= a.Entitlement {
			continue
		}
		if _, includes := f.o.Inclusions.Closure(a.Entitlement)[id]; includes {
			first = a.Entitlement
		}
	}
	return first, first != ""
}
