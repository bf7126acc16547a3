package governance

import "slices"

// Holding is one entitlement that an identity has, or would have, directly.
type Holding struct {
	Identity    IdentityID    `json:"identity"`
	Account     AccountID     `json:"account"`
	Entitlement EntitlementID `json:"entitlement"`
	// Grant is the live grant that gives it; empty when it stands by itself.
	Grant GrantID `json:"grant,omitempty"`
}

// Inclusions says which entitlements each entitlement includes directly.
type Inclusions map[EntitlementID][]EntitlementID

// Closure is id and everything it includes, each with the path from id to it
// (id first, itself last): a shortest one, and among those the first by id,
// whatever the order of the inclusions. It ends on cycles.
func (in Inclusions) Closure(id EntitlementID) map[EntitlementID][]EntitlementID {
	paths := map[EntitlementID][]EntitlementID{id: {id}}
	queue := []EntitlementID{id}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		for _, to := range slices.Sorted(slices.Values(in[from])) {
			if _, seen := paths[to]; seen {
				continue
			}
			paths[to] = append(slices.Clone(paths[from]), to)
			queue = append(queue, to)
		}
	}
	return paths
}
