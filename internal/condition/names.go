package condition

import (
	"slices"
	"strings"
)

// Names lists the dotted paths that a source text reads, each once, in the order
// of the text, whether or not a schema has them. A text that is not HCL reads
// nothing.
func Names(src string) []string {
	tree, _ := parse(src)
	if tree == nil {
		return nil
	}
	var out []string
	tree.walk(func(e *expr) {
		if e.kind != kindRef {
			return
		}
		steps := make([]string, len(e.steps))
		for i, step := range e.steps {
			steps[i] = step.name
		}
		if name := strings.Join(steps, "."); !slices.Contains(out, name) {
			out = append(out, name)
		}
	})
	return out
}
