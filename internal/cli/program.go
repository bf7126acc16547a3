package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Program is the command line with all that it needs from outside.
type Program struct {
	Version string
	// Serve runs the server for `stint server`.
	Serve ServerFunc
	// Backup and Restore do so for `stint backup` and `stint restore`.
	Backup  BackupFunc
	Restore RestoreFunc
	// WriteProviderSchema writes the provider's schemas as Terraform prints
	// them, for the documentation generator.
	WriteProviderSchema func(context.Context, io.Writer) error

	Out, Err  io.Writer
	LookupEnv func(name string) (value string, set bool)
	// Now is the caller's clock: it turns a span such as --ends-in into a time,
	// and a time into how far it is away.
	Now func() time.Time
	// Zone is the time zone in which a person reads times; machines read UTC.
	Zone *time.Location
}

// Run executes one command line, without the program's name, and returns the
// exit code. Cancelling ctx ends it with [ExitInterrupted].
func (p Program) Run(ctx context.Context, args []string) int {
	a := &app{Program: p}
	root := a.rootCommand() //nolint:contextcheck // a command gets its context when it runs
	root.SetArgs(args)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if errors.Is(err, context.Canceled) {
		a.note("stint: interrupted")
		return ExitInterrupted
	}
	code, message := exitCode(err)
	if message != nil {
		a.note("stint: %s", a.explain(message))
	}
	return code
}

// app is one run of the program: what was given, and the flags that every
// command takes.
type app struct {
	Program
	global globalFlags
}

func (a *app) rootCommand() *cobra.Command {
	root := group("stint", "Least privilege as code: just-in-time access with evidence",
		`Least privilege as code: just-in-time access with evidence.

People and machines ask for access through grant templates, for a reason and for
a while. Policy is declared in Terraform; this command is for everything else.

Start with:
  stint server --dev              a throw-away server, ready to paste
  stint request TEMPLATE --wait   ask for access
  stint drift                     what nobody declared`)
	addTopic(root, "ask", "Access for a while:", a.eligibleCommand(), a.requestCommand(), a.decideCommand(), a.requestsCommand(), a.withdrawCommand(), a.grantsCommand(), a.extendCommand(), a.returnCommand())
	addTopic(root, "answer", "Answering for it:", a.approveCommand(), a.rejectCommand(), a.reviewCommand(), a.revokeCommand(), a.eventCommand(), a.identityCommand())
	addTopic(root, "watch", "Seeing what is:", a.driftCommand(), a.syncCommand(), a.operationsCommand(), a.evidenceCommand())
	addTopic(root, "test", "Testing what is declared:", a.testCommand(), a.snapshotCommand())
	addTopic(root, "run", "Running Stint:", a.serverCommand(), a.backupCommand(), a.restoreCommand(), a.resumeCommand(), a.clockCommand(), a.tokenCommand(), a.applicationCommand(), a.whoamiCommand(), a.versionCommand())
	root.SetHelpCommandGroupID("run")
	root.SetCompletionCommandGroupID("run")
	root.AddCommand(a.providerSchemaCommand(), exitCodesTopic())
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageErrorf("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.SetGlobalNormalizationFunc(oneOutputFlag)
	a.global.register(root.PersistentFlags())
	oneOfFlag(root, "output", outputTable, outputJSON)
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.global.check() }
	return root
}

func addTopic(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, command := range commands {
		command.GroupID = id
	}
	root.AddCommand(commands...)
}

// oneOutputFlag makes --format another name of --output, everywhere.
func oneOutputFlag(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "format" {
		name = "output"
	}
	return pflag.NormalizedName(name)
}

// group is a command that only has subcommands. By itself it shows its help; a
// word that names no subcommand is a usage error, never help with success.
func group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := ""
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
			}
			return usageErrorf("%s has no command %q%s", cmd.CommandPath(), args[0], hint)
		},
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SuggestionsMinimumDistance: 2,
		DisableFlagsInUseLine:      true,
	}
	g.AddCommand(commands...)
	return g
}
