package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain lets the tests start this very program: with this variable set, the
// test binary is stint.
const beStint = "STINT_TEST_BE_STINT"

func TestMain(m *testing.M) {
	if os.Getenv(beStint) != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

func stint(t *testing.T, environment []string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...) //nolint:gosec // it is this very program
	cmd.Env = append(append(os.Environ(), beStint+"=1"), environment...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the tests decide on what was said
	return out.String(), errs.String()
}

func TestStartedByAPersonItIsTheCommandLine(t *testing.T) {
	stdout, stderr := stint(t, nil, "version")
	if !strings.HasPrefix(stdout, "stint dev (go") || stderr != "" {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
}

func TestStartedByTerraformItIsTheProvider(t *testing.T) {
	// The cookie of another plugin host is refused by the plugin protocol, which
	// the command line does not speak.
	stdout, stderr := stint(t, []string{"TF_PLUGIN_MAGIC_COOKIE=of-another-host"}, "version")
	if said := stdout + stderr; !strings.Contains(said, "plugin") || strings.Contains(said, "stint dev") {
		t.Errorf("said %q", said)
	}
}

func TestCommandLineWritesTheSchemaOfTheProvider(t *testing.T) {
	stdout, stderr := stint(t, nil, "provider-schema")
	if !strings.Contains(stdout, `"stint_grant_template"`) {
		t.Errorf("stdout %.200q, stderr %q", stdout, stderr)
	}
}
