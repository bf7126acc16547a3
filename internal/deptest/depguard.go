package deptest

import (
	"fmt"
	"slices"
	"strings"
)

// Depguard writes the direct rules of the areas as golangci-lint's depguard
// section reads them, indented by the given number of spaces. The more specific
// prefix wins there, so each area denies the module and allows its neighbours.
func Depguard(areas []Area, indent int) string {
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		fmt.Fprintf(&b, "%s"+format+"\n", append([]any{strings.Repeat(" ", indent+2*depth)}, args...)...)
	}
	for i, area := range areas {
		line(0, "%s:", strings.NewReplacer("/*", "-each", "/", "-").Replace(area.Path))
		line(1, "list-mode: lax")
		line(1, "files:")
		line(2, "- %q", "**/internal/"+globOf(area.Path))
		line(2, `- "!$test"`)
		for _, earlier := range areas[:i] {
			if within(earlier.Path, area.Path) {
				line(2, "- %q", "!**/internal/"+globOf(earlier.Path))
			}
		}
		allowed := allowedPrefixes(areas, area)
		if len(allowed) > 0 {
			line(1, "allow:")
			for _, prefix := range allowed {
				line(2, "- %s", prefix)
			}
		}
		line(1, "deny:")
		line(2, "- pkg: %s", Module)
		line(2, "  desc: %q", area.Why)
		for _, pkg := range area.Not {
			line(2, "- pkg: %s$", pkg)
			line(2, "  desc: %q", area.Why)
		}
	}
	return b.String()
}

func globOf(areaPath string) string { return areaPath + "/**" }

// within reports whether the area inner takes packages away from outer, which
// stands later in the map.
func within(inner, outer string) bool {
	root := strings.TrimSuffix(outer, "/*")
	return inner != outer && strings.HasPrefix(inner, root+"/")
}

// allowedPrefixes are the import paths that an area may import, as prefixes; a
// final $ ends one exactly. None lies beneath another, because depguard looks at
// the nearest one only.
func allowedPrefixes(areas []Area, area Area) []string {
	prefixes := map[string]bool{}
	add := func(neighbour string) {
		prefix := Module + "/internal/" + strings.TrimSuffix(neighbour, "/*")
		if hasInner(areas, neighbour) {
			prefix += "$"
		}
		prefixes[prefix] = true
	}
	if !strings.Contains(area.Path, "*") {
		add(area.Path)
	}
	for _, neighbour := range area.May {
		add(neighbour)
	}
	var outermost []string
	for prefix := range prefixes {
		covered := false
		for other := range prefixes {
			covered = covered || prefix != other && beneath(strings.TrimSuffix(prefix, "$"), other)
		}
		if !covered {
			outermost = append(outermost, prefix)
		}
	}
	slices.Sort(outermost)
	return outermost
}

// hasInner reports whether other areas lie beneath one, so that the right to
// import it is no right to import them.
func hasInner(areas []Area, areaPath string) bool {
	return !strings.Contains(areaPath, "*") && slices.ContainsFunc(areas, func(a Area) bool { return within(a.Path, areaPath) })
}
