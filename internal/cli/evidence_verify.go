package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

type verifyFlags struct{ key, since, save, bundle string }

func (a *app) evidenceVerifyCommand() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no record was changed, dropped, moved or slipped in",
		Long: `Check that no record was changed, dropped, moved or slipped in.

Reads the whole log from the server, or from a bundle that was exported, and
checks it on this machine: the signature on the checkpoint, the root over all
records, and every text that is disclosed. Exit code 5 when it does not verify.

Pin the key with --key: without it the key comes from the very log that is to
be checked. With --since it also shows that the log only grew since a checkpoint
that was kept with --save; without it, a log that its owner wrote anew from the
start and signed again would verify.`,
		Example: `  stint evidence verify --key stint.vkey --save checkpoint
  stint evidence verify --key stint.vkey --since checkpoint --save checkpoint
  stint evidence verify --key stint.vkey --bundle audit-2026.evidence`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verifyEvidence(cmd.Context(), flags) },
	}
	cmd.Flags().StringVar(&flags.key, "key", "", "verifier key, or a file that holds it (env "+envEvidenceKey+")")
	cmd.Flags().StringVar(&flags.since, "since", "", "file with a checkpoint that was kept earlier: the log must be an extension of it")
	cmd.Flags().StringVar(&flags.save, "save", "", "file to keep the verified checkpoint in")
	cmd.Flags().StringVar(&flags.bundle, "bundle", "", "verify this export instead of a server; works offline")
	return cmd
}

// verification is the answer of evidence verify.
type verification struct {
	Verified bool   `json:"verified"`
	Problem  string `json:"problem,omitempty"`
	Source   string `json:"source"`
	Key      string `json:"key"`
	// KeyPinned: the key came from the verifier, not from the log's own source.
	KeyPinned bool             `json:"key_pinned"`
	Origin    string           `json:"origin,omitempty"`
	Size      int64            `json:"size"`
	Root      string           `json:"root,omitempty"`
	Since     *int64           `json:"since,omitempty"`
	First     *time.Time       `json:"first,omitempty"`
	Last      *time.Time       `json:"last,omitempty"`
	Kinds     map[string]int64 `json:"kinds,omitempty"`
	Disclosed int64            `json:"disclosed"`
	Withheld  int64            `json:"withheld"`
}

func (a *app) verifyEvidence(ctx context.Context, flags verifyFlags) error {
	anchor, earlierSize, err := a.pinned(flags)
	if err != nil {
		return err
	}
	log, err := a.openLog(ctx, flags.bundle)
	if err != nil {
		return err
	}
	defer func() { _ = log.close() }()
	answer := verification{Source: log.source, Key: anchor.VerifierKey, KeyPinned: anchor.VerifierKey != "", Since: earlierSize}
	if !answer.KeyPinned {
		answer.Key, anchor.VerifierKey = log.claimedKey, log.claimedKey
		a.note("warning: no key is pinned, so %s vouches for itself: give --key or set %s, with a key that came another way", log.source, envEvidenceKey)
	}
	anchor.Checkpoint = log.checkpoint
	report, err := evidence.Verify(log.entries(ctx, 0), anchor)
	if err != nil {
		return a.verificationFailed(answer, err)
	}
	answer.fill(report)
	if flags.save != "" {
		if err := writePrivate(flags.save, func(w io.Writer) error { _, err := w.Write(log.checkpoint); return err }); err != nil {
			return fmt.Errorf("keep the checkpoint: %w", err)
		}
	}
	return a.print(answer, func() string { return a.renderVerification(answer) })
}

// pinned reads what the verifier brings: the key, and a checkpoint from before.
func (a *app) pinned(flags verifyFlags) (anchor evidence.Anchor, earlierSize *int64, err error) {
	if given := a.firstOf(flags.key, envEvidenceKey, ""); given != "" {
		if anchor.VerifierKey, err = readVerifierKey(given); err != nil {
			return anchor, nil, err
		}
	}
	if flags.since == "" {
		return anchor, nil, nil
	}
	if anchor.Earlier, err = os.ReadFile(flags.since); err != nil {
		return anchor, nil, usageErrorf("the earlier checkpoint cannot be read: %w; keep one with --save first", err)
	}
	size, err := claimedSize(anchor.Earlier)
	if err != nil {
		return anchor, nil, usageErrorf("%s: %w; give a file that --save wrote", flags.since, err)
	}
	return anchor, &size, nil
}

// verificationFailed tells a log that is bad from one that could not be read.
func (a *app) verificationFailed(answer verification, err error) error {
	var record *evidence.RecordError
	var tree *evidence.TreeError
	if !errors.As(err, &record) && !errors.As(err, &tree) && !errors.Is(err, evidence.ErrUntrusted) {
		return fmt.Errorf("verify %s: %w", answer.Source, err)
	}
	answer.Problem = err.Error()
	if a.json() {
		if err := a.printJSON(answer); err != nil {
			return err
		}
	}
	return &exitError{code: ExitUnverified, err: fmt.Errorf("the evidence of %s does NOT verify: %w; keep a copy of it and ask who could write to its database", answer.Source, err)}
}

func (v *verification) fill(r evidence.Report) {
	v.Verified = true
	v.Origin, v.Size, v.Root = r.Checkpoint.Origin, r.Checkpoint.Tree.Size, r.Checkpoint.Tree.Root.String()
	v.Kinds, v.Disclosed, v.Withheld = r.Kinds, r.Disclosed, r.Withheld
	if v.Size > 0 {
		v.First, v.Last = &r.First, &r.Last
	}
}

func (a *app) renderVerification(v verification) string {
	s := a.screen()
	var f fields
	f.add("log", printable(v.Origin))
	f.add("records", strconv.FormatInt(v.Size, 10))
	f.add("root", v.Root)
	f.add("first", a.momentOf(v.First))
	f.add("last", a.momentOf(v.Last))
	f.add("private texts", fmt.Sprintf("%d disclosed, %d withheld", v.Disclosed, v.Withheld))
	if v.KeyPinned {
		f.add("key", "pinned: "+v.Key)
	} else {
		f.add("key", s.yellow("NOT pinned; from "+v.Source+": "+v.Key))
	}
	if v.Since != nil {
		f.add("since", "extends the kept checkpoint of "+plural(*v.Since, "record"))
	} else {
		f.add("since", "not compared with an earlier checkpoint (--since)")
	}
	counts := make([]string, 0, len(v.Kinds))
	for _, kind := range slices.Sorted(maps.Keys(v.Kinds)) {
		counts = append(counts, fmt.Sprintf("%s %d", printable(kind), v.Kinds[kind]))
	}
	f.add("kinds", strings.Join(counts, ", "))
	return s.green("The evidence verifies.") + "\n" + f.render(s)
}
