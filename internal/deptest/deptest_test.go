package deptest

import (
	"os"
	"path/filepath"
	"testing"
)

func load(t *testing.T) Graph {
	t.Helper()
	graph, err := Load(t.Context(), moduleFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func moduleFolder(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return folder
}

func report(t *testing.T, found []Violation) {
	t.Helper()
	for _, v := range found {
		t.Error(v)
	}
}

func TestTheHouseKeepsItsRules(t *testing.T) {
	graph := load(t)
	report(t, Check(graph, Areas(), Bans()))

	uncommented, err := CheckComments(graph, Generated)
	if err != nil {
		t.Fatal(err)
	}
	report(t, uncommented)

	untimely, err := CheckClock(graph, Areas(), clockReaders())
	if err != nil {
		t.Fatal(err)
	}
	report(t, untimely)
}

func TestEveryAreaIsThereOrForeseen(t *testing.T) {
	// Foreseen by the plan of the house, with their rules ready.
	foreseen := map[string]bool{"console": true, "impact": true}
	graph := load(t)
	used := map[string]bool{}
	for importPath := range graph {
		if pkg, ours := inModule(importPath); ours {
			if area, placed := areaOf(Areas(), pkg); placed {
				used[area.Path] = true
			}
		}
	}
	for _, area := range Areas() {
		if !used[area.Path] && !foreseen[area.Path] {
			t.Errorf("no package lies in the area %q: take it off the map", area.Path)
		}
	}
}

func TestNothingSurprisingLiesAtTheTop(t *testing.T) {
	welcome := map[string]bool{
		".ci": true, ".dockerignore": true, ".github": true, ".gitignore": true, ".golangci.yml": true, ".goreleaser.yml": true,
		"CHANGELOG.md": true, "GNUmakefile": true, "LICENSE": true, "README.md": true,
		"docs": true, "examples": true, "go.mod": true, "go.sum": true, "internal": true, "main.go": true, "main_test.go": true,
		"templates": true, "terraform-registry-manifest.json": true, "tools": true,
	}
	local := map[string]bool{".git": true, "bin": true, "dist": true} // not in the repository
	entries, err := os.ReadDir(moduleFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !welcome[entry.Name()] && !local[entry.Name()] {
			t.Errorf("%s lies at the top of the repository, where it has no place", entry.Name())
		}
	}
}
