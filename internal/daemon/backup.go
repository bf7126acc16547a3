package daemon

import (
	"context"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
)

// Backup copies the state of a server into a new file. See [cli.BackupFunc].
func Backup(ctx context.Context, config cli.ServerConfig, to string) (time.Time, error) {
	note, err := engine.Backup(ctx, placeOf(config), to)
	return note.TakenAt, err
}

// Restore puts a backup in the place of a server's state. See [cli.RestoreFunc].
func Restore(ctx context.Context, config cli.ServerConfig, backup, reason string) (cli.RestoreDone, error) {
	done, err := engine.Restore(ctx, backup, placeOf(config), reason)
	return cli.RestoreDone{
		TakenAt: done.Backup.TakenAt, Former: done.Former, Replaced: done.Replaced, EvidenceKey: done.EvidenceKey, Lost: done.Lost,
	}, err
}

func placeOf(config cli.ServerConfig) engine.Place {
	return engine.Place{Database: config.Database, EvidenceDir: config.EvidenceDir, Clock: clock.System{}}
}
