package evidence

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is a tree head of one log, as its signer commits to it.
type Checkpoint struct {
	// Origin names the log; it is the name of the signing key too.
	Origin string
	Tree   Tree
}

// Body returns the text that is signed: origin, size and root, a line each.
func (c Checkpoint) Body() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Tree.Size, base64.StdEncoding.EncodeToString(c.Tree.Root[:]))
}

// ParseCheckpoint reads the body of a checkpoint, without its signatures.
// Extension lines are allowed, as the specification demands, and ignored.
func ParseCheckpoint(body string) (Checkpoint, error) {
	text, ended := strings.CutSuffix(body, "\n")
	lines := strings.Split(text, "\n")
	if !ended || len(lines) < 3 {
		return Checkpoint{}, errors.New("checkpoint: want the lines origin, size and root")
	}
	for i, line := range lines {
		if line == "" {
			return Checkpoint{}, fmt.Errorf("checkpoint: line %d is empty", i+1)
		}
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > maxSize || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("checkpoint: size %q is not a number of records", lines[1])
	}
	root, err := decodeBase64(lines[2])
	if err != nil || len(root) != len(Hash{}) {
		return Checkpoint{}, fmt.Errorf("checkpoint: root %q is not a SHA-256 hash in base64", lines[2])
	}
	return Checkpoint{Origin: lines[0], Tree: Tree{Size: size, Root: Hash(root)}}, nil
}

// ErrUntrusted reports a checkpoint that the pinned key did not sign.
var ErrUntrusted = errors.New("the checkpoint is not signed by the pinned key")

// OpenCheckpoint verifies a signed checkpoint against a verifier key and returns
// what it commits to. Signatures by other keys, such as witnesses', are ignored.
// A checkpoint without a valid signature by this key is [ErrUntrusted].
func OpenCheckpoint(signed []byte, verifierKey string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verifier key %q: %w", verifierKey, err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w %s: %w", ErrUntrusted, verifierKey, err)
	}
	for _, signature := range opened.Sigs {
		if _, err := decodeBase64(signature.Base64); err != nil {
			return Checkpoint{}, fmt.Errorf("%w %s: signature: %w", ErrUntrusted, verifierKey, err)
		}
	}
	checkpoint, err := ParseCheckpoint(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if checkpoint.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("%w: it is of log %s, the key of log %s", ErrUntrusted, checkpoint.Origin, verifier.Name())
	}
	return checkpoint, nil
}
