package accesstest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// Parse reads a file of access tests. It returns all findings at once, in the
// order of the text; the file is nil when there is any. name is what positions
// say.
func Parse(name string, src []byte) (*File, Diagnostics) {
	p := &parser{src: src}
	parsed, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		p.syntax(name, diags)
		return nil, p.inTextOrder()
	}
	file := &File{Name: name}
	body := parsed.Body.(*hclsyntax.Body)
	for _, attribute := range body.Attributes {
		p.report(attribute.NameRange, fmt.Sprintf("a file of access tests has no attribute %q", attribute.Name), `it holds blocks: scenario "name" { … } and never "name" { … }`)
	}
	named := map[string]bool{}
	for _, block := range body.Blocks {
		if !p.isNamed(block, named) {
			continue
		}
		switch block.Type {
		case "scenario":
			file.Cases = append(file.Cases, p.scenario(block)...)
		case "never":
			if never, ok := p.never(block); ok {
				file.Nevers = append(file.Nevers, never)
			}
		}
	}
	if len(p.found) > 0 {
		return nil, p.inTextOrder()
	}
	return file, nil
}

type parser struct {
	src   []byte
	found Diagnostics
}

func (p *parser) report(at hcl.Range, message, mend string) {
	p.found = append(p.found, Diagnostic{At: positionOf(at), Message: message, Mend: mend, Text: p.text(at)})
}

// text is the source of a range; a block is shown by its head.
func (p *parser) text(at hcl.Range) string {
	if !at.CanSliceBytes(p.src) {
		return ""
	}
	return string(at.SliceBytes(p.src))
}

func (p *parser) inTextOrder() Diagnostics {
	slices.SortStableFunc(p.found, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return slices.Compact(p.found) // what rows have in common is found once for each
}

// syntax reports what HCL itself says of a text that it cannot read; the first
// at each place is enough.
func (p *parser) syntax(name string, diags hcl.Diagnostics) {
	seen := map[int]bool{}
	for _, diag := range diags {
		at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
		if diag.Subject != nil {
			at = *diag.Subject
		}
		if diag.Severity != hcl.DiagError || seen[at.Start.Byte] {
			continue
		}
		seen[at.Start.Byte] = true
		detail, _, _ := strings.Cut(strings.Join(strings.Fields(diag.Detail), " "), ". ")
		p.report(at, strings.TrimSuffix(diag.Summary+": "+detail, "."), "")
	}
}

var blockTypes = []string{"scenario", "never"}

// isNamed checks a block's type and label.
func (p *parser) isNamed(block *hclsyntax.Block, named map[string]bool) bool {
	if !slices.Contains(blockTypes, block.Type) {
		p.unknown(block.TypeRange, "block", block.Type, "a file of access tests", blockTypes)
		return false
	}
	if len(block.Labels) != 1 || strings.TrimSpace(block.Labels[0]) == "" {
		p.report(block.DefRange(), fmt.Sprintf("a %s has one name that says what it shows", block.Type), fmt.Sprintf(`write %s "name" { … }`, block.Type))
		return false
	}
	if named[block.Labels[0]] {
		p.report(block.LabelRanges[0], fmt.Sprintf("%q stands twice in this file", block.Labels[0]), "give each scenario and each never a name of its own")
	}
	named[block.Labels[0]] = true
	return true
}

// unknown reports a name that nothing is called, with the one that is meant.
func (p *parser) unknown(at hcl.Range, what, name, where string, known []string) {
	mend := "it has " + strings.Join(known, ", ")
	if near := condition.Closest(name, known); near != "" {
		mend = fmt.Sprintf("did you mean %s?", near)
	}
	p.report(at, fmt.Sprintf("%s has no %s %q", where, what, name), mend)
}
