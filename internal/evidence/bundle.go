package evidence

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
)

const (
	bundleFormat  = "stint-evidence-bundle"
	bundleVersion = 1
)

// BundleHeader is the first line of a bundle.
type BundleHeader struct {
	// Checkpoint is the signed checkpoint that covers exactly the records of
	// the bundle.
	Checkpoint []byte
	// VerifierKey is the key that the bundle claims. It proves nothing: a
	// verifier compares it with the one that was pinned.
	VerifierKey string
}

// WriteBundle writes a log as a file for offline verification: lines of
// canonical JSON, first the header, then a line for each record in order.
func WriteBundle(w io.Writer, header BundleHeader, entries iter.Seq2[Entry, error]) error {
	buffered := bufio.NewWriter(w)
	line := appendValue(nil, Fields{
		"format":     bundleFormat,
		"v":          int64(bundleVersion),
		"checkpoint": string(header.Checkpoint),
		"vkey":       header.VerifierKey,
	})
	if _, err := buffered.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the bundle's header: %w", err)
	}
	index := int64(0)
	for entry, err := range entries {
		if err != nil {
			return fmt.Errorf("read record %d: %w", index, err)
		}
		object := Fields{"leaf": base64.StdEncoding.EncodeToString(entry.Leaf)}
		if len(entry.Disclosures) > 0 {
			disclosures, err := parseCanonical(entry.Disclosures)
			if err != nil {
				return fmt.Errorf("disclosures of record %d: %w", index, err)
			}
			object["disclosures"] = disclosures
		}
		line = append(appendValue(line[:0], object), '\n')
		if _, err := buffered.Write(line); err != nil {
			return fmt.Errorf("write record %d: %w", index, err)
		}
		index++
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// ReadBundle reads the header of a bundle and returns its entries as a stream
// over the rest of r, to be ranged over once. It verifies nothing but the form;
// the entries go to [Verify].
func ReadBundle(r io.Reader) (BundleHeader, iter.Seq2[Entry, error], error) {
	buffered := bufio.NewReader(r)
	object, err := readLine(buffered)
	if err != nil {
		return BundleHeader{}, nil, fmt.Errorf("bundle: header: %w", err)
	}
	if object["format"] != bundleFormat || object["v"] != int64(bundleVersion) {
		return BundleHeader{}, nil, fmt.Errorf("bundle: format %v version %v; this program reads %s version %d", object["format"], object["v"], bundleFormat, bundleVersion)
	}
	m := members{object: object}
	header := BundleHeader{
		Checkpoint:  []byte(member[string](&m, "checkpoint")),
		VerifierKey: member[string](&m, "vkey"),
	}
	if err := m.exactly(4); err != nil {
		return BundleHeader{}, nil, fmt.Errorf("bundle: header: %w", err)
	}
	return header, func(yield func(Entry, error) bool) {
		for index := int64(0); ; index++ {
			entry, err := readEntry(buffered)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Entry{}, fmt.Errorf("bundle: line of record %d: %w", index, err))
				return
			}
			if !yield(entry, nil) {
				return
			}
		}
	}, nil
}

// VerifyBundle verifies a bundle against a pinned key and, unless it is nil, an
// earlier checkpoint that the verifier kept. See [Verify].
func VerifyBundle(r io.Reader, pinnedKey string, earlier []byte) (Report, error) {
	header, entries, err := ReadBundle(r)
	if err != nil {
		return Report{}, err
	}
	if header.VerifierKey != pinnedKey {
		return Report{}, fmt.Errorf("%w: the bundle names key %s, pinned is %s", ErrUntrusted, header.VerifierKey, pinnedKey)
	}
	return Verify(entries, Anchor{Checkpoint: header.Checkpoint, VerifierKey: pinnedKey, Earlier: earlier})
}

func readEntry(r *bufio.Reader) (Entry, error) {
	object, err := readLine(r)
	if err != nil {
		return Entry{}, err
	}
	m := members{object: object}
	leaf, err := decodeBase64(member[string](&m, "leaf"))
	if err != nil {
		return Entry{}, fmt.Errorf("leaf: %w", err)
	}
	entry, count := Entry{Leaf: leaf}, 1
	if _, ok := object["disclosures"]; ok {
		entry.Disclosures = appendValue(nil, member[Fields](&m, "disclosures"))
		count++
	}
	return entry, m.exactly(count)
}

// readLine returns io.EOF only where a bundle may end: after a whole line.
func readLine(r *bufio.Reader) (Fields, error) {
	line, err := r.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(line) > 0 {
		return nil, errors.New("the file is cut off in the middle of a line")
	}
	if err != nil {
		return nil, err
	}
	return parseCanonical(line[:len(line)-1])
}
