package deptest

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Check reports every broken rule on imports and names, sorted by package.
func Check(graph Graph, areas []Area, bans []Ban) []Violation {
	var found []Violation
	for importPath, p := range graph {
		pkg, ours := inModule(importPath)
		if !ours || len(p.GoFiles) == 0 { // of others, or nothing but tests
			continue
		}
		found = append(found, checkName(pkg)...)
		area, placed := areaOf(areas, pkg)
		if !placed {
			found = append(found, Violation{pkg, "belongs to no area", "every package has its place; see Areas"})
			continue
		}
		found = append(found, checkDirect(areas, area, pkg, p.Imports)...)
		for _, ban := range bans {
			found = append(found, ban.check(graph, area, pkg, importPath)...)
		}
	}
	slices.SortFunc(found, func(a, b Violation) int { return cmp.Compare(a.String(), b.String()) })
	return found
}

// nameless are names that say nothing about what is inside.
var nameless = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base"}

func checkName(pkg string) []Violation {
	first, _, _ := strings.Cut(pkg, "/")
	switch {
	case first == "cmd" || first == "pkg":
		return []Violation{{pkg, "lies in " + first + "/", "there is one binary, and nothing to import from outside"}}
	case slices.Contains(nameless, path.Base(pkg)):
		return []Violation{{pkg, fmt.Sprintf("is named %q", path.Base(pkg)), "a package is named after what it holds"}}
	}
	return nil
}

func checkDirect(areas []Area, area Area, pkg string, imports []string) []Violation {
	var found []Violation
	for _, imported := range imports {
		if slices.Contains(area.Not, imported) {
			found = append(found, Violation{pkg, "imports " + imported, area.Why})
		}
		target, ours := inModule(imported)
		if !ours || area.Path == "" {
			continue
		}
		if other, placed := areaOf(areas, target); placed && !area.mayImport(other) {
			found = append(found, Violation{pkg, "imports " + target, area.Why})
		}
	}
	return found
}

// mayImport: packages of one area may import each other, unless the area is a
// row of strangers.
func (a Area) mayImport(other Area) bool {
	if other.Path == a.Path {
		return !strings.Contains(a.Path, "*")
	}
	return slices.Contains(a.May, other.Path)
}

func (b Ban) check(graph Graph, area Area, pkg, importPath string) []Violation {
	if slices.Contains(b.From, area.Path) == b.Except {
		return nil
	}
	chain := graph.way(importPath, b.hits)
	if chain == nil {
		return nil
	}
	return []Violation{{pkg, "reaches " + strings.Join(chain[1:], ", then "), b.Why}}
}

func (b Ban) hits(importPath string) bool {
	if prefix, open := strings.CutSuffix(b.To, "*"); open {
		return strings.HasPrefix(importPath, prefix)
	}
	return importPath == b.To
}

// CheckComments reports the packages of the module without a comment that says
// what they are for. Code that a program wrote is spared.
func CheckComments(graph Graph, generated func(Package) (bool, error)) ([]Violation, error) {
	var found []Violation
	for importPath, p := range graph {
		pkg, ours := inModule(importPath)
		if !ours || p.Doc != "" || len(p.GoFiles) == 0 {
			continue
		}
		written, err := generated(p)
		if err != nil {
			return nil, err
		}
		if !written {
			found = append(found, Violation{pkg, "has no package comment", "a package says what it is for, what it promises and what it does not do"})
		}
	}
	return found, nil
}
