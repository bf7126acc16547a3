package quickstart_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What README shows is what the demo runs.
func TestREADMEShowsWhatRuns(t *testing.T) {
	read := func(paths ...string) string {
		var all strings.Builder
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	run := read("policy.tf", "demo.sh", "../../GNUmakefile")
	blocks := regexp.MustCompile("(?s)```(hcl|console|sh)\n(.*?)```").FindAllStringSubmatch(read("../../README.md"), -1)
	if len(blocks) != 3 {
		t.Fatalf("README has %d blocks of code, and this test knows 3", len(blocks))
	}
	for _, block := range blocks {
		language, text := block[1], block[2]
		switch language {
		case "hcl":
			if !strings.Contains(run, text) {
				t.Errorf("the quickstart does not declare this block of README:\n%s", text)
			}
		case "console":
			for line := range strings.Lines(text) {
				_, command, _ := strings.Cut(strings.TrimSpace(line), "$ ")
				if !strings.Contains(run, command) {
					t.Errorf("the demo does not run %q, which README shows", command)
				}
			}
		case "sh":
			for line := range strings.Lines(text) {
				target := strings.TrimPrefix(strings.TrimSpace(line), "make ")
				if !strings.Contains(run, "\n"+target+":") {
					t.Errorf("there is no %q in GNUmakefile, which README shows", strings.TrimSpace(line))
				}
			}
		}
	}
}
