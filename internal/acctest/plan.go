package acctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/provider"
)

// Main is the TestMain of packages that use [PlanJSON]: Terraform starts the test's
// own binary, which then is the provider.
func Main(m *testing.M) {
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") == "" {
		os.Exit(m.Run())
	}
	if err := provider.Serve(context.Background(), "test", false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// PlanJSON plans the configuration in a folder and returns what `terraform show
// -json` prints of the plan. The stack must run; nothing is applied. It needs
// [Main].
func PlanJSON(tb testing.TB, folder string) []byte {
	tb.Helper()
	binary := findTerraform(tb)
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	work := tb.TempDir()
	if err := os.CopyFS(work, os.DirFS(folder)); err != nil {
		tb.Fatal(err)
	}
	plugins := tb.TempDir()
	if err := os.Symlink(program, filepath.Join(plugins, "terraform-provider-stint")); err != nil {
		tb.Fatal(err)
	}
	config := filepath.Join(plugins, "terraform.rc")
	overrides := fmt.Sprintf(`provider_installation {
  dev_overrides {
    "registry.terraform.io/stint-dev/stint" = %[1]q
    "registry.opentofu.org/stint-dev/stint" = %[1]q
  }
}
`, plugins)
	if err := os.WriteFile(config, []byte(overrides), 0o600); err != nil {
		tb.Fatal(err)
	}
	run := func(args ...string) []byte {
		cmd := exec.CommandContext(tb.Context(), binary, args...) //nolint:gosec // the test chooses
		cmd.Dir, cmd.Env = work, append(os.Environ(), "TF_CLI_CONFIG_FILE="+config)
		out, err := cmd.Output()
		if err != nil {
			message := ""
			if failed, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it as it is
				message = string(failed.Stderr)
			}
			tb.Fatalf("terraform %v: %v\n%s%s", args, err, out, message)
		}
		return out
	}
	run("plan", "-input=false", "-no-color", "-out=plan.out")
	return run("show", "-json", "plan.out")
}
