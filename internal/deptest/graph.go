package deptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// Package is one package as the go command lists it.
type Package struct {
	ImportPath string
	Dir        string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
}

// Graph holds packages by import path: those of the module and all that they
// reach.
type Graph map[string]Package

// Load asks the go command about the module in folder.
func Load(ctx context.Context, folder string) (Graph, error) {
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Dir,Name,Doc,GoFiles,Imports", "./...")
	list.Dir = folder
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w\n%s", folder, err, stderr.Bytes())
	}
	graph := Graph{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return graph, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the answer of go list: %w", err)
		}
		graph[p.ImportPath] = p
	}
}

// inModule returns a package's path relative to the module; "." is its root.
func inModule(importPath string) (string, bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}

// way is the shortest chain of imports from a package to one that target
// picks, both included; nil when there is none.
func (g Graph) way(from string, target func(string) bool) []string {
	cameFrom := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at != from && target(at) {
			var chain []string
			for step := at; step != ""; step = cameFrom[step] {
				chain = append([]string{step}, chain...)
			}
			return chain
		}
		for _, next := range g[at].Imports {
			if _, seen := cameFrom[next]; !seen {
				cameFrom[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// files are the paths of the package's source files that are compiled here.
func (p Package) files() []string {
	paths := make([]string, len(p.GoFiles))
	for i, name := range p.GoFiles {
		paths[i] = filepath.Join(p.Dir, name)
	}
	return paths
}
