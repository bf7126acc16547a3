package authzen

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/load"
)

// grantFor is how long the grants last, which is longer than any run.
const grantFor = 4 * time.Hour

// startStint runs a server that governs a PostgreSQL in which the people of the
// estate hold their roles, and takes the people on call to their grants.
func startStint(ctx context.Context, program, folder string, all estate, asked []question) (*server, error) {
	target, err := pgtest.Launch(pgtest.WithoutFsync()) //nolint:contextcheck // what it starts lives until it is closed
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s := &server{name: "Stint", close: target.Close}
	if err := populate(ctx, target, all); err != nil {
		return s, err
	}
	secrets := filepath.Join(folder, "secrets")
	if err := writeSecret(filepath.Join(secrets, string(application)), target.Password()); err != nil {
		return s, err
	}
	root, err := s.run(exec.CommandContext(ctx, program, "server", "--dev", "--secrets-dir", secrets, "--log-level", "error"))
	if err != nil {
		return s, err
	}
	token, err := declare(ctx, root, target, all)
	if err != nil {
		return s, err
	}
	for _, q := range asked {
		s.questions = append(s.questions, load.Post(s.address, "/access/v1/evaluation", token, q.body, fmt.Appendf(nil, `{"decision":%t}`, q.want)))
	}
	return s, nil
}

// populate makes an account for each person, with its roles.
func populate(ctx context.Context, target *pgtest.Server, all estate) error {
	connection, err := pgx.Connect(ctx, target.URL("postgres"))
	if err != nil {
		return fmt.Errorf("reach PostgreSQL: %w", err)
	}
	defer func() { _ = connection.Close(ctx) }()
	var statements strings.Builder
	for n := range roles {
		fmt.Fprintf(&statements, "CREATE ROLE %s;\n", roleName(n))
	}
	for _, p := range all {
		names := make([]string, len(p.roles))
		for i, role := range p.roles {
			names[i] = roleName(role)
		}
		fmt.Fprintf(&statements, "CREATE ROLE %s LOGIN;\nGRANT %s TO %s;\n", p.name, strings.Join(names, ", "), p.name)
	}
	if _, err := connection.Exec(ctx, statements.String()); err != nil {
		return fmt.Errorf("populate PostgreSQL: %w", err)
	}
	return nil
}

func writeSecret(folder, password string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("keep the password: %w", err)
	}
	return os.WriteFile(filepath.Join(folder, "password"), []byte(password), 0o600)
}

// run starts the server and returns a client with its bootstrap token. The
// server is stopped before what it governs.
func (s *server) run(process *exec.Cmd) (*client.Client, error) {
	process.Stderr = &s.log
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read what the server says: %w", err)
	}
	stop, err := start(process)
	if err != nil {
		return nil, err
	}
	closeTarget := s.close
	s.process, s.close = process, func() error { return errors.Join(stop(), closeTarget()) }
	said, err := exported(out)
	if err != nil {
		return nil, err
	}
	endpoint, err := url.Parse(said[client.EnvEndpoint])
	if err != nil {
		return nil, fmt.Errorf("read the server's address: %w", err)
	}
	s.address = endpoint.Host
	return client.New(client.Config{Endpoint: said[client.EnvEndpoint], Token: said[client.EnvToken]})
}

