package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

// BackupFunc copies the state of a configured server, which may be running, into a
// new file, and answers when it began.
type BackupFunc func(ctx context.Context, config ServerConfig, to string) (time.Time, error)

// RestoreFunc puts a backup in the place of the state of a configured server, which
// must not be running.
type RestoreFunc func(ctx context.Context, config ServerConfig, backup, reason string) (RestoreDone, error)

// RestoreDone is what a restore has done.
type RestoreDone struct {
	// TakenAt is when the backup began.
	TakenAt time.Time `json:"taken_at"`
	// Former is the folder with the former log of evidence, Replaced the database
	// that was there; empty when there was none.
	Former   string `json:"former"`
	Replaced string `json:"replaced,omitempty"`
	// EvidenceKey verifies the evidence from now on.
	EvidenceKey string `json:"evidence_key"`
	// Lost counts the records of evidence that were signed after the backup.
	Lost int64 `json:"lost"`
}

// stateFlags are the server's flags that say where its state is. The others are
// read from environment and file and not offered.
func (a *app) stateFlags(cmd *cobra.Command) (config func() (ServerConfig, error)) {
	var flags serverFlags
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.register(own)
	for _, name := range []string{configFlag, "data-dir", "database", "evidence-dir"} {
		cmd.Flags().AddFlag(own.Lookup(name))
	}
	return func() (ServerConfig, error) {
		if err := a.fillServerFlags(own); err != nil {
			return ServerConfig{}, err
		}
		return flags.config()
	}
}

func (a *app) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the state of the server on this machine, which may be running, into a new file",
		Long: `Copy the state of the server on this machine, which may be running, into a new file.

It is for a server that keeps its state in SQLite, and takes the same settings as
that server. The copy is consistent and holds the evidence with a signed checkpoint;
it does not hold the signing key: keep a copy of --evidence-dir in another place. A
PostgreSQL has backups of its own.`,
		Example: "  stint backup --data-dir /var/lib/stint /backup/stint-$(date +%F).db",
		Args:    exactly("FILE"),
	}
	state := a.stateFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		config, err := state()
		if err != nil {
			return err
		}
		taken, err := a.Backup(cmd.Context(), config, args[0])
		if err != nil {
			return err
		}
		a.note("the state of %s is in %s", taken.UTC().Format(time.RFC3339), args[0])
		return nil
	}
	return cmd
}

func (a *app) restoreCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "restore FILE --reason REASON",
		Short: "Put a backup in the place of the state of the server on this machine, which must not run",
		Long: `Put a backup in the place of the state of the server on this machine, which must not run.

What is there is moved aside, never removed. The evidence goes on in a log of its
own, with a key of its own to be pinned, whose first record names the checkpoint
that the former log ends with; the former log is kept below --evidence-dir, to be
verified with the former key.

At its start the server takes back every grant that was given after the backup: they
stand in the ledger below --evidence-dir. What else has happened since, the state
does not know: who left, what was revoked, what was declared. So nothing is granted
until an administrator has brought it up to date (terraform apply, stint identity
leave, stint drift) and says so with stint resume.`,
		Example: `  stint restore --data-dir /var/lib/stint /backup/stint-2026-11-27.db --reason "the disk failed"`,
		Args:    exactly("FILE"),
	}
	state := a.stateFlags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why the backup is restored; it is in the evidence")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if reason == "" {
			return usageErrorf("say why the backup is restored: give --reason")
		}
		config, err := state()
		if err != nil {
			return err
		}
		done, err := a.Restore(cmd.Context(), config, args[0], reason)
		if err != nil {
			return err
		}
		return a.print(done, func() string { return renderRestored(a.screen(), done) })
	}
	return cmd
}

func renderRestored(s screen, done RestoreDone) string {
	var f fields
	f.add("restored", done.TakenAt.UTC().Format(time.RFC3339))
	if done.Replaced != "" {
		f.add("what was there", printable(done.Replaced))
	}
	f.add("former log", printable(done.Former))
	if done.Lost > 0 {
		f.add("evidence lost", fmt.Sprintf("%d records that were signed after the backup", done.Lost))
	}
	f.add("evidence key, to be pinned", printable(done.EvidenceKey))
	return f.render(s) + "Start the server, bring its state up to date, and say so with stint resume: until\nthen it takes back what was given after the backup, and grants nothing. Tokens that\nwere revoked after the backup work again: see stint token list, and end them with\nstint token revoke ID.\n"
}

func (a *app) resumeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "resume --reason REASON",
		Short: "Let a server grant again whose state is older than what was done on it (needs the role admin)",
		Long: `Let a server grant again whose state is older than what was done on it, because it
comes from a backup, or from a standby that was behind (needs the role admin).

Before that, bring the state up to date: apply what is declared, say who has left
since, look at stint drift, and end the tokens that were revoked since, which work
again: stint token list, stint token revoke ID. It is refused while the ledger holds
grants that are not taken up.

Where the state no longer holds all evidence that was signed, the evidence goes on in
a log of its own, with a key of its own to be pinned, whose first record names what
the former log had signed; what the state still proves of that one is kept below
--evidence-dir of the server.`,
		Example: `  stint resume --reason "applied main, and HR's list of leavers since Friday"`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(reason) == "" {
				return usageErrorf("say what was looked at: give --reason")
			}
			resumed, err := ask(cmd.Context(), a, "Resuming", func(ctx context.Context, c *client.Client) (api.Resumed, error) {
				return c.Resume(ctx, reason)
			})
			if err != nil {
				return err
			}
			return a.print(resumed, func() string {
				return renderResumed(a.screen(), resumed)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "what was looked at; it is in the evidence")
	return cmd
}

func renderResumed(s screen, resumed api.Resumed) string {
	said := fmt.Sprintf("The state of %s is accepted; granting goes on.\n", resumed.AsOf.UTC().Format(time.RFC3339))
	if resumed.EvidenceKey == "" {
		return said
	}
	var f fields
	f.add("former log", printable(resumed.FormerLog)+", below the server's --evidence-dir")
	f.add("evidence lost", "at most "+plural(resumed.Lost, "record")+" that had been signed")
	f.add("evidence key, to be pinned", printable(resumed.EvidenceKey))
	return said + "The evidence goes on in a new log:\n" + f.render(s)
}
