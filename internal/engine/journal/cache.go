package journal

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// cacheSize bounds how many values a cache keeps; one more and it begins
	// anew.
	cacheSize = 1 << 15
	// cacheStripes is how many values may be read at once.
	cacheStripes = 64
)

// Cache keeps values that were read from the state, each until something has
// changed: a value that it gives has seen what [Journal.Latest] demands. It is
// safe for concurrent use.
type Cache[K comparable, V any] struct {
	journal *Journal
	read    func(ctx context.Context, tx *Tx, key K) (V, error)
	seed    maphash.Seed
	kept    sync.Map // of K to *kept[V]
	count   atomic.Int64
	reading [cacheStripes]sync.Mutex
}

type kept[V any] struct {
	value V
	seen  Seen
}

// NewCache makes a cache of what read finds under a key. A value is shared by
// all who ask and must not be changed. What read refuses is not kept.
func NewCache[K comparable, V any](j *Journal, read func(ctx context.Context, tx *Tx, key K) (V, error)) *Cache[K, V] {
	return &Cache[K, V]{journal: j, read: read, seed: maphash.MakeSeed()}
}

// Get gives the value of a key, and the time to judge it at.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, time.Time, error) {
	latest, err := c.journal.Latest(ctx)
	if err != nil {
		var none V
		return none, time.Time{}, err
	}
	if value, ok := c.fresh(key, latest.Seen); ok {
		return value, latest.Now, nil
	}
	value, err := c.renew(ctx, key, latest.Seen)
	return value, latest.Now, err
}

func (c *Cache[K, V]) fresh(key K, latest Seen) (V, bool) {
	if found, ok := c.kept.Load(key); ok {
		if k := found.(*kept[V]); k.seen.Covers(latest) {
			return k.value, true
		}
	}
	var none V
	return none, false
}

// renew reads a value once for all who wait for it.
func (c *Cache[K, V]) renew(ctx context.Context, key K, latest Seen) (V, error) {
	stripe := &c.reading[maphash.Comparable(c.seed, key)%cacheStripes]
	stripe.Lock()
	defer stripe.Unlock()
	if value, ok := c.fresh(key, latest); ok {
		return value, nil
	}
	var k kept[V]
	err := c.journal.Read(ctx, func(tx *Tx) (err error) {
		if k.seen, err = tx.seen(); err != nil {
			return err
		}
		k.value, err = c.read(ctx, tx, key)
		return err
	})
	if err != nil {
		c.drop(key)
		return k.value, err
	}
	c.keep(key, &k)
	return k.value, nil
}

func (c *Cache[K, V]) keep(key K, k *kept[V]) {
	if _, had := c.kept.Swap(key, k); had {
		return
	}
	if c.count.Add(1) > cacheSize {
		c.kept.Clear()
		c.count.Store(0)
	}
}

func (c *Cache[K, V]) drop(key K) {
	if _, had := c.kept.LoadAndDelete(key); had {
		c.count.Add(-1)
	}
}

// seen is how far the transaction has read.
func (tx *Tx) seen() (Seen, error) {
	changes, err := tx.CountChanges(tx.ctx)
	if err != nil {
		return Seen{}, fmt.Errorf("count changes: %w", err)
	}
	return Seen{writes: tx.writes, changes: changes}, nil
}
