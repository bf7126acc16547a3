package governance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// DefaultMaxGone is the share, in percent, of what is known of an
	// application that one read may show as gone.
	DefaultMaxGone = 20
	// MassChangeFloor is how much may be gone whatever share that is: in a small
	// target every change is a large one.
	MassChangeFloor = 10
	// nearlyEmpty is the share, in percent, of the accounts or entitlements of a
	// target that at least has to be left, however few they are: an answer without
	// is rather wrong than true.
	nearlyEmpty = 10
)

// MaxGone is the share, in percent, that one read may show as gone.
func (d DiscoverySchedule) MaxGone() int64 {
	if d.MaxGonePercent == 0 {
		return DefaultMaxGone
	}
	return d.MaxGonePercent
}

// Share is what a complete read does not show any more, of all that is known.
type Share struct {
	Gone  []string `json:"gone"`
	Known int      `json:"known"`
	// Eroded is by how much what is known has become less by the reads that were
	// believed since somebody last let one through.
	Eroded int `json:"eroded,omitempty"`
	// Appeared is how much the read shows that was not known.
	Appeared int `json:"-"`
}

// tooMuch says whether so much cannot be taken for gone unasked, together with
// what was believed to be before: else a target could go bit by bit.
func (s Share) tooMuch(percent int64) bool {
	gone, all := int64(s.Eroded+len(s.Gone)), int64(s.Eroded+s.Known)
	return len(s.Gone) > 0 && gone >= MassChangeFloor && gone*100 > percent*all
}

// emptied says whether hardly anything is left, be it ever so little that there
// was. Somebody who believes everything believes that too.
func (s Share) emptied(percent int64) bool {
	left := s.Known - len(s.Gone)
	return percent < 100 && len(s.Gone) > 0 && left*100 <= nearlyEmpty*s.Known
}

// after is by how much it has become less once the read is believed.
func (s Share) after() int { return max(0, s.Eroded+len(s.Gone)-s.Appeared) }

// Vanished is what one complete read of an application does not show any more.
type Vanished struct {
	Accounts     Share `json:"accounts"`
	Entitlements Share `json:"entitlements"`
	// Assignments leave out what grants have moved.
	Assignments Share `json:"assignments"`
}

// TooMuch says whether it is a mass change, by the share in percent that one read
// may show as gone. accepted is one that somebody has let through already: what
// was gone in that does not count again.
func (v Vanished) TooMuch(percent int64, accepted *HeldChange) bool {
	if accepted != nil {
		v.Accounts = v.Accounts.beyond(accepted.Accounts)
		v.Entitlements = v.Entitlements.beyond(accepted.Entitlements)
		v.Assignments = v.Assignments.beyond(accepted.Assignments)
	}
	return v.Accounts.tooMuch(percent) || v.Entitlements.tooMuch(percent) || v.Assignments.tooMuch(percent) ||
		v.Accounts.emptied(percent) || v.Entitlements.emptied(percent)
}

// Erosion is by how much an application has become less, read by read, since
// somebody last let that through.
type Erosion struct {
	Accounts     int `json:"accounts,omitempty"`
	Entitlements int `json:"entitlements,omitempty"`
	Assignments  int `json:"assignments,omitempty"`
}

// Since is what vanished, on top of what went before.
func (v Vanished) Since(e Erosion) Vanished {
	v.Accounts.Eroded, v.Entitlements.Eroded, v.Assignments.Eroded = e.Accounts, e.Entitlements, e.Assignments
	return v
}

// Erosion is by how much the application has become less once the read is
// believed.
func (v Vanished) Erosion() Erosion {
	return Erosion{Accounts: v.Accounts.after(), Entitlements: v.Entitlements.after(), Assignments: v.Assignments.after()}
}

func (s Share) beyond(accepted Share) Share {
	known := make(map[string]bool, len(accepted.Gone))
	for _, id := range accepted.Gone {
		known[id] = true
	}
	return Share{Known: s.Known, Appeared: s.Appeared, Gone: slices.DeleteFunc(slices.Clone(s.Gone), func(id string) bool { return known[id] })}
}

// HeldChange is a mass change that waits for somebody to let it through.
type HeldChange struct {
	// ID names what is gone: the same again has the same one.
	ID string    `json:"id"`
	At time.Time `json:"at"`
	Vanished
}

// Hold keeps a mass change that was read at a time.
func (v Vanished) Hold(at time.Time) HeldChange {
	sum := sha256.New()
	for _, share := range []*Share{&v.Accounts, &v.Entitlements, &v.Assignments} {
		slices.Sort(share.Gone)
		for _, id := range share.Gone {
			sum.Write([]byte(id + "\n"))
		}
		sum.Write([]byte("\n"))
	}
	return HeldChange{ID: hex.EncodeToString(sum.Sum(nil))[:12], At: at, Vanished: v}
}

// String says how much is gone.
func (v Vanished) String() string {
	var parts []string
	for _, part := range []struct {
		what  string
		share Share
	}{{"accounts", v.Accounts}, {"entitlements", v.Entitlements}, {"assignments", v.Assignments}} {
		if len(part.share.Gone) > 0 {
			text := fmt.Sprintf("%d of %d %s", len(part.share.Gone), part.share.Known, part.what)
			if part.share.Eroded > 0 {
				text += fmt.Sprintf(" (after %d that went before unasked)", part.share.Eroded)
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

// Ask is what is said about it to whoever can let it through.
func (h HeldChange) Ask(id ApplicationID) string {
	return fmt.Sprintf("the last read of %q does not show %s any more; that is too much to be believed unasked, so nothing of it is taken over (revocations go on). "+
		"Look at the target; if it is true, let it through: stint sync %s --accept %s", id, h.Vanished, id, h.ID)
}
