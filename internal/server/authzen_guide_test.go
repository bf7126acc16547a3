package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the guide shows is what the server answers.
func TestAuthZENGuideShowsWhatIsAnswered(t *testing.T) {
	e := enforce(t, build(t, filepath.Join(t.TempDir(), "stint.db")))
	guide, err := os.ReadFile("../../templates/guides/authzen.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```console\n\\$ (.*?)\n```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 7 {
		t.Fatalf("the guide has %d exchanges, and this test knows 7", len(blocks))
	}
	expand := func(text string) string {
		return os.Expand(text, func(name string) string {
			return map[string]string{"STINT_ADDR": e.endpoint, "STINT_TOKEN": e.tokens["auditor"]}[name]
		})
	}
	for _, block := range blocks {
		shown := strings.LastIndex(block[1], "\n")
		command, want := words(t, block[1][:shown]), expand(block[1][shown+1:])
		if got := curl(t, e, command, expand); strings.TrimSuffix(got, "\n") != want {
			t.Errorf("%s\nanswered\n%s\nwant\n%s", block[1][:shown], got, want)
		}
	}
}

// words splits a command as a shell does, as far as the guide needs it: quotes
// around whole words, and lines that go on.
func words(t *testing.T, command string) []string {
	t.Helper()
	word := regexp.MustCompile(`(?s)^\s*(?:\\\n\s*)?('[^']*'|"[^"]*"|[^\s'"\\]+)`)
	var found []string
	for rest := command; strings.TrimSpace(rest) != ""; {
		match := word.FindStringSubmatch(rest)
		if match == nil {
			t.Fatalf("not a word: %s", rest)
		}
		found, rest = append(found, match[1]), rest[len(match[0]):]
	}
	return found
}

// curl does what the program of that name would.
func curl(t *testing.T, e *enforced, command []string, expand func(string) string) string {
	t.Helper()
	unquote := func(word string) string {
		if text, single := strings.CutPrefix(word, "'"); single {
			return strings.TrimSuffix(text, "'")
		}
		return expand(strings.Trim(word, `"`))
	}
	method, url, body := http.MethodGet, "", ""
	headers := []string{"Authorization", ""}
	for i := 0; i < len(command); i++ {
		switch word := command[i]; word {
		case "curl", "-s":
		case "-H":
			i++
			name, value, _ := strings.Cut(unquote(command[i]), ": ")
			headers = append(headers, name, value)
		case "-d":
			i++
			method, body = http.MethodPost, unquote(command[i])
		default:
			url = unquote(word)
		}
	}
	path, ours := strings.CutPrefix(url, e.endpoint)
	if !ours {
		t.Fatalf("the guide asks %s", url)
	}
	return string(e.send(t, method, path, body, headers...).body)
}
