package acctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
	"github.com/stint-dev/terraform-provider-stint/internal/provider"
)

// Main is the TestMain of packages that use [Workplace]: the test's own binary is
// the provider when Terraform starts it, and the stint command under that name.
func Main(m *testing.M) {
	switch {
	case os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "":
		if err := provider.Serve(context.Background(), "test", false); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(cli.ExitError)
		}
		os.Exit(cli.ExitOK)
	case filepath.Base(os.Args[0]) == "stint":
		os.Exit(cli.Program{
			Version: "test", Serve: daemon.Run, WriteProviderSchema: provider.WriteSchema,
			Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, Now: time.Now, Zone: time.UTC,
		}.Run(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// Workplace copies a folder of configuration and prepares the test's environment,
// so that terraform works in the copy without init, and stint is in PATH. It needs
// [Main], and a running [Stack] for whatever asks the server.
func Workplace(tb testing.TB, folder string) string {
	tb.Helper()
	work, programs := tb.TempDir(), tb.TempDir()
	if err := os.CopyFS(work, os.DirFS(folder)); err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	for name, program := range map[string]string{"terraform-provider-stint": self, "stint": self, "terraform": findTerraform(tb)} {
		if err := os.Symlink(program, filepath.Join(programs, name)); err != nil {
			tb.Fatal(err)
		}
	}
	config := filepath.Join(programs, "terraform.rc")
	overrides := fmt.Sprintf(`provider_installation {
  dev_overrides {
    "registry.terraform.io/stint-dev/stint" = %[1]q
    "registry.opentofu.org/stint-dev/stint" = %[1]q
  }
}
`, programs)
	if err := os.WriteFile(config, []byte(overrides), 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Setenv("TF_CLI_CONFIG_FILE", config)
	tb.Setenv("TF_CLI_ARGS", "-no-color")
	tb.Setenv("PATH", programs+string(os.PathListSeparator)+os.Getenv("PATH"))
	return work
}

// Shell runs a script in a folder and returns all that it said, and whether it
// ended well.
func Shell(tb testing.TB, folder, script string) (said string, ok bool) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "bash", "-euo", "pipefail", "-c", script) //nolint:gosec // the scripts are ours
	cmd.Dir = folder
	var all strings.Builder
	cmd.Stdout, cmd.Stderr = &all, &all
	err := cmd.Run()
	return all.String(), err == nil
}

// PlanJSON plans the configuration in a folder and returns what `terraform show
// -json` prints of the plan. Nothing is applied.
func PlanJSON(tb testing.TB, folder string) []byte {
	tb.Helper()
	work := Workplace(tb, folder)
	if said, ok := Shell(tb, work, "terraform plan -input=false -out=plan.out && terraform show -json plan.out > plan.json"); !ok {
		tb.Fatal(said)
	}
	text, err := os.ReadFile(filepath.Join(work, "plan.json")) //nolint:gosec // it was just written
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
