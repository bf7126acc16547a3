package condition

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func (p *parser) unsupported(node hclsyntax.Expression, at Range) *expr {
	what, mend := "this", "see the reference of the condition language"
	switch node := node.(type) {
	case *hclsyntax.ForExpr:
		what, mend = "for", "use contains, anyof or allof on the list"
	case *hclsyntax.SplatExpr:
		what, mend = "splat", "use contains, anyof or allof on the list"
	case *hclsyntax.ObjectConsExpr:
		what, mend = "an object in braces", "compare the attributes one by one"
	case *hclsyntax.RelativeTraversalExpr:
		if _, index := node.Traversal[0].(hcl.TraverseIndex); index {
			return p.bad(CodeNotIndexable, at, notIndexableMend, "only a variable that is a map can be indexed")
		}
		what, mend = "an attribute of an expression", "write the whole path of the variable, without parentheses"
	}
	return p.bad(CodeUnsupportedSyntax, at, mend, what+" is not part of the condition language")
}

func (p *parser) interpolation(at Range) *expr {
	return p.bad(CodeInterpolation, at, "compare with the variable itself, or pass the value as a parameter (param.name); a literal ${ is written $${",
		"texts cannot contain ${…} or %{…}")
}

func (p *parser) bad(code Code, at Range, suggestion, message string) *expr {
	p.report(code, at, suggestion, message)
	return &expr{kind: kindBad, at: at}
}

func (p *parser) report(code Code, at Range, suggestion, message string) {
	p.diags = append(p.diags, Diagnostic{Code: code, Range: at, Text: at.in(p.src), Message: message, Suggestion: suggestion})
}