// exported reads the lines that the throw-away server offers to a shell, up to
// the ones that are needed.
func exported(out io.Reader) (map[string]string, error) {
	said := map[string]string{}
	lines := bufio.NewScanner(out)
	for said[client.EnvEndpoint] == "" || said[client.EnvToken] == "" {
		if !lines.Scan() {
			return nil, errors.Join(errors.New("the server ended before it said where it is"), lines.Err())
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		said[name] = strings.Trim(value, "'")
	}
	return said, nil
}

// declare hands the estate to the server. The token that it returns may ask
// about everybody.
func declare(ctx context.Context, root *client.Client, target *pgtest.Server, all estate) (token string, err error) {
	if err := declareIdentities(ctx, root, all); err != nil {
		return "", err
	}
	if err := declareApplication(ctx, root, target); err != nil {
		return "", err
	}
	if err := declareRoles(ctx, root); err != nil {
		return "", err
	}
	for _, p := range all {
		if !p.granted {
			continue
		}
		if err := takeGrant(ctx, root, p); err != nil {
			return "", err
		}
	}
	if _, err := root.Sync(ctx, application); err != nil {
		return "", fmt.Errorf("read the target: %w", err)
	}
	created, err := root.CreateToken(ctx, api.TokenInput{Name: "bench", Identity: governance.IdentityID(all[0].name), Roles: []api.Role{api.RoleAuditor}})
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return created.Secret, nil
}

func declareIdentities(ctx context.Context, root *client.Client, all estate) error {
	for _, p := range all {
		groups := []string{"staff"}
		if p.granted {
			groups = append(groups, "oncall")
		}
		if _, err := client.Create(ctx, root, api.Identities, governance.Identity{Name: p.name, Type: governance.Human, Groups: groups}); err != nil {
			return fmt.Errorf("declare %s: %w", p.name, err)
		}
	}
	return nil
}

func declareApplication(ctx context.Context, root *client.Client, target *pgtest.Server) error {
	connector, err := json.Marshal(map[string]any{
		"host": target.Host(), "port": target.Port(), "username": target.Superuser(), "password_ref": "file:password", "sslmode": "disable",
	})
	if err != nil {
		return fmt.Errorf("write the connector: %w", err)
	}
	if _, err := client.Create(ctx, root, api.Applications, governance.Application{
		Name: string(application), Connector: map[string]json.RawMessage{"postgresql": connector},
		Correlation: "account.name == identity.name", Discovery: governance.DiscoverySchedule{Interval: governance.Duration(time.Hour)},
	}); err != nil {
		return fmt.Errorf("declare the application: %w", err)
	}
	return nil
}

// declareRoles declares every role, and how the last one is given to those on
// call.
func declareRoles(ctx context.Context, root *client.Client) error {
	for n := range roles {
		if _, err := client.Create(ctx, root, api.Entitlements, governance.Entitlement{
			Application: application, Kind: "role", NativeID: roleName(n), Risk: governance.RiskHigh, Standing: standing(n),
		}); err != nil {
			return fmt.Errorf("declare %s: %w", roleName(n), err)
		}
	}
	last := []governance.EntitlementID{entitlement(roles - 1)}
	oncall := governance.EligibilityPolicy{
		Name: "oncall", Effect: governance.PolicyAllow, Entitlements: last, Condition: `contains(identity.groups, "oncall")`,
	}
	if _, err := client.Create(ctx, root, api.EligibilityPolicies, oncall); err != nil {
		return fmt.Errorf("declare the policy: %w", err)
	}
	if _, err := client.Create(ctx, root, api.GrantTemplates, governance.GrantTemplate{
		Name: "oncall", Entitlements: last, EligibilityPolicies: []governance.PolicyID{oncall.ID()},
		Duration:       governance.DurationBounds{Default: governance.Duration(grantFor), Max: governance.Duration(grantFor)},
		ActivateWithin: governance.Duration(10 * time.Minute), Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Automatic: true},
	}); err != nil {
		return fmt.Errorf("declare the template: %w", err)
	}
	return nil
}

// takeGrant lets somebody request the last role and waits for it to be there.
func takeGrant(ctx context.Context, root *client.Client, p person) error {
	created, err := root.CreateToken(ctx, api.TokenInput{Name: "request", Identity: governance.IdentityID(p.name)})
	if err != nil {
		return fmt.Errorf("make a token for %s: %w", p.name, err)
	}
	own, err := client.New(client.Config{Endpoint: root.Endpoint(), Token: created.Secret})
	if err != nil {
		return err
	}
	request, err := own.Request(ctx, api.RequestInput{Template: "oncall"})
	if err != nil || len(request.Grants) != 1 {
		return errors.Join(fmt.Errorf("request for %s: it is %s", p.name, request.State), err)
	}
	return eventually(ctx, "the grant of "+p.name, func() error {
		grant, err := own.GetGrant(ctx, request.Grants[0])
		if err == nil && grant.State != governance.GrantActive {
			err = fmt.Errorf("it is %s %s", grant.State, grant.LastError)
		}
		return err
	})
}
