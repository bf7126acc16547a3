package separation

import "github.com/RoaringBitmap/roaring/v2"

// bitmaps are the holders of each entitlement, and of the two duties that each
// entitlement must not be held with.
type bitmaps struct {
	estate
	holders []*roaring.Bitmap
	// against are, by entitlement, the duties opposite to its own.
	against [][][]uint32
}

func newBitmaps(e estate) bitmaps {
	b := bitmaps{estate: e, holders: make([]*roaring.Bitmap, entitlements), against: make([][][]uint32, entitlements)}
	for i := range b.holders {
		b.holders[i] = roaring.New()
	}
	for identity, held := range e.held {
		for _, entitlement := range held {
			b.holders[entitlement].Add(uint32(identity)) //nolint:gosec // there are 100,000
		}
	}
	for _, rule := range e.rules {
		for side, duty := range rule {
			for _, entitlement := range duty {
				b.against[entitlement] = append(b.against[entitlement], rule[1-side])
			}
		}
	}
	return b
}

func (b bitmaps) detect() int {
	conflicts := uint64(0)
	for _, rule := range b.rules {
		conflicts += b.union(rule[0]).AndCardinality(b.union(rule[1]))
	}
	return int(conflicts) //nolint:gosec // at most identities times rules
}

// union is whoever touches a duty.
func (b bitmaps) union(duty []uint32) *roaring.Bitmap {
	each := make([]*roaring.Bitmap, len(duty))
	for i, entitlement := range duty {
		each[i] = b.holders[entitlement]
	}
	return roaring.FastOr(each...)
}

func (b bitmaps) whatIf(t try) (conflicts int) {
	for _, opposite := range b.against[t.more] {
		for _, entitlement := range opposite {
			if b.holders[entitlement].Contains(t.identity) {
				conflicts++
				break
			}
		}
	}
	return conflicts
}
