package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	keeperFolder   = "log"
	keyFile        = "signing-key"
	checkpointFile = "checkpoint"
)

// Errors of a [Keeper] that a caller decides on.
var (
	// ErrNoKeeper: the directory holds no signing key yet.
	ErrNoKeeper = errors.New("no signing key")
	// ErrKeeperExists: the directory holds a signing key, which is never
	// overwritten.
	ErrKeeperExists = errors.New("a signing key is there already")
	// ErrTruncated: the stored log is shorter than what was signed.
	ErrTruncated = errors.New("the stored log has lost records that were signed")
	// ErrRewritten: the stored log does not begin with what was signed.
	ErrRewritten = errors.New("the stored log is not an extension of what was signed")
)

// Keeper holds the signing key and the latest signed checkpoint in a directory,
// which belongs outside the database: whoever can rewrite the database must not
// be able to rewrite these.
//
// It signs no tree that is not an extension of the last one it signed. The
// checkpoint on disk is read for every decision, so several processes may share
// a directory, as long as each reads the size of the log and calls Check or Sign
// under the lock that orders appends: a size read before another process signed
// a longer log reads as truncation. Its methods are safe for concurrent use.
type Keeper struct {
	folder string
	key    *signingKey
	mu     sync.Mutex
}

// CreateKeeper makes a signing key and signs the empty log. It is for a log
// that has no records yet. The key is readable by its owner only and appears
// together with its checkpoint or not at all. Where a key exists the error is
// [ErrKeeperExists]. The random bytes must be cryptographically secure.
func CreateKeeper(dir string, random io.Reader) (*Keeper, error) {
	folder := filepath.Join(dir, keeperFolder)
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("create %s: %w", folder, errors.Join(ErrKeeperExists, err))
	}
	key, err := newSigningKey(random)
	if err != nil {
		return nil, err
	}
	signed, err := key.sign(emptyTree())
	if err != nil {
		return nil, err
	}
	if err := createFolder(dir, folder, map[string][]byte{
		keyFile:        []byte(key.encoded + "\n"),
		checkpointFile: signed,
	}); err != nil {
		return nil, fmt.Errorf("create %s: %w", folder, err)
	}
	return &Keeper{folder: folder, key: key}, nil
}

// OpenKeeper opens what [CreateKeeper] made. Without a key there the error is
// [ErrNoKeeper]: for a log that already has records this means that the key is
// lost or the directory is the wrong one, and a new key must not be made
// silently.
func OpenKeeper(dir string) (*Keeper, error) {
	folder := filepath.Join(dir, keeperFolder)
	path := filepath.Join(folder, keyFile)
	encoded, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrNoKeeper)
	}
	if err != nil {
		return nil, fmt.Errorf("open the signing key: %w", err)
	}
	if err := checkPrivate(path); err != nil {
		return nil, err
	}
	key, err := parseSigningKey(strings.TrimSuffix(string(encoded), "\n"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	k := &Keeper{folder: folder, key: key}
	if _, _, err := k.Latest(); err != nil {
		return nil, err
	}
	return k, nil
}

// Origin returns the name of the log.
func (k *Keeper) Origin() string { return k.key.origin }

// VerifierKey returns the public key in the form that auditors pin.
func (k *Keeper) VerifierKey() string { return k.key.verifierKey }

// Latest returns the last checkpoint that was signed, as signed and as read.
func (k *Keeper) Latest() ([]byte, Checkpoint, error) {
	path := filepath.Join(k.folder, checkpointFile)
	signed, err := os.ReadFile(path)
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("read the latest checkpoint: %w; restore it from a backup, for without it a truncated log goes unnoticed", err)
	}
	checkpoint, err := OpenCheckpoint(signed, k.key.verifierKey)
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("%s: %w", path, err)
	}
	return signed, checkpoint, nil
}

// Check verifies that the stored log of the given size extends the latest
// checkpoint; if not, the error is [ErrTruncated] or [ErrRewritten]. It belongs
// at the start of every process that writes to the log.
func (k *Keeper) Check(size int64, stored HashReader) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, _, _, err := k.extends(size, stored)
	return err
}

// Sign signs the stored log of the given size and keeps the checkpoint. The
// tree must be committed already: a checkpoint that is ahead of what the
// database remembers reads as truncation ever after. A log that does not extend
// the latest checkpoint is not signed ([ErrTruncated], [ErrRewritten]). When
// nothing was added the latest checkpoint is returned.
func (k *Keeper) Sign(size int64, stored HashReader) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	signed, latest, tree, err := k.extends(size, stored)
	if err != nil {
		return nil, err
	}
	if tree == latest {
		return signed, nil
	}
	signed, err = k.key.sign(tree)
	if err != nil {
		return nil, err
	}
	if err := ReplaceFile(filepath.Join(k.folder, checkpointFile), signed); err != nil {
		return nil, fmt.Errorf("keep the checkpoint at size %d: %w", size, err)
	}
	return signed, nil
}

func (k *Keeper) extends(size int64, stored HashReader) (signed []byte, latest, tree Tree, err error) {
	signed, checkpoint, err := k.Latest()
	if err != nil {
		return nil, Tree{}, Tree{}, err
	}
	latest = checkpoint.Tree
	if size < latest.Size {
		return nil, Tree{}, Tree{}, fmt.Errorf("%w: signed %d, stored %d", ErrTruncated, latest.Size, size)
	}
	tree, err = TreeAt(size, stored)
	if err != nil {
		return nil, Tree{}, Tree{}, err
	}
	proof, err := ProveConsistency(size, latest.Size, stored)
	if err != nil {
		return nil, Tree{}, Tree{}, err
	}
	if err := CheckConsistency(tree, latest, proof); err != nil {
		return nil, Tree{}, Tree{}, fmt.Errorf("%w: a record among the first %d was changed: %w", ErrRewritten, latest.Size, err)
	}
	return signed, latest, tree, nil
}
