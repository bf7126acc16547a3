package evidence

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Private marks text that the leaf must not show: names, addresses, whatever a
// person typed. The leaf holds a commitment to it; the text becomes a
// disclosure that may be erased. In a record from [Reveal] it is text whose
// disclosure opened its commitment.
type Private string

// Commitment stands for private text that is withheld: its disclosure was
// erased or not handed over.
type Commitment [sha256.Size]byte

func (c Commitment) String() string { return "withheld" }

// MarshalJSON shows that something is withheld, and the commitment that a
// disclosure would have to open.
func (c Commitment) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"withheld": base64.StdEncoding.EncodeToString(c[:])})
}

const (
	saltSize         = 32
	commitmentDomain = "stint.dev/evidence/commitment/v1\n"
	commitmentMember = "commitment"
)

// decodeBase64 accepts one spelling of each value. Go's decoder skips line
// breaks and, unless strict, the unused bits of the last character: changes
// that would go unnoticed.
func decodeBase64(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodeToString(b) != text {
		return nil, errors.New("not the canonical base64 of its bytes")
	}
	return b, nil
}

// commit binds text to its place. The salt has a fixed size and the path its
// length in front, so no two inputs run into one another.
func commit(salt []byte, path, text string) Commitment {
	h := sha256.New()
	h.Write([]byte(commitmentDomain))
	h.Write(salt)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(path))))
	h.Write([]byte(path))
	h.Write([]byte(text))
	return Commitment(h.Sum(nil))
}

func (c Commitment) leafForm() Fields {
	return Fields{commitmentMember: base64.StdEncoding.EncodeToString(c[:])}
}

// asCommitment tells whether a leaf's object is a commitment.
func asCommitment(object Fields) (Commitment, bool) {
	text, ok := object[commitmentMember].(string)
	if !ok || len(object) != 1 {
		return Commitment{}, false
	}
	sum, err := decodeBase64(text)
	if err != nil || len(sum) != sha256.Size {
		return Commitment{}, false
	}
	return Commitment(sum), true
}

type disclosure struct {
	salt []byte
	text string
}

func (d disclosure) storedForm() Fields {
	return Fields{"salt": base64.StdEncoding.EncodeToString(d.salt), "text": d.text}
}

// parseDisclosures reads disclosures by the path of their commitment. Empty
// input is a record whose disclosures were all erased.
func parseDisclosures(b []byte) (map[string]disclosure, error) {
	if len(b) == 0 {
		return nil, nil
	}
	object, err := parseCanonical(b)
	if err != nil {
		return nil, fmt.Errorf("disclosures: %w", err)
	}
	disclosures := make(map[string]disclosure, len(object))
	for path, value := range object {
		d, err := parseDisclosure(value)
		if err != nil {
			return nil, fmt.Errorf("disclosure of %s: %w", path, err)
		}
		disclosures[path] = d
	}
	return disclosures, nil
}

func parseDisclosure(value any) (disclosure, error) {
	object, _ := value.(Fields)
	saltText, saltOK := object["salt"].(string)
	text, textOK := object["text"].(string)
	if len(object) != 2 || !saltOK || !textOK {
		return disclosure{}, errors.New(`want exactly the members "salt" and "text"`)
	}
	salt, err := decodeBase64(saltText)
	if err != nil || len(salt) != saltSize {
		return disclosure{}, fmt.Errorf("salt is not %d bytes in base64", saltSize)
	}
	return disclosure{salt: salt, text: text}, nil
}
