// Command stint is one binary with two callers: started by Terraform it is the
// provider, started by a person it is the stint command.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
	"github.com/stint-dev/terraform-provider-stint/internal/provider"
)

// version is set by the linker at release.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	debug := len(os.Args) == 2 && (os.Args[1] == "-debug" || os.Args[1] == "--debug")
	if debug || os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" {
		if err := provider.Serve(context.Background(), version, debug); err != nil {
			fmt.Fprintf(os.Stderr, "stint: serve the provider: %v\n", err)
			return cli.ExitError
		}
		return cli.ExitOK
	}
	ctx, stop := cli.UntilToldToEnd(context.Background())
	defer stop()
	return cli.Program{
		Version: version, Serve: daemon.Run, Backup: daemon.Backup, Restore: daemon.Restore, WriteProviderSchema: provider.WriteSchema,
		Out: os.Stdout, Err: os.Stderr,
		LookupEnv: os.LookupEnv, Now: time.Now, Zone: time.Local,
	}.Run(ctx, os.Args[1:])
}
