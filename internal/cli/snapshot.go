package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/snapshot"
)

func (a *app) snapshotCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "snapshot DIR",
		Short: "Save what is declared, observed and granted, for tests and reviews offline",
		Long: `Save what is declared, observed and granted, for tests and reviews offline.

All of it is of one revision. DIR is written whole or not at all; it may be absent,
empty, or an earlier snapshot. It holds personal data in the clear.`,
		Example: "  stint snapshot state && stint test --snapshot state",
		Args:    exactly("DIR"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.takeSnapshot(cmd.Context(), args[0]) },
	}
}

func (a *app) takeSnapshot(ctx context.Context, folder string) error {
	state, err := ask(ctx, a, "Reading the state", func(ctx context.Context, c *client.Client) (snapshot.State, error) {
		return snapshot.Take(ctx, c, a.Now())
	})
	if err != nil {
		return err
	}
	manifest, err := snapshot.Write(folder, state)
	if errors.Is(err, snapshot.ErrNotSnapshot) {
		return usageErrorf("%w", err)
	}
	if err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return a.print(manifest, func() string { return renderManifest(a.screen(), folder, manifest) })
}

func renderManifest(s screen, folder string, m snapshot.Manifest) string {
	var f fields
	f.add("snapshot", printable(folder))
	f.add("revision", fmt.Sprint(m.Revision))
	f.add("evidence", plural(m.Checkpoint.Size, "record"))
	f.add("digest", m.Digest)
	return f.render(s)
}
