package evidence

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// maxSize keeps a forged size from overflowing the index arithmetic of tlog.
const maxSize = 1 << 53

// frontier is the right edge of a tree: the roots of its complete subtrees. It
// is all that appending and computing the root need, so that a log of any
// length is verified in constant memory.
type frontier struct {
	size int64
	// roots[i] is the root of the complete subtree with 2^i leaves, and is
	// meaningful when bit i of size is set.
	roots [63]Hash
}

func loadFrontier(size int64, stored HashReader) (*frontier, error) {
	if size < 0 || size > maxSize {
		return nil, fmt.Errorf("size %d is not within 0 to 2^53", size)
	}
	f := &frontier{size: size}
	var levels []int
	var indexes []int64
	// From the highest level down, the indexes ascend.
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if size>>level&1 == 1 {
			levels = append(levels, level)
			indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	if len(indexes) == 0 {
		return f, nil
	}
	hashes, err := stored.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("read stored hashes: %w", err)
	}
	if len(hashes) != len(indexes) {
		return nil, fmt.Errorf("read stored hashes: asked for %d, got %d", len(indexes), len(hashes))
	}
	for i, level := range levels {
		f.roots[level] = hashes[i]
	}
	return f, nil
}

// push appends a leaf and returns the hashes that become final with it, in
// storage order: its own, then the roots of the subtrees that it completes.
func (f *frontier) push(leaf Hash) []Hash {
	final := []Hash{leaf}
	level := 0
	for ; f.size>>level&1 == 1; level++ {
		leaf = tlog.NodeHash(f.roots[level], leaf)
		final = append(final, leaf)
	}
	f.roots[level] = leaf
	f.size++
	return final
}

func (f *frontier) tree() Tree {
	if f.size == 0 {
		return Tree{Root: sha256.Sum256(nil)}
	}
	level := bits.TrailingZeros64(uint64(f.size))
	root := f.roots[level]
	for level++; f.size>>level > 0; level++ {
		if f.size>>level&1 == 1 {
			root = tlog.NodeHash(f.roots[level], root)
		}
	}
	return Tree{Size: f.size, Root: root}
}
