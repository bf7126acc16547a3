package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
	"github.com/stint-dev/terraform-provider-stint/internal/provider"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"stint": stint})
}

// stint is the command as main puts it together.
func stint() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Program{
		Version: "test", Serve: daemon.Run, Backup: daemon.Backup, Restore: daemon.Restore, WriteProviderSchema: provider.WriteSchema,
		Out: os.Stdout, Err: os.Stderr,
		LookupEnv: os.LookupEnv, Now: time.Now, Zone: time.UTC,
	}.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// The scripts drive the real command. One that holds a file target.sql gets a
// PostgreSQL of its own to govern, set up by it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: scriptCommands(), Setup: setUp,
	})
}

func setUp(env *testscript.Env) error {
	env.Values[scriptServerKey{}] = &scriptServer{}
	statements, err := os.ReadFile(env.WorkDir + "/target.sql")
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	target, err := pgtest.Launch()
	if err != nil {
		return err
	}
	env.Defer(func() {
		if err := target.Close(); err != nil {
			fmt.Fprintf(os.Stderr, "stop PostgreSQL: %v\n", err)
		}
	})
	env.Setenv("TARGET_HOST", target.Host())
	env.Setenv("TARGET_PORT", strconv.Itoa(target.Port()))
	env.Setenv("TARGET_USER", target.Superuser())
	env.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	return runSQL(context.Background(), target.URL("postgres"), string(statements))
}
