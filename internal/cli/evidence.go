package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// recordsAtOnce is how many records one call asks for.
const recordsAtOnce = 1000

func (a *app) evidenceCommand() *cobra.Command {
	return group("evidence", "The log of all that happened: verify, read, export",
		`The log of all that happened: verify, read, export.

Every change leaves a record in a Merkle log whose checkpoints are signed. Keep
the verifier key and a checkpoint somewhere that the server's owner cannot
reach: with both, nobody can change, drop or insert a record unnoticed.`,
		a.evidenceVerifyCommand(), a.evidenceShowCommand(), a.evidenceExportCommand())
}

// evidenceLog is a log to be read: a server's as it was at a checkpoint, or a
// bundle's. Nothing in it is verified yet.
type evidenceLog struct {
	checkpoint []byte
	claimedKey string
	// size is how many records the checkpoint covers, whoever signed it.
	size int64
	// source names where it came from, in words.
	source string
	// entries streams the records from an index on, to be ranged over once.
	entries func(ctx context.Context, from int64) iter.Seq2[evidence.Entry, error]
	close   func() error
}

// openLog opens a bundle when its path is given, else the server's log.
func (a *app) openLog(ctx context.Context, bundle string) (*evidenceLog, error) {
	if bundle != "" {
		return a.openBundle(bundle)
	}
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	latest, err := ask(ctx, a, "Reading the checkpoint", func(ctx context.Context, c *client.Client) (api.EvidenceCheckpoint, error) {
		return c.EvidenceCheckpoint(ctx)
	})
	if err != nil {
		return nil, err
	}
	size, err := claimedSize([]byte(latest.Note))
	if err != nil {
		return nil, fmt.Errorf("the server at %s: %w", c.Endpoint(), err)
	}
	return &evidenceLog{
		checkpoint: []byte(latest.Note), claimedKey: latest.Key, size: size, source: "the server at " + c.Endpoint(),
		entries: func(ctx context.Context, from int64) iter.Seq2[evidence.Entry, error] {
			return a.download(ctx, c, from, size)
		},
		close: func() error { return nil },
	}, nil
}

func (a *app) openBundle(path string) (*evidenceLog, error) {
	file, err := os.Open(path) //nolint:gosec // the person names the file
	if err != nil {
		return nil, fmt.Errorf("open the bundle: %w", err)
	}
	header, entries, err := evidence.ReadBundle(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	size, err := claimedSize(header.Checkpoint)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return &evidenceLog{
		checkpoint: header.Checkpoint, claimedKey: header.VerifierKey, size: size, source: "the bundle " + path,
		entries: func(_ context.Context, from int64) iter.Seq2[evidence.Entry, error] { return skip(entries, from) },
		close:   file.Close,
	}, nil
}

// skip leaves out the first n entries; an error among them is kept.
func skip(entries iter.Seq2[evidence.Entry, error], n int64) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		index := int64(0)
		for entry, err := range entries {
			if (index >= n || err != nil) && !yield(entry, err) {
				return
			}
			index++
		}
	}
}

// claimedSize reads how many records a checkpoint covers, whoever signed it.
func claimedSize(signed []byte) (int64, error) {
	body, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return 0, errors.New("the checkpoint is not a signed note")
	}
	checkpoint, err := evidence.ParseCheckpoint(body + "\n")
	return checkpoint.Tree.Size, err
}

// download streams the records from one index up to, not including, another. A
// server that leaves one out or answers with another is an error.
func (a *app) download(ctx context.Context, c *client.Client, from, to int64) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		p := a.startProgress("Reading the log", to-from)
		defer p.finish()
		for next := from; next < to; {
			records, err := a.recordsFrom(ctx, c, next, int(min(recordsAtOnce, to-next)))
			if err == nil && len(records) == 0 {
				err = fmt.Errorf("the server holds no record %d although its checkpoint covers %d", next, to)
			}
			if err != nil {
				yield(evidence.Entry{}, err)
				return
			}
			for _, r := range records {
				if r.Index != next {
					yield(evidence.Entry{}, fmt.Errorf("the server answered with record %d where %d was asked for", r.Index, next))
					return
				}
				if !yield(evidence.Entry{Leaf: r.Leaf, Disclosures: []byte(r.Disclosures)}, nil) {
					return
				}
				next++
			}
			p.at(next - from)
		}
	}
}

func (a *app) recordsFrom(ctx context.Context, c *client.Client, from int64, limit int) ([]api.EvidenceRecord, error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	return c.EvidenceRecords(ctx, from, limit)
}

// readVerifierKey takes a verifier key as it stands, or from the file that is
// named instead.
func readVerifierKey(given string) (string, error) {
	if _, err := note.NewVerifier(given); err == nil {
		return given, nil
	}
	content, err := os.ReadFile(given) //nolint:gosec // the person names the file
	if err != nil {
		return "", usageErrorf("%q is neither a verifier key (name+hash+key) nor a file that holds one", given)
	}
	key := strings.TrimSpace(string(content))
	if _, err := note.NewVerifier(key); err != nil {
		return "", usageErrorf("%s holds no verifier key (name+hash+key): %w", given, err)
	}
	return key, nil
}

// writePrivate writes a file that only its owner can read, whole or not at all.
func writePrivate(path string, write func(io.Writer) error) error {
	temporary := path + ".tmp"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the person names the file
	if err != nil {
		return err
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}
