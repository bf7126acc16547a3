package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

func (a *app) evidenceExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Write the whole log into a file that verifies offline",
		Long: `Write the whole log into a file that verifies offline with
` + "`stint evidence verify --bundle FILE`" + `. The file holds personal texts in the clear.
FILE - is stdout.`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.exportEvidence(cmd.Context(), args[0]) },
	}
}

func (a *app) exportEvidence(ctx context.Context, path string) error {
	log, err := a.openLog(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = log.close() }()
	write := func(w io.Writer) error {
		header := evidence.BundleHeader{Checkpoint: log.checkpoint, VerifierKey: log.claimedKey}
		return evidence.WriteBundle(w, header, log.entries(ctx, 0))
	}
	if path == "-" {
		return write(a.Out)
	}
	if err := writePrivate(path, write); err != nil {
		return fmt.Errorf("export the log of %s: %w", log.source, err)
	}
	a.note("wrote %s; it holds personal texts in the clear", path)
	return nil
}
