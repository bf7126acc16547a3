package acctest

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/stint-dev/terraform-provider-stint/internal/provider"
)

// CLI runs the real Terraform by itself in a folder, for what the acceptance test
// framework has no step for, with the provider served from within the test. Its
// output is stdout and stderr together.
func CLI(t *testing.T) func(folder string, arguments ...string) (output string, err error) {
	t.Helper()
	binary := Terraform(t)
	reattach := serve(t)
	return func(folder string, arguments ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), binary, arguments...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "TF_REATTACH_PROVIDERS="+reattach, "TF_IN_AUTOMATION=1")
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
}

// serve serves the provider until the test ends, and tells Terraform where.
func serve(t *testing.T) string {
	t.Helper()
	address := cmp.Or(os.Getenv("TF_ACC_PROVIDER_HOST"), "registry.terraform.io") + "/stint-dev/stint"
	ctx, cancel := context.WithCancel(context.Background())
	configs, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- tf6server.Serve(address, func() tfprotov6.ProviderServer { return providerserver.NewProtocol6(provider.New("test")())() },
			tf6server.WithDebug(ctx, configs, closed), tf6server.WithLoggingSink(t), tf6server.WithGoPluginLogger(hclog.NewNullLogger()))
	}()
	t.Cleanup(func() {
		cancel()
		<-closed
	})
	var config *plugin.ReattachConfig
	select {
	case config = <-configs:
	case err := <-failed:
		t.Fatalf("serve the provider: %v", err)
	}
	text, err := json.Marshal(map[string]any{address: map[string]any{
		"Protocol": config.Protocol, "ProtocolVersion": config.ProtocolVersion, "Pid": config.Pid, "Test": config.Test,
		"Addr": map[string]string{"Network": config.Addr.Network(), "String": config.Addr.String()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
