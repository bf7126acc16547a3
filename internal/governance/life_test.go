package governance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const day = 24 * time.Hour

func lasting(d time.Duration) *Duration { return (*Duration)(&d) }

func bot(edit func(*Person)) Person {
	p := Person{Identity: Identity{Name: "bot", Type: Agent, Owner: "alice"}, Status: Active, Life: Life{Set: Active}}
	edit(&p)
	return p
}

func TestTimeTakesAccess(t *testing.T) {
	for name, c := range map[string]struct {
		person Person
		want   Status
		why    string
	}{
		"nothing demanded": {bot(func(*Person) {}), Active, ""},
		"valid":            {bot(func(p *Person) { p.ValidUntil = new(noon.Add(time.Second)) }), Active, ""},
		"no longer valid":  {bot(func(p *Person) { p.ValidUntil = new(noon) }), Left, "valid until"},
		"used":             {bot(func(p *Person) { p.UnusedAfter, p.Life.UsedAt = lasting(day), new(noon.Add(-day+1)) }), Active, ""},
		"not used":         {bot(func(p *Person) { p.UnusedAfter, p.Life.UsedAt = lasting(day), new(noon.Add(-day)) }), Suspended, "not used for 1d"},
		"demanded only now": {bot(func(p *Person) {
			p.UnusedAfter, p.Life.UsedAt, p.Life.UnusedFrom = lasting(day), new(noon.Add(-9*day)), new(noon)
		}), Active, ""},
		"needed, its owner says": {bot(func(p *Person) {
			p.UnusedAfter, p.Life.UsedAt, p.Life.AttestedAt = lasting(day), new(noon.Add(-9*day)), new(noon)
		}), Active, ""},
		"attested":     {bot(func(p *Person) { p.AttestEvery, p.Life.AttestedAt = lasting(day), new(noon.Add(-day+1)) }), Active, ""},
		"not attested": {bot(func(p *Person) { p.AttestEvery, p.Life.AttestedAt = lasting(day), new(noon.Add(-day)) }), Suspended, `"alice" did not attest`},
		"use is no attestation": {bot(func(p *Person) {
			p.AttestEvery, p.Life.AttestFrom, p.Life.UsedAt = lasting(day), new(noon.Add(-day)), new(noon)
		}), Suspended, "did not attest"},
		"leaving outweighs": {bot(func(p *Person) {
			p.AttestEvery, p.Life.AttestFrom, p.ValidUntil = lasting(day), new(noon.Add(-9*day)), new(noon)
		}), Left, "did not attest"},
		"what people set stays": {bot(func(p *Person) {
			p.Life.Set, p.Status, p.UnusedAfter, p.Life.AttestedAt = Suspended, Suspended, lasting(day), new(noon)
		}), Suspended, ""},
		"who has left has left": {bot(func(p *Person) {
			p.Life.Set, p.Status, p.AttestEvery, p.Life.AttestFrom = Left, Left, lasting(day), new(noon.Add(-day))
		}), Left, "did not attest"},
		"the declaration counts": {bot(func(p *Person) { p.AttestEvery = lasting(day); p.Life = p.Life.Demand(p.Identity, noon.Add(-day)) }), Suspended, "did not attest"},
		"activated, so used anew": {bot(func(p *Person) {
			p.UnusedAfter, p.Life.UnusedFrom = lasting(day), new(noon.Add(-9*day))
			p.Life = p.Life.SetTo(Active, noon)
		}), Active, ""},
		"a demand that was dropped": {bot(func(p *Person) { p.Life.AttestFrom = new(noon.Add(-9 * day)); p.Life = p.Life.Demand(p.Identity, noon) }), Active, ""},
	} {
		if got := c.person.Judge(noon); got != c.want {
			t.Errorf("%s: judged %s, want %s", name, got, c.want)
		}
		if got := c.person.StatusAt(noon); got != c.want {
			t.Errorf("%s: counts as %s, want %s", name, got, c.want)
		}
		if got := c.person.Because(noon); (c.why == "") != (got == "") || !strings.Contains(got, c.why) {
			t.Errorf("%s: because %q, want something of %q", name, got, c.why)
		}
	}
}

