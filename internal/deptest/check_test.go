package deptest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// planted is a graph of packages of the module, given relative to it, with
// their imports: relative ones begin with internal/.
func planted(imports map[string][]string) Graph {
	full := func(path string) string {
		if strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "pkg/") {
			return Module + "/" + path
		}
		return path
	}
	graph := Graph{}
	for pkg, list := range imports {
		p := Package{ImportPath: full(pkg), Doc: "It is there.", GoFiles: []string{"x.go"}}
		for _, imported := range list {
			p.Imports = append(p.Imports, full(imported))
		}
		graph[p.ImportPath] = p
	}
	return graph
}

func TestForbiddenImportIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		imports map[string][]string
		want    string // empty: nothing is wrong
	}{
		"pure part with a database": {map[string][]string{"internal/governance": {"database/sql"}},
			"internal/governance imports database/sql"},
		"pure part that reaches the network through a library": {map[string][]string{"internal/condition": {"example.com/parser"}, "example.com/parser": {"net"}},
			"internal/condition reaches example.com/parser, then net"},
		"pure part that starts programs": {map[string][]string{"internal/impact": {"os/exec"}}, "internal/impact imports os/exec"},
		"import that runs up":            {map[string][]string{"internal/policyenv": {"internal/governance"}}, "internal/policyenv imports internal/governance"},
		"verification with a database":   {map[string][]string{"internal/evidence": {"database/sql"}}, "internal/evidence imports database/sql"},
		"engine that knows the wire":     {map[string][]string{"internal/engine/access": {"internal/api"}}, "internal/engine/access imports internal/api"},
		"engine that knows a target":     {map[string][]string{"internal/engine": {"internal/connector/postgresql"}}, "internal/engine imports internal/connector/postgresql"},
		"framework below the provider": {map[string][]string{"internal/client": {"github.com/hashicorp/terraform-plugin-framework/types"}},
			"internal/client reaches github.com/hashicorp/terraform-plugin-framework/types"},
		"provider with the engine":       {map[string][]string{"internal/provider": {"internal/engine"}}, "internal/provider imports internal/engine"},
		"provider with policy":           {map[string][]string{"internal/provider/identity": {"internal/governance"}}, "internal/provider/identity imports internal/governance"},
		"object that knows another":      {map[string][]string{"internal/provider/identity": {"internal/provider/entitlement"}}, "internal/provider/identity imports internal/provider/entitlement"},
		"shared room that knows objects": {map[string][]string{"internal/provider/fwconv": {"internal/provider/identity"}}, "internal/provider/fwconv imports internal/provider/identity"},
		"connector with policy":          {map[string][]string{"internal/connector/ldap": {"internal/governance"}}, "internal/connector/ldap imports internal/governance"},
		"connector that knows another":   {map[string][]string{"internal/connector/ldap": {"internal/connector/scim"}}, "internal/connector/ldap imports internal/connector/scim"},
		"command line with the server":   {map[string][]string{"internal/cli": {"internal/server"}}, "internal/cli imports internal/server"},
		"command line with the engine":   {map[string][]string{"internal/cli": {"internal/engine/access"}}, "internal/cli imports internal/engine/access"},
		"command line with the provider": {map[string][]string{"internal/cli": {"internal/provider"}}, "internal/cli imports internal/provider"},
		"command line that reaches the store through an allowed room": {map[string][]string{"internal/cli": {"internal/client"}, "internal/client": {"internal/store"}},
			"internal/cli reaches internal/client, then internal/store"},
		"program with test code":        {map[string][]string{"internal/server": {"testing"}}, "internal/server reaches testing"},
		"program with test scaffolding": {map[string][]string{"internal/daemon": {"internal/acctest/pgtest"}}, "internal/daemon imports internal/acctest/pgtest"},
		"library folder":                {map[string][]string{"pkg/sdk": nil}, "pkg/sdk lies in pkg/"},
		"package named after nothing":   {map[string][]string{"internal/engine/utils": nil}, `internal/engine/utils is named "utils"`},
		"package without a place":       {map[string][]string{"internal/telemetry": nil}, "internal/telemetry belongs to no area"},

		"object with the shared rooms":   {map[string][]string{"internal/provider/identity": {"internal/provider/fwconv", "internal/provider/declared", "internal/api"}}, ""},
		"provider with its objects":      {map[string][]string{"internal/provider": {"internal/provider/identity", "github.com/hashicorp/terraform-plugin-framework/provider"}}, ""},
		"engine with itself and below":   {map[string][]string{"internal/engine": {"internal/engine/access", "internal/store/sqlc", "internal/connector"}}, ""},
		"connector with the contract":    {map[string][]string{"internal/connector/ldap": {"internal/connector", "net"}}, ""},
		"pure part with its lower floor": {map[string][]string{"internal/governance": {"internal/condition", "strings"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, v := range Check(planted(c.imports), Areas(), Bans()) {
				got = append(got, strings.ReplaceAll(v.Package+" "+v.What, Module+"/", ""))
			}
			if c.want == "" && len(got) > 0 {
				t.Errorf("reported %q, although nothing is wrong", got)
			}
			if c.want != "" && !slices.Contains(got, c.want) {
				t.Errorf("reported %q, which lacks %q", got, c.want)
			}
		})
	}
}

func TestMissingPackageCommentIsReported(t *testing.T) {
	graph := planted(map[string][]string{"internal/clock": nil, "internal/store/sqlc": nil})
	for importPath, p := range graph {
		p.Doc = ""
		graph[importPath] = p
	}
	found, err := CheckComments(graph, func(p Package) (bool, error) { return strings.HasSuffix(p.ImportPath, "sqlc"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Package != "internal/clock" {
		t.Errorf("reported %v, want internal/clock alone", found)
	}
}

func TestAskingForTheTimeIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		pkg, source string
		want        int
	}{
		"a call":              {"internal/engine", "package x\nimport \"time\"\nvar t = time.Now()", 1},
		"a value":             {"internal/engine", "package x\nimport \"time\"\nvar now = time.Now", 1},
		"the distance to now": {"internal/engine", "package x\nimport \"time\"\nfunc f(t time.Time) (a, b time.Duration) { return time.Since(t), time.Until(t) }", 2},
		"under another name":  {"internal/engine", "package x\nimport std \"time\"\nvar t = std.Now()", 1},
		"another's clock":     {"internal/engine", "package x\nvar t = time.Now()\nvar time interface{ Now() int }", 0},
		"the clock itself":    {"internal/clock", "package x\nimport \"time\"\nvar t = time.Now()", 0},
	} {
		t.Run(name, func(t *testing.T) {
			graph := planted(map[string][]string{c.pkg: nil})
			p := graph[Module+"/"+c.pkg]
			p.Dir = t.TempDir()
			graph[p.ImportPath] = p
			if err := os.WriteFile(filepath.Join(p.Dir, "x.go"), []byte(c.source), 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := CheckClock(graph, Areas(), clockReaders())
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != c.want {
				t.Errorf("reported %v, want %d", found, c.want)
			}
		})
	}
}
