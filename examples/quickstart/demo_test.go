// Package quickstart_test plays the demo as a newcomer would.
package quickstart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// demo runs the demo and returns what it said. What a user may have in the
// environment must not matter to it.
func demo(t *testing.T, environment ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "./demo.sh")
	cmd.Env = append(os.Environ(), "STINT_ADDR=http://127.0.0.1:1", "STINT_TOKEN=none", "PGUSER=nobody", "TF_CLI_CONFIG_FILE=/nowhere")
	cmd.Env = append(cmd.Env, environment...)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

func TestDemoHoldsFromDeclarationToEvidence(t *testing.T) {
	said, err := demo(t)
	if err != nil {
		t.Fatalf("the demo ended with %v:\n%s", err, said)
	}
	for _, step := range []string{
		"a forgotten superuser, an orphan and a right that was kept",
		"the guardrail keeps software out",
		"alice fixed what she came for",
		"the separation of duties refuses her",
		"so is the session that had taken it",
		"the incident took the access with it",
		"No changes.",
		"The evidence verifies.",
	} {
		if !strings.Contains(said, step) {
			t.Errorf("the demo ended well but never said %q", step)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

func TestDemoFailsWhereAStepDoesNotHold(t *testing.T) {
	// A Terraform that claims to be one and does nothing.
	terraform := filepath.Join(t.TempDir(), "terraform")
	if err := os.WriteFile(terraform, []byte("#!/bin/sh\necho Terraform v1.99.0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	said, err := demo(t, "TF_ACC_TERRAFORM_PATH="+terraform)
	if err == nil || !strings.Contains(said, `demo: FAILED in "Declare who may get what, and why"`) {
		t.Errorf("the demo ended with %v and said:\n%s", err, said)
	}
}
