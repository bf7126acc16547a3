package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestResultsOfAPart(t *testing.T) {
	for name, c := range map[string]struct {
		events       []string
		seen, failed string
		shown        string
	}{
		"a test says what is for the page": {
			[]string{
				`{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:3: soak: 218 cuts, 213 fired\n"}`,
				`{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:4: chatter\n"}`,
				`{"Action":"pass","Package":"m/a","Test":"TestX"}`, `{"Action":"pass","Package":"m/a"}`,
			},
			"218 cuts, 213 fired; 1 tests passed, 0 failed", none, "    x_test.go:3: soak: 218 cuts, 213 fired\npass m/a\n",
		},
		"how far it is, is not for the page": {
			[]string{`{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:3: soaking: cut at 50 of 218\n"}`, `{"Action":"pass","Package":"m/a","Test":"TestX"}`},
			"1 tests passed, 0 failed", none, "    x_test.go:3: soaking: cut at 50 of 218\n",
		},
		"the last of each target's executions count": {
			[]string{
				`{"Action":"output","Package":"m/a","Test":"FuzzX","Output":"fuzz: elapsed: 3s, execs: 310 (103/sec), new interesting: 1 (total: 4)\n"}`,
				`{"Action":"output","Package":"m/a","Test":"FuzzX","Output":"fuzz: elapsed: 6s, execs: 1234567 (205761/sec), new interesting: 1 (total: 4)\n"}`,
				`{"Action":"pass","Package":"m/a","Test":"FuzzX"}`,
				`{"Action":"output","Package":"m/b","Test":"FuzzY","Output":"fuzz: elapsed: 3s, execs: 12 (4/sec), new interesting: 0 (total: 4)\n"}`,
				`{"Action":"pass","Package":"m/b","Test":"FuzzY"}`,
			},
			"FuzzX 1,234,567 executions; FuzzY 12 executions; 2 tests passed, 0 failed", none, "",
		},
		"what a test said that failed is shown, and its name kept once": {
			[]string{
				`{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:3: wrong\n"}`, `{"Action":"fail","Package":"m/a","Test":"TestX"}`,
				`{"Action":"fail","Package":"m/a","Test":"TestX"}`, `{"Action":"skip","Package":"m/a","Test":"TestY"}`,
			},
			"0 tests passed, 2 failed, 1 skipped", "TestX", "    x_test.go:3: wrong\n",
		},
		"a test that never ended is shown": {
			[]string{`{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:3: and then\n"}`},
			"0 tests passed, 0 failed", none, "    x_test.go:3: and then\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var r results
			var shown strings.Builder
			if err := r.read(strings.NewReader(strings.Join(c.events, "\n")), &shown); err != nil {
				t.Fatal(err)
			}
			if r.String() != c.seen || r.failures() != c.failed || shown.String() != c.shown {
				t.Errorf("seen %q, failed %q, shown %q; want %q, %q, %q", r.String(), r.failures(), shown.String(), c.seen, c.failed, c.shown)
			}
		})
	}
}

func TestCommandThatDoesNotBuildFails(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"go.mod": "module m\n", "x_test.go": "package m\n\nvar x = y\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var r results
	if err := (command{args: []string{"."}}).follow(t.Context(), &r, io.Discard); err != nil {
		t.Fatal(err)
	}
	if r.failures() == none {
		t.Error("what does not build counts as done")
	}
}

func TestPartReplacesItsRowAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "soak.md")
	first := row{parts[0].name, "2026-01-01 10:00", "1m0s", "aaaaaaa", "2 cores", "one | two", none}
	second := row{parts[1].name, "2026-01-02 10:00", "2m0s", "bbbbbbb", "2 cores", "two", "TestX"}
	for _, r := range []row{first, second, {parts[0].name, "2026-01-03 10:00", "3m0s", "ccccccc", "2 cores", "three", none}} {
		if err := keep(path, r); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(string(text))
	if got := rows[parts[0].name]; got.commit != "ccccccc" || got.seen != "three" {
		t.Errorf("the first part's row is %+v", got)
	}
	if got := rows[parts[1].name]; got != second {
		t.Errorf("the second part's row is %+v, want %+v", got, second)
	}
	if got := rows[parts[2].name]; got.when != "not run" {
		t.Errorf("the row of a part that was never run is %+v", got)
	}
}

func TestPartsAreChosenByName(t *testing.T) {
	chosen, err := choose("crash")
	if err != nil || len(chosen) != 2 {
		t.Errorf("crash chooses %d parts, %v", len(chosen), err)
	}
	if _, err := choose("nonsense"); err == nil || !strings.Contains(err.Error(), "crash-sqlite") {
		t.Errorf("a name without a part is answered with %v", err)
	}
}

// Every part runs something that is there.
func TestPartsNameTestsThatExist(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	for _, p := range parts {
		commands, err := p.commands(settings{fuzz: time.Second, rounds: 1})
		if err != nil || len(commands) == 0 {
			t.Errorf("%s: %d commands, %v", p.name, len(commands), err)
		}
		for _, c := range commands {
			folder := strings.TrimSuffix(c.args[0], "/...")
			if _, err := os.Stat(folder); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
			name := testOf(c.args)
			if name == "" {
				continue
			}
			if !declares(t, folder, name) {
				t.Errorf("%s: %s has no %s", p.name, folder, name)
			}
		}
	}
}

// testOf is the one test that a command names.
func testOf(args []string) (name string) {
	for _, arg := range args {
		word := strings.Trim(arg, "^$")
		if strings.HasPrefix(word, "Test") || strings.HasPrefix(word, "Fuzz") {
			name = word
		}
	}
	return name
}

func declares(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+name+"(") {
			return true
		}
	}
	return false
}
