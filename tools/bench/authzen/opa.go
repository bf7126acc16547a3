package authzen

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/load"
)

//go:embed policy.rego
var policy []byte

// startOPA serves the policy with the estate as its data.
func startOPA(ctx context.Context, program, folder string, all estate, asked []question) (*server, error) {
	data, err := json.Marshal(all.data(time.Now().Add(grantFor)))
	if err != nil {
		return nil, fmt.Errorf("write the data for OPA: %w", err)
	}
	policyFile, dataFile := filepath.Join(folder, "policy.rego"), filepath.Join(folder, "data.json")
	for path, content := range map[string][]byte{policyFile: policy, dataFile: data} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, fmt.Errorf("write for OPA: %w", err)
		}
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{name: "OPA", address: address, process: exec.CommandContext(ctx, program, "run", "--server",
		"--addr", address, "--log-level", "error", "--skip-version-check", policyFile, dataFile)}
	s.process.Stderr = &s.log
	if s.close, err = start(s.process); err != nil {
		return nil, err
	}
	for _, q := range asked {
		body := fmt.Appendf(nil, `{"input":%s}`, q.body)
		s.questions = append(s.questions, load.Post(address, "/v1/data/stint/allow", "", body, fmt.Appendf(nil, `{"result":%t}`, q.want)))
	}
	return s, eventually(ctx, "OPA to answer", func() error { return healthy(ctx, "http://"+address+"/health") })
}

// data is the estate as an author of Rego would keep it: everything is found by
// its key.
func (e estate) data(grantsEnd time.Time) map[string]any {
	identities, assignments, grants := map[string]any{}, map[string]any{}, map[string]any{}
	for _, p := range e {
		identities[p.name] = map[string]any{"type": governance.Human, "status": governance.Active}
		has := map[governance.EntitlementID]bool{}
		for _, role := range p.roles {
			has[entitlement(role)] = true
		}
		if p.granted {
			has[entitlement(roles-1)] = true
			grants[p.name] = map[governance.EntitlementID]int64{entitlement(roles - 1): grantsEnd.UnixNano()}
		}
		assignments[p.name] = has
	}
	declared := map[governance.EntitlementID]any{}
	for n := range roles {
		declared[entitlement(n)] = map[string]any{"standing": standing(n)}
	}
	return map[string]any{"identities": identities, "assignments": assignments, "grants": grants, "entitlements": declared}
}

// freeAddress is a loopback address that nobody listens on: OPA does not tell
// which port it took.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

func healthy(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s", url, response.Status)
	}
	return nil
}
