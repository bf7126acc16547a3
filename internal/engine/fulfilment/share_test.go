package fulfilment

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestCallsAreSharedByThoseWhoAsk(t *testing.T) {
	held := func(holder string, calls int, left time.Duration) share {
		return share{Holder: holder, Calls: calls, Until: store.Micros(noon.Add(left))}
	}
	for name, c := range map[string]struct {
		before     shares
		want, size int
		calls      int
	}{
		"the first":                            {nil, 2, 4, 2},
		"no more than there are":               {nil, 9, 4, 4},
		"what others leave":                    {shares{held("b", 1, time.Second), held("c", 2, time.Second)}, 4, 4, 1},
		"nothing is left":                      {shares{held("b", 4, time.Second)}, 4, 4, 0},
		"there are fewer than others have":     {shares{held("b", 4, time.Second)}, 1, 2, 0},
		"another's has run out":                {shares{held("b", 4, 0)}, 4, 4, 4},
		"one's own counts for nothing":         {shares{held("a", 4, time.Second)}, 1, 4, 1},
		"it is given back":                     {shares{held("a", 4, time.Second)}, 0, 4, 0},
		"another's clock was ahead":            {shares{held("b", 3, time.Hour)}, 4, 4, 1},
		"and one that runs out within a lease": {shares{held("b", 3, leaseFor)}, 4, 4, 1},
	} {
		calls, after := c.before.divide("a", c.want, c.size, noon)
		if calls != c.calls {
			t.Errorf("%s: %d calls, want %d", name, calls, c.calls)
		}
		for _, s := range after {
			if s.Until > store.Micros(noon.Add(leaseFor)) || s.Calls < 1 {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if again := readShares(after.String()); again.String() != after.String() {
			t.Errorf("%s: written and read, %s is %s", name, after, again)
		}
	}
	if got := readShares("{"); got != nil {
		t.Errorf("what cannot be read is %v", got)
	}
}

// However processes come, ask, give back and die, the shares that run are never
// more than there are calls.
func TestSharesAreNeverMoreThanTheCalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 8).Draw(t, "size")
		var s shares
		has := map[string]share{}
		for now := noon; now.Before(noon.Add(30 * time.Second)); now = now.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "pause")) * time.Millisecond) {
			who := fmt.Sprint("process ", rapid.IntRange(1, 4).Draw(t, "who"))
			var calls int
			want := rapid.IntRange(0, 10).Draw(t, "want")
			calls, s = s.divide(who, want, size, now)
			has[who] = share{Calls: calls, Until: store.Micros(now.Add(leaseFor))}
			sum := 0
			for _, one := range has {
				if one.Until > store.Micros(now) {
					sum += one.Calls
				}
			}
			if sum > size {
				t.Fatalf("%d of %d calls are given: %v", sum, size, has)
			}
			if sum < size && calls < want {
				t.Fatalf("%d of %d calls are free, and %d of %d wanted are given", size-sum, size, calls, want)
			}
		}
	})
}
