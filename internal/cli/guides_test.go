package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a guide tells to type is there, with its flags and its arguments.
func TestGuidesTellCommandsThatExist(t *testing.T) {
	guides, err := filepath.Glob("../../templates/guides/*")
	if err != nil || len(guides) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	blocks, word := regexp.MustCompile("(?s)```(?:sh|shell|console)\n(.*?)```"), regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`)
	told := 0
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks.FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
				command, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "$ ")), " #")
				command, _, _ = strings.Cut(command, " > ")
				command, _, _ = strings.Cut(command, " | ")
				if !strings.HasPrefix(command, "stint ") {
					continue
				}
				told++
				a := &app{Program: Program{Out: io.Discard, Err: io.Discard}}
				found, rest, err := a.rootCommand().Find(word.FindAllString(command, -1)[1:])
				if err == nil {
					err = found.ParseFlags(rest)
				}
				if err == nil {
					err = found.ValidateArgs(found.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s tells %q: %v", filepath.Base(guide), command, err)
				}
			}
		}
	}
	if told < 10 {
		t.Errorf("only %d commands were found in the guides", told)
	}
}
