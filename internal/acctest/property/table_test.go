package property_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/crash"
)

// TestEveryInvariantNamesItsTests: the table of the guide has a row for each
// invariant, and each of them has a test and a planted bug that are there.
func TestEveryInvariantNamesItsTests(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	text, err := os.ReadFile(filepath.Join(root, "templates", "guides", "invariants.md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	tests := testsBelow(t, filepath.Join(root, "internal"))
	for _, name := range regexp.MustCompile("`Test[A-Za-z0-9_]+`").FindAllString(string(text), -1) {
		if !tests[strings.Trim(name, "`")] {
			t.Errorf("the guide names %s, and there is no such test", name)
		}
	}
	row := regexp.MustCompile(`(?m)^\| (\d+) \|(.*)\|$`)
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		number, cells := match[1], strings.Split(strings.ReplaceAll(match[2], `\|`, ""), "|")
		if rows[number] {
			continue // what it means for made accounts, further down
		}
		if len(cells) != 4 {
			t.Errorf("the row of invariant %s has %d cells", number, len(cells)+1)
			continue
		}
		rows[number] = true
		if !strings.Contains(cells[2], "`Test") {
			t.Errorf("invariant %s names no test", number)
		}
		bugs := quoted.FindAllStringSubmatch(cells[3], -1)
		if len(bugs) == 0 {
			t.Errorf("invariant %s names no planted bug", number)
		}
		for _, bug := range bugs {
			_, here := planted[bug[1]]
			if here && !strings.HasPrefix(bug[1], number+" ") || !here && !inCrash[crash.Plant(bug[1])] && !tests[bug[1]] {
				t.Errorf("invariant %s names the bug %q, and nobody plants it against it", number, bug[1])
			}
		}
	}
	for number := 1; number <= 13; number++ {
		if !rows[fmt.Sprint(number)] {
			t.Errorf("invariant %d has no row", number)
		}
	}
}

// inCrash are the bugs that the crash harness plants in a server.
var inCrash = map[crash.Plant]bool{
	crash.PlantNoIntent: true, crash.PlantNoEnd: true, crash.PlantBlindRevoke: true,
	crash.PlantUncovered: true, crash.PlantLaundered: true, crash.PlantNoEvidence: true,
	crash.PlantAccountNoIntent: true, crash.PlantAccountLeft: true, crash.PlantAccountUncovered: true, crash.PlantAccountNoEvidence: true,
}

// testsBelow are the names of all Go tests in a directory and below it.
func testsBelow(t *testing.T, dir string) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
