// Package deptest holds the import rules of the house as data, and checks them
// over what the go command knows: which area may import which, what must not be
// reached even indirectly, who may read the clock, and that each package says
// what it is for.
//
// The rules speak of production code; tests may import what they need.
// .golangci.yml repeats the direct rules for depguard, so that an editor shows
// them; a test here keeps both the same.
package deptest

import "fmt"

// Module is the path of the module that the rules are for.
const Module = "github.com/stint-dev/terraform-provider-stint"

// Violation is one broken rule.
type Violation struct {
	Package string // where; relative to the module
	What    string
	Why     string // the rule
}

func (v Violation) String() string { return fmt.Sprintf("%s %s: %s", v.Package, v.What, v.Why) }
