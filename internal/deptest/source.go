package deptest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
)

// clockReaders are the areas that may ask for the time; everything else is
// given a time or a clock.
func clockReaders() map[string]string {
	return map[string]string{
		"":            "it starts the program",
		"acctest":     "it waits for real processes",
		"clock":       "it is the one place to ask",
		"connector/*": "it bounds its calls to a real target",
		"server":      "it bounds its connections",
	}
}

// Generated reports whether a program wrote all files of the package.
func Generated(p Package) (bool, error) {
	for _, path := range p.files() {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return false, fmt.Errorf("read %s: %w", path, err)
		}
		if !ast.IsGenerated(file) {
			return false, nil
		}
	}
	return true, nil
}

// CheckClock reports where code of the module outside of readers asks for the
// time.
func CheckClock(graph Graph, areas []Area, readers map[string]string) ([]Violation, error) {
	var found []Violation
	for importPath, p := range graph {
		pkg, ours := inModule(importPath)
		if !ours {
			continue
		}
		area, placed := areaOf(areas, pkg)
		if _, may := readers[area.Path]; placed && may {
			continue
		}
		for _, path := range p.files() {
			positions, err := clockReads(path)
			if err != nil {
				return nil, err
			}
			for _, position := range positions {
				found = append(found, Violation{pkg, "asks for the time at " + position.String(), "time comes in as an argument or by an injected clock"})
			}
		}
	}
	return found, nil
}

// clockReads finds what uses time.Now, time.Since or time.Until in a file, also
// where the function is handed on as a value.
func clockReads(path string) ([]token.Position, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	name := importedAs(file, "time")
	if name == "" {
		return nil, nil
	}
	var found []token.Position
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		from, ok := selector.X.(*ast.Ident)
		if ok && from.Name == name && slices.Contains([]string{"Now", "Since", "Until"}, selector.Sel.Name) {
			found = append(found, files.Position(selector.Pos()))
		}
		return true
	})
	return found, nil
}

// importedAs is the name that the file gives to an import; empty without it.
func importedAs(file *ast.File, importPath string) string {
	for _, spec := range file.Imports {
		if spec.Path.Value != strconv.Quote(importPath) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return importPath
	}
	return ""
}