// Who only looks at the moments that NextChange names misses nothing.
func TestNothingChangesBetweenTheMomentsThatAreNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) *time.Time {
			if rapid.Bool().Draw(t, "none") {
				return nil
			}
			return new(noon.Add(time.Duration(rapid.Int64Range(-int64(40*day), int64(40*day)).Draw(t, "offset"))))
		})
		length := rapid.Custom(func(t *rapid.T) *Duration {
			if rapid.Bool().Draw(t, "none") {
				return nil
			}
			return lasting(time.Duration(rapid.Int64Range(int64(MinLifeSpan), int64(40*day)).Draw(t, "length")))
		})
		p := bot(func(p *Person) {
			p.ValidUntil, p.UnusedAfter, p.AttestEvery = moment.Draw(t, "valid_until"), length.Draw(t, "unused_after"), length.Draw(t, "attest_every")
			p.Life.UsedAt, p.Life.AttestedAt = moment.Draw(t, "used"), moment.Draw(t, "attested")
			p.Life.UnusedFrom, p.Life.AttestFrom = moment.Draw(t, "unused from"), moment.Draw(t, "attest from")
		})
		say := func(now time.Time) string {
			text := string(p.Judge(now))
			for _, f := range p.Findings(nil, now) {
				text += " " + f.Key() + " " + string(f.Severity)
			}
			return text
		}
		next, ok := p.NextChange(noon)
		for range 20 {
			later := noon.Add(time.Duration(rapid.Int64Range(0, int64(120*day)).Draw(t, "later")))
			if same := say(later) == say(noon); !same && (!ok || later.Before(next)) {
				t.Fatalf("at %s it is %q, at %s %q, and the next change is at %s (%t)", noon, say(noon), later, say(later), next, ok)
			}
		}
		if ok && say(next.Add(-1)) == say(next) {
			t.Fatalf("nothing changes at %s: %q", next, say(next))
		}
	})
}

func TestFindingsSpeakBeforeTimeTakesAccess(t *testing.T) {
	alice := &Person{Identity: Identity{Name: "alice", Type: Human}, Status: Active}
	gone := &Person{Identity: Identity{Name: "alice", Type: Human}, Status: Left}
	attested := func(before time.Duration) Person {
		return bot(func(p *Person) { p.AttestEvery, p.Life.AttestedAt = lasting(40*day), new(noon.Add(-before)) })
	}
	unused := func(before time.Duration) Person {
		return bot(func(p *Person) { p.UnusedAfter, p.Life.UsedAt = lasting(80*day), new(noon.Add(-before)) })
	}
	for name, c := range map[string]struct {
		person Person
		owner  *Person
		want   []string
	}{
		"well":           {attested(29 * day), alice, nil},
		"due soon":       {attested(30 * day), alice, []string{"attestation_due medium"}},
		"overdue":        {attested(40 * day), alice, []string{"attestation_due high"}},
		"in use":         {unused(65 * day), alice, nil},
		"hardly in use":  {unused(66 * day), alice, []string{"unused_identity medium"}},
		"out of use":     {unused(80 * day), alice, []string{"unused_identity high"}},
		"expires":        {bot(func(p *Person) { p.ValidUntil = new(noon.Add(14 * day)) }), alice, []string{"expiring_identity medium"}},
		"expired":        {bot(func(p *Person) { p.ValidUntil = new(noon) }), alice, nil},
		"owner left":     {bot(func(*Person) {}), gone, []string{"orphaned_identity high"}},
		"no owner":       {bot(func(*Person) {}), nil, []string{"orphaned_identity high"}},
		"left by itself": {bot(func(p *Person) { p.Life.Set = Left }), gone, nil},
	} {
		var got []string
		for _, f := range c.person.Findings(c.owner, noon) {
			got = append(got, string(f.Kind)+" "+string(f.Severity))
			if f.Identity != "bot" || f.Application != "" || !slices.Contains(IdentityFindingKinds(), f.Kind) {
				t.Errorf("%s: the finding is about %+v", name, f)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
