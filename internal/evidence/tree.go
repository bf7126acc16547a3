package evidence

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 leaf, node or root hash of RFC 6962 section 2.1.
type Hash = tlog.Hash

// HashReader reads stored hashes by their storage index. It returns exactly one
// hash for each index, in order, or an error.
type HashReader = tlog.HashReader

// Tree is a state of the log: how many leaves, and the root over them.
type Tree struct {
	Size int64
	Root Hash
}

// Extension is what appending leaves adds to the stored hashes.
type Extension struct {
	// First is the storage index of the first of Hashes; the rest follow
	// without a gap.
	First  int64
	Hashes []Hash
	// Tree is the log with the new leaves.
	Tree Tree
}

// Extend returns what to store when leaves are appended to a log of the given
// size. It reads from stored once, whatever the number of leaves.
func Extend(size int64, leaves [][]byte, stored HashReader) (Extension, error) {
	edge, err := loadFrontier(size, stored)
	if err != nil {
		return Extension{}, fmt.Errorf("extend the log at size %d: %w", size, err)
	}
	extension := Extension{First: tlog.StoredHashIndex(0, size)}
	for _, leaf := range leaves {
		extension.Hashes = append(extension.Hashes, edge.push(tlog.RecordHash(leaf))...)
	}
	extension.Tree = edge.tree()
	return extension, nil
}

// TreeAt returns the log's state when it had the given size.
func TreeAt(size int64, stored HashReader) (Tree, error) {
	edge, err := loadFrontier(size, stored)
	if err != nil {
		return Tree{}, fmt.Errorf("root of the log at size %d: %w", size, err)
	}
	return edge.tree(), nil
}

// ErrProof reports a proof that does not hold.
var ErrProof = errors.New("the proof does not hold")

// ProveInclusion returns the proof that the log of the given size holds its
// leaf at index (RFC 6962 section 2.1.1).
func ProveInclusion(size, index int64, stored HashReader) ([]Hash, error) {
	if size > maxSize {
		return nil, fmt.Errorf("prove record %d: size %d is beyond 2^53", index, size)
	}
	proof, err := tlog.ProveRecord(size, index, stored)
	if err != nil {
		return nil, fmt.Errorf("prove record %d in the log of size %d: %w", index, size, err)
	}
	return proof, nil
}

// CheckInclusion verifies that leaf stands at index in tree; if not, the error
// is [ErrProof].
func CheckInclusion(tree Tree, index int64, leaf []byte, proof []Hash) error {
	if tree.Size > maxSize || tlog.CheckRecord(proof, tree.Size, tree.Root, index, tlog.RecordHash(leaf)) != nil {
		return fmt.Errorf("record %d in the log of size %d: %w", index, tree.Size, ErrProof)
	}
	return nil
}

// ProveConsistency returns the proof that the log of size newer begins with the
// log of size older (RFC 6962 section 2.1.2). It is empty for an older size of
// zero.
func ProveConsistency(newer, older int64, stored HashReader) ([]Hash, error) {
	if older == 0 && newer >= 0 {
		return nil, nil
	}
	if older < 0 || newer > maxSize {
		return nil, fmt.Errorf("prove that the log of size %d extends that of size %d: size out of range", newer, older)
	}
	proof, err := tlog.ProveTree(newer, older, stored)
	if err != nil {
		return nil, fmt.Errorf("prove that the log of size %d extends that of size %d: %w", newer, older, err)
	}
	return proof, nil
}

// CheckConsistency verifies that newer begins with all of older; if not, the
// error is [ErrProof].
func CheckConsistency(newer, older Tree, proof []Hash) error {
	holds := false
	switch {
	case newer.Size < 0 || newer.Size > maxSize:
	case older.Size == 0:
		holds = older == emptyTree() && len(proof) == 0
	default:
		holds = tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root) == nil
	}
	if !holds {
		return fmt.Errorf("the log of size %d as an extension of that of size %d: %w", newer.Size, older.Size, ErrProof)
	}
	return nil
}

func emptyTree() Tree { return (&frontier{}).tree() }
