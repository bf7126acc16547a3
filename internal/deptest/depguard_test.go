package deptest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the depguard section of .golangci.yml")

const (
	sectionBegin = "      # begin: written by go test ./internal/deptest -update\n"
	sectionEnd   = "      # end\n"
	ruleIndent   = 8
)

func TestDepguardHasTheSameDirectRules(t *testing.T) {
	path := filepath.Join(moduleFolder(t), ".golangci.yml")
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(config), sectionBegin)
	section, after, ends := strings.Cut(rest, sectionEnd)
	if !begins || !ends {
		t.Fatalf("%s lacks the lines %q and %q", path, sectionBegin, sectionEnd)
	}
	want := "      rules:\n" + Depguard(Areas(), ruleIndent)
	if *update {
		if err := os.WriteFile(path, []byte(before+sectionBegin+want+sectionEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if section != want {
		t.Errorf("the depguard section of .golangci.yml differs from Areas; run go test ./internal/deptest -update")
	}
}
