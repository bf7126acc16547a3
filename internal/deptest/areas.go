package deptest

import (
	"path"
	"strings"
)

// Area is a part of the tree with one set of neighbours.
type Area struct {
	// Path is below internal/ and covers what lies beneath it too; with a star
	// it covers exactly one level, whose packages are strangers to each other.
	Path string
	// May lists the areas that it may import directly, besides itself.
	May []string
	// Not lists packages that it may not import directly.
	Not []string
	Why string
}

// effects are packages that do something to the world.
var effects = []string{"database/sql", "log", "log/slog", "net", "net/http", "os", "os/exec", "os/signal", "syscall", "github.com/hashicorp/go-hclog"}

// Areas is the whole map. A package belongs to the first area that covers it; a
// package of no area is a violation, so that a new one is placed on purpose.
func Areas() []Area {
	pure := "it is pure: no input, no output, no logging; imports run down only"
	return []Area{
		{Path: "condition", Not: effects, Why: pure + ", and it knows nothing of Stint"},
		{Path: "policyenv", May: []string{"condition"}, Not: effects, Why: pure},
		{Path: "governance", May: []string{"condition", "policyenv"}, Not: effects, Why: pure},
		{Path: "impact", May: []string{"condition", "governance", "policyenv"}, Not: effects, Why: pure},
		{Path: "accesstest", May: []string{"condition", "governance", "policyenv"}, Not: effects, Why: pure},
		{Path: "terraformplan", May: []string{"governance"}, Not: effects, Why: pure},
		{Path: "evidence", Not: []string{"database/sql", "net", "net/http", "os/exec"}, Why: "verification needs neither database nor network"},
		{Path: "clock", Why: "everything else takes its time from it"},
		{Path: "store", May: []string{"evidence", "governance"}, Why: "what state means is the engine's"},
		{Path: "connector/*", May: []string{"condition", "connector"}, Why: "a connector knows its target, the contract and the grammar of durations, nothing of policy"},
		{Path: "connector", Why: "the contract knows no target and nothing of policy"},
		{Path: "engine", May: []string{"clock", "condition", "connector", "evidence", "governance", "impact", "policyenv", "store"},
			Why: "use cases know neither how they are called nor which targets there are"},
		{Path: "api", May: []string{"condition", "governance"}, Why: "wire types are shared by server and client"},
		{Path: "server", May: []string{"api", "clock", "condition", "console", "engine", "evidence", "governance", "policyenv"},
			Why: "it speaks HTTP for the engine and reaches state through it alone"},
		{Path: "console", May: []string{"api", "engine", "governance"}, Why: "pages show what the engine says"},
		{Path: "client", May: []string{"api", "governance"}, Why: "it speaks HTTP to a server that runs elsewhere"},
		{Path: "snapshot", May: []string{"api", "client", "governance"}, Why: "it reads a server through client, and files"},
		{Path: "cli", May: []string{"accesstest", "api", "client", "condition", "evidence", "governance", "impact", "policyenv", "snapshot", "terraformplan"},
			Why: "it reaches a server through client; main hands it the server and the provider's schema as functions"},
		{Path: "daemon", May: []string{"cli", "clock", "connector", "connector/*", "engine", "server", "store"}, Why: "it puts the parts of a server together for main"},
		{Path: "provider/fwconv", May: []string{"api", "client", "condition"}, Why: "shared rooms of the provider know no object"},
		{Path: "provider/session", May: []string{"api", "client", "governance", "provider/fwconv"}, Why: "shared rooms of the provider know no object; the documents' types are governance's"},
		{Path: "provider/declared", May: []string{"api", "client", "governance", "provider/fwconv", "provider/session"},
			Why: "shared rooms of the provider know no object; the documents' types are governance's"},
		{Path: "provider/listing", May: []string{"api", "client", "provider/fwconv", "provider/session"}, Why: "shared rooms of the provider know no object"},
		{Path: "provider/grant", May: []string{"api", "client", "condition", "governance", "provider/fwconv", "provider/session"},
			Why: "it requests and returns for a run; what states there are is governance's to name"},
		{Path: "provider/*", May: []string{"api", "client", "condition", "evidence", "policyenv", "provider/declared", "provider/fwconv", "provider/listing", "provider/session"},
			Why: "an object of the provider translates its schema to the API and back; objects never import each other, and policy is not theirs"},
		{Path: "provider", May: []string{"api", "client", "provider/*", "provider/declared", "provider/fwconv", "provider/grant", "provider/listing", "provider/session"},
			Why: "the provider only registers its objects"},
		{Path: "acctest", May: []string{"api", "cli", "client", "clock", "connector", "connector/*", "daemon", "engine", "evidence", "governance", "provider", "server", "store"},
			Why: "it builds real surroundings for tests"},
		{Path: "deptest", Why: "it only looks"},
	}
}

// Ban is a package that must not be reached, on whatever way.
type Ban struct {
	From   []string // areas; "" is main
	Except bool     // From lists the areas that may reach it instead
	To     string   // an import path; with a final star, what begins like it
	Why    string
}

// Bans are the rules on what is reached indirectly.
func Bans() []Ban {
	pure := []string{"condition", "policyenv", "governance", "impact", "accesstest", "terraformplan"}
	framework := []string{"", "provider", "provider/fwconv", "provider/session", "provider/declared", "provider/grant", "provider/listing", "provider/*", "acctest"}
	client := []string{"api", "client", "snapshot", "cli", "provider", "provider/*", "provider/declared", "provider/grant", "provider/fwconv", "provider/listing", "provider/session"}
	var bans []Ban
	for _, effect := range []string{"database/sql", "net", "os/exec", "log"} {
		bans = append(bans, Ban{From: append([]string{"evidence", "connector", "clock"}, pure...), To: effect, Why: "the pure parts have no effects, not even through what they import"})
	}
	for _, engine := range []string{"engine", "server", "store", "connector", "daemon"} {
		bans = append(bans, Ban{From: client, To: Module + "/internal/" + engine + "*", Why: "this side talks to a server over HTTP and links none of it"})
	}
	return append(bans,
		Ban{From: framework, Except: true, To: "github.com/hashicorp/terraform-plugin-*", Why: "only the provider knows Terraform's plugin framework"},
		Ban{From: []string{"cli"}, To: Module + "/internal/provider*", Why: "main hands the provider's schema to the command line as a function"},
		Ban{From: append([]string{"connector/*"}, framework...), Except: true, To: "testing", Why: "the program that people run holds no test code; go-plugin, which the framework needs, does"},
		Ban{From: []string{"acctest"}, Except: true, To: Module + "/internal/acctest*", Why: "the program that people run holds no test code"},
	)
}

// areaOf is the first area that covers a package, given relative to the module;
// main is the area "".
func areaOf(areas []Area, pkg string) (Area, bool) {
	if pkg == "." {
		return Area{Path: ""}, true
	}
	below, ok := strings.CutPrefix(pkg, "internal/")
	if !ok {
		return Area{}, false
	}
	for _, area := range areas {
		if area.covers(below) {
			return area, true
		}
	}
	return Area{}, false
}

func (a Area) covers(below string) bool {
	if strings.Contains(a.Path, "*") {
		matched, err := path.Match(a.Path, below)
		return err == nil && matched
	}
	return beneath(below, a.Path)
}

func beneath(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }
