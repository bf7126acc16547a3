package condition

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"
)

const (
	// MaxSource is the longest source text in bytes.
	MaxSource = 16 << 10
	// MaxDepth is how deep expressions may nest; parentheses do not count, nor
	// does the length of a chain of && or ||.
	MaxDepth = 64
)

// parser turns HCL's tree into the language's own and refuses what lies outside
// the subset.
type parser struct {
	src   string
	depth int
	diags Diagnostics
}

// parse reads a source text. The tree is nil when the text is not HCL; where it
// is HCL outside the subset, the tree has bad nodes in those places.
func parse(src string) (*expr, Diagnostics) {
	p := &parser{src: src}
	start := Pos{Line: 1, Column: 1}
	if len(src) > MaxSource {
		p.report(CodeTooLong, Range{Start: start, End: start}, "split it into several policies",
			"a condition is at most "+strconv.Itoa(MaxSource)+" bytes long; this one has "+strconv.Itoa(len(src)))
		return nil, p.diags
	}
	if !utf8.ValidString(src) {
		p.report(CodeSyntax, Range{Start: start, End: start}, "save the text as UTF-8", "the text is not UTF-8")
		return nil, p.diags
	}
	if strings.TrimSpace(src) == "" {
		p.report(CodeSyntax, Range{Start: start, End: start}, `write a condition, for example identity.type == "human"`, "the condition is empty")
		return nil, p.diags
	}
	tree, diags := hclsyntax.ParseExpression([]byte(src), "", hcl.InitialPos)
	if diags.HasErrors() {
		p.syntax(diags)
		return nil, p.diags
	}
	return p.convert(tree), p.diags
}

func (p *parser) convert(node hclsyntax.Expression) *expr {
	node = unwrap(node)
	if p.depth++; p.depth > MaxDepth {
		p.depth--
		return p.bad(CodeTooLong, fromHCL(node.Range()), "split it into several policies or use contains with a list",
			"the condition nests deeper than "+strconv.Itoa(MaxDepth)+" levels")
	}
	defer func() { p.depth-- }()

	at := fromHCL(node.Range())
	switch node := node.(type) {
	case *hclsyntax.LiteralValueExpr:
		return p.literal(node, at)
	case *hclsyntax.TemplateExpr:
		return p.template(node, at)
	case *hclsyntax.TemplateWrapExpr, *hclsyntax.TemplateJoinExpr:
		return p.interpolation(at)
	case *hclsyntax.ScopeTraversalExpr:
		return p.traversal(node.Traversal, at)
	case *hclsyntax.IndexExpr:
		return p.index(node, at)
	case *hclsyntax.FunctionCallExpr:
		return p.call(node, at)
	case *hclsyntax.UnaryOpExpr:
		return p.unary(node, at)
	case *hclsyntax.BinaryOpExpr:
		return p.binary(node, at)
	case *hclsyntax.ConditionalExpr:
		return &expr{kind: kindCond, at: at, args: []*expr{p.convert(node.Condition), p.convert(node.TrueResult), p.convert(node.FalseResult)}}
	case *hclsyntax.TupleConsExpr:
		list := &expr{kind: kindList, at: at}
		for _, item := range node.Exprs {
			list.args = append(list.args, p.convert(item))
		}
		return list
	}
	return p.unsupported(node, at)
}

func (p *parser) literal(node *hclsyntax.LiteralValueExpr, at Range) *expr {
	switch {
	case node.Val.IsNull():
		return &expr{kind: kindNull, at: at, typ: nullType}
	case node.Val.Type() == cty.Bool:
		e := &expr{kind: kindLiteral, at: at, typ: Bool}
		if node.Val.True() {
			e.num = 1
		}
		return e
	}
	return p.number(at.in(p.src), at)
}

func (p *parser) number(text string, at Range) *expr {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return p.bad(CodeBadNumber, at, "write a whole number that fits 64 bits", "numbers are whole: "+shorten(text)+" is not one, or is too large")
	}
	return &expr{kind: kindLiteral, at: at, typ: Int, num: n}
}

func (p *parser) template(node *hclsyntax.TemplateExpr, at Range) *expr {
	var text strings.Builder
	for _, part := range node.Parts {
		lit, ok := part.(*hclsyntax.LiteralValueExpr)
		if !ok || lit.Val.IsNull() || lit.Val.Type() != cty.String {
			return p.interpolation(at)
		}
		text.WriteString(lit.Val.AsString())
	}
	return &expr{kind: kindLiteral, at: at, typ: String, text: norm.NFC.String(text.String())}
}

func (p *parser) traversal(path hcl.Traversal, at Range) *expr {
	ref := &expr{kind: kindRef}
	for i, hop := range path {
		hopAt := fromHCL(hop.SourceRange())
		switch hop := hop.(type) {
		case hcl.TraverseRoot:
			ref.steps = append(ref.steps, step{hop.Name, hopAt})
			ref.at = hopAt
		case hcl.TraverseAttr:
			ref.steps = append(ref.steps, step{hop.Name, hopAt})
			ref.at = ref.at.to(hopAt)
		case hcl.TraverseIndex:
			if i < len(path)-1 {
				return p.bad(CodeNotIndexable, at, "stop behind the ]", "what a map holds has no attributes of its own")
			}
			return &expr{kind: kindIndex, at: at, args: []*expr{ref, p.key(hop.Key, hopAt)}}
		default:
			return p.bad(CodeUnsupportedSyntax, at, "use contains, anyof or allof on the list", "splat is not part of the condition language")
		}
	}
	return ref
}

func (p *parser) index(node *hclsyntax.IndexExpr, at Range) *expr {
	collection, key := p.convert(node.Collection), p.convert(node.Key)
	if collection.kind == kindBad {
		return collection
	}
	if collection.kind != kindRef {
		return p.bad(CodeNotIndexable, at, notIndexableMend, "only a variable that is a map can be indexed")
	}
	return &expr{kind: kindIndex, at: at, args: []*expr{collection, key}}
}

const notIndexableMend = `use contains on lists; a map is indexed by a text, like attributes["team"]`

func (p *parser) key(key cty.Value, at Range) *expr {
	if key.IsKnown() && !key.IsNull() && key.Type() == cty.String {
		return &expr{kind: kindLiteral, at: at, typ: String, text: norm.NFC.String(key.AsString())}
	}
	return p.bad(CodeNotIndexable, at, notIndexableMend, "only maps can be indexed, and only by a text")
}

func (p *parser) call(node *hclsyntax.FunctionCallExpr, at Range) *expr {
	if node.ExpandFinal {
		return p.bad(CodeUnsupportedSyntax, at, "write the arguments one by one", "... is not part of the condition language")
	}
	call := &expr{kind: kindCall, at: at, name: node.Name, steps: []step{{node.Name, fromHCL(node.NameRange)}}}
	for _, arg := range node.Args {
		call.args = append(call.args, p.convert(arg))
	}
	return call
}

func (p *parser) unary(node *hclsyntax.UnaryOpExpr, at Range) *expr {
	if node.Op == hclsyntax.OpLogicalNot {
		return &expr{kind: kindNot, at: at, args: []*expr{p.convert(node.Val)}}
	}
	if lit, ok := node.Val.(*hclsyntax.LiteralValueExpr); ok && !lit.Val.IsNull() && lit.Val.Type() == cty.Number {
		return p.number("-"+fromHCL(lit.SrcRange).in(p.src), at)
	}
	return p.bad(CodeUnsupportedOperator, at, "write the number out", "a minus sign only stands before a written number; there is no arithmetic")
}

// comparisons are HCL's comparison operators as they are written.
var comparisons = map[*hclsyntax.Operation]string{
	hclsyntax.OpEqual:              "==",
	hclsyntax.OpNotEqual:           "!=",
	hclsyntax.OpLessThan:           "<",
	hclsyntax.OpLessThanOrEqual:    "<=",
	hclsyntax.OpGreaterThan:        ">",
	hclsyntax.OpGreaterThanOrEqual: ">=",
}

func (p *parser) binary(node *hclsyntax.BinaryOpExpr, at Range) *expr {
	switch node.Op {
	case hclsyntax.OpLogicalAnd:
		return p.logical(kindAnd, node, at)
	case hclsyntax.OpLogicalOr:
		return p.logical(kindOr, node, at)
	}
	op, ok := comparisons[node.Op]
	if !ok {
		return p.bad(CodeUnsupportedOperator, at, "compute the value before, and pass it as a parameter", "there is no arithmetic in conditions")
	}
	return &expr{kind: kindCompare, at: at, name: op, args: []*expr{p.convert(node.LHS), p.convert(node.RHS)}}
}

// logical flattens a chain of one operator. A long chain leans to the left in
// HCL's tree, so it is unrolled: length is not depth.
func (p *parser) logical(k kind, node *hclsyntax.BinaryOpExpr, at Range) *expr {
	operands := []hclsyntax.Expression{node.RHS}
	left := node.LHS
	for {
		inner, ok := unwrap(left).(*hclsyntax.BinaryOpExpr)
		if !ok || inner.Op != node.Op {
			break
		}
		operands = append(operands, inner.RHS)
		left = inner.LHS
	}
	operands = append(operands, left)

	chain := &expr{kind: k, at: at}
	for i := len(operands) - 1; i >= 0; i-- {
		term := p.convert(operands[i])
		if term.kind == k {
			chain.args = append(chain.args, term.args...)
		} else {
			chain.args = append(chain.args, term)
		}
	}
	return chain
}

func unwrap(node hclsyntax.Expression) hclsyntax.Expression {
	for {
		inner, ok := node.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return node
		}
		node = inner.Expression
	}
}
