package acctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/stint-dev/terraform-provider-stint/internal/provider"
)

// EnvTerraform names the binary to test with, as the acceptance test framework
// knows it: of Terraform or of OpenTofu. Without it, terraform and then tofu are
// looked for in PATH.
const EnvTerraform = "TF_ACC_TERRAFORM_PATH"

// RequiredProviders heads a configuration, so that the provider is found under
// the address that users write.
const RequiredProviders = `
terraform {
  required_providers {
    stint = {
      source = "stint-dev/stint"
    }
  }
}
`

// ProtoV6Factories serves the provider to Terraform from within the test.
func ProtoV6Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"stint": providerserver.NewProtocol6WithError(provider.New("test")()),
	}
}

// Terraform prepares the test's environment for the acceptance test framework
// and returns the binary. The test cannot be parallel.
func Terraform(tb testing.TB) string {
	tb.Helper()
	binary := findTerraform(tb)
	tb.Setenv("TF_ACC", "1")
	tb.Setenv(EnvTerraform, binary)
	tb.Setenv("TF_ACC_PROVIDER_NAMESPACE", "stint-dev")
	if strings.Contains(filepath.Base(binary), "tofu") {
		tb.Setenv("TF_ACC_PROVIDER_HOST", "registry.opentofu.org")
	}
	tb.Setenv("CHECKPOINT_DISABLE", "1")
	// The machine's own settings and any server of the developer's stay out.
	tb.Setenv("TF_CLI_CONFIG_FILE", os.DevNull)
	for _, name := range []string{"STINT_ADDR", "STINT_TOKEN", "STINT_CACERT"} {
		tb.Setenv(name, "")
	}
	return binary
}

func findTerraform(tb testing.TB) string {
	tb.Helper()
	names := []string{"terraform", "tofu"}
	if chosen := os.Getenv(EnvTerraform); chosen != "" {
		names = []string{chosen}
	}
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	tb.Fatalf("this test drives the real Terraform, and there is no %s here: install Terraform 1.11 or OpenTofu, or set %s to its path", strings.Join(names, " and no "), EnvTerraform)
	return ""
}
