package evidence

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	originPrefix = "stint.dev/log/"
	keyPrefix    = "PRIVATE+KEY+"
	// algorithmEd25519 is the signature type of https://c2sp.org/signed-note.
	algorithmEd25519 = 1
)

// signingKey is the Ed25519 key of one log, in the encodings that tools for
// signed notes share.
type signingKey struct {
	origin      string
	verifierKey string
	encoded     string
	signer      note.Signer
}

// newSigningKey makes a key for a log of its own: the origin is random, so that
// no two logs are taken for one another.
func newSigningKey(random io.Reader) (*signingKey, error) {
	var material [16 + ed25519.SeedSize]byte
	if _, err := io.ReadFull(random, material[:]); err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return assembleKey(originPrefix+hex.EncodeToString(material[:16]), material[16:])
}

func assembleKey(origin string, seed []byte) (*signingKey, error) {
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	verifierKey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return nil, fmt.Errorf("verifier key of log %s: %w", origin, err)
	}
	keyHash := strings.Split(verifierKey, "+")[1]
	secret := append([]byte{algorithmEd25519}, seed...)
	encoded := fmt.Sprintf("%s%s+%s+%s", keyPrefix, origin, keyHash, base64.StdEncoding.EncodeToString(secret))
	signer, err := note.NewSigner(encoded)
	if err != nil {
		return nil, fmt.Errorf("signing key of log %s: %w", origin, err)
	}
	return &signingKey{origin: origin, verifierKey: verifierKey, encoded: encoded, signer: signer}, nil
}

// parseSigningKey never quotes its input: an error may end in a log.
func parseSigningKey(encoded string) (*signingKey, error) {
	parts := strings.SplitN(strings.TrimPrefix(encoded, keyPrefix), "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("not a signing key of a log")
	}
	secret, err := decodeBase64(parts[2])
	if err != nil || len(secret) != 1+ed25519.SeedSize || secret[0] != algorithmEd25519 {
		return nil, fmt.Errorf("not an Ed25519 signing key")
	}
	key, err := assembleKey(parts[0], secret[1:])
	if err != nil {
		return nil, err
	}
	if key.encoded != encoded {
		return nil, fmt.Errorf("the signing key of log %s is damaged: its key hash does not match", key.origin)
	}
	return key, nil
}

func (k *signingKey) sign(tree Tree) ([]byte, error) {
	body := Checkpoint{Origin: k.origin, Tree: tree}.Body()
	signed, err := note.Sign(&note.Note{Text: body}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign the checkpoint at size %d: %w", tree.Size, err)
	}
	return signed, nil
}
