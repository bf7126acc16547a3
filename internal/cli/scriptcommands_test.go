package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// patience is how long something on a busy machine may take.
const patience = time.Minute

// scriptCommands are what the scripts can do beside running programs.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits": exits, "keep": keep, "declare": declare, "await": await, "sqlas": sqlAs, "log": writeLog, "certificate": writeCertificate, "serve": serve, "endserver": endServer,
	}
}

// exits runs a program and demands its exit code: exits CODE PROGRAM ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		got = failed.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// keep puts what the last program printed into a variable: keep NAME
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// declare creates objects as Terraform does, from a file with members named
// like collections: declare FILE. Variables in it are filled in.
func declare(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: declare FILE")
	}
	var objects struct {
		Attributes     []governance.Attribute         `json:"attributes"`
		Applications   []governance.Application       `json:"applications"`
		Identities     []governance.Identity          `json:"identities"`
		Entitlements   []governance.Entitlement       `json:"entitlements"`
		Policies       []governance.EligibilityPolicy `json:"eligibility-policies"`
		Rules          []governance.SoDRule           `json:"sod-rules"`
		GrantTemplates []governance.GrantTemplate     `json:"grant-templates"`
		Delegations    []governance.Delegation        `json:"delegations"`
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	ts.Check(decoder.Decode(&objects))
	c := connect(ts)
	createAll(ts, c, api.Attributes, objects.Attributes)
	createAll(ts, c, api.Identities, objects.Identities)
	createAll(ts, c, api.Applications, objects.Applications)
	createAll(ts, c, api.Entitlements, objects.Entitlements)
	createAll(ts, c, api.EligibilityPolicies, objects.Policies)
	createAll(ts, c, api.SoDRules, objects.Rules)
	createAll(ts, c, api.GrantTemplates, objects.GrantTemplates)
	createAll(ts, c, api.Delegations, objects.Delegations)
}

func connect(ts *testscript.TestScript) *client.Client {
	c, err := client.New(client.Config{Endpoint: ts.Getenv("STINT_ADDR"), Token: ts.Getenv("STINT_TOKEN")})
	ts.Check(err)
	return c
}

func createAll[D governance.Object, T any](ts *testscript.TestScript, c *client.Client, in api.Collection[D, T], documents []D) {
	for _, document := range documents {
		if _, err := client.Create(context.Background(), c, in, document); err != nil {
			var problem *api.Problem
			if errors.As(err, &problem) {
				ts.Fatalf("create %s %s: %s %+v", in, document.Key(), problem.Detail, problem.Errors)
			}
			ts.Fatalf("create %s %s: %v", in, document.Key(), err)
		}
	}
}

// await looks until there is what is waited for: await pending takes the one
// request that awaits the caller into REQUEST, and the end of its id into
// SHORT; await granted STATE takes the one grant of REQUEST into GRANT once it
// is in that state; await failing takes the one revocation that was tried and
// failed into OPERATION.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: await pending, await failing, or await granted STATE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := connect(ts)
	for again := time.NewTicker(20 * time.Millisecond); ; {
		switch args[0] {
		case "failing":
			failing, err := c.Operations(ctx, client.OperationFilter{Failing: true, Kind: "revoke"})
			ts.Check(err)
			if len(failing.Items) == 1 {
				ts.Setenv("OPERATION", string(failing.Items[0].ID))
				return
			}
		case "pending":
			awaiting, err := c.Requests(ctx, client.RequestFilter{AwaitingMe: true})
			ts.Check(err)
			if len(awaiting.Items) == 1 {
				id := string(awaiting.Items[0].ID)
				ts.Setenv("REQUEST", id)
				ts.Setenv("SHORT", id[len(id)-8:])
				return
			}
		default:
			grants, err := c.Grants(ctx, client.GrantFilter{})
			ts.Check(err)
			for _, g := range grants.Items {
				if string(g.Request) == ts.Getenv("REQUEST") && string(g.State) == args[1] {
					ts.Setenv("GRANT", string(g.ID))
					return
				}
			}
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("it did not come to that within %s", patience)
		case <-again.C:
		}
	}
}

// sqlAs runs a statement in the governed database as one of its logins, whose
// password is "secret": sqlas LOGIN STATEMENT. With ! it has to be refused.
func sqlAs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: sqlas LOGIN STATEMENT")
	}
	target := url.URL{
		Scheme: "postgres", User: url.UserPassword(args[0], "secret"), Host: net.JoinHostPort(ts.Getenv("TARGET_HOST"), ts.Getenv("TARGET_PORT")),
		Path: "/postgres", RawQuery: "sslmode=disable",
	}
	statement := strings.Join(args[1:], " ")
	err := runSQL(context.Background(), target.String(), statement)
	var refused *pgconn.PgError
	switch {
	case err == nil && neg:
		ts.Fatalf("%s may %s", args[0], statement)
	case err != nil && (!neg || !errors.As(err, &refused)):
		ts.Fatalf("%s: %s: %v", args[0], statement, err)
	}
}

func runSQL(ctx context.Context, url, statements string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statements)
	return err
}
