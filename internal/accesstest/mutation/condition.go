package mutation

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// always stands for a condition whose only conjunct was dropped.
const always = "identity.id == identity.id"

// rewrite is one changed text of a condition, and what was changed.
type rewrite struct{ what, text string }

// conditions changes a condition in one place at a time: each conjunct is dropped
// and negated, each alternative dropped, each comparison shifted, each number,
// duration, time and text moved. compiles tells whether a text is a condition at
// all; where there is a choice, one that is wins.
func conditions(src string, compiles func(string) bool) []rewrite {
	tree, diags := hclsyntax.ParseExpression([]byte(src), "condition", hcl.InitialPos)
	if diags.HasErrors() {
		return nil // nothing to change where nothing can be read; its Check says so
	}
	r := &rewriter{src: src, compiles: compiles, linked: map[hclsyntax.Node]bool{}, read: map[hclsyntax.Node]bool{}}
	if !isChain(tree) {
		r.add("drop "+r.text(tree.Range()), always)
		r.negate(tree)
	}
	_ = hclsyntax.VisitAll(tree, func(node hclsyntax.Node) hcl.Diagnostics { r.visit(node); return nil })
	return r.found
}

// rewriter collects changes while it walks a condition.
type rewriter struct {
	src      string
	compiles func(string) bool
	linked   map[hclsyntax.Node]bool // links of a chain that was changed as a whole
	read     map[hclsyntax.Node]bool // literals that were changed with their call
	found    []rewrite
}

func (r *rewriter) visit(node hclsyntax.Node) {
	switch e := node.(type) {
	case *hclsyntax.BinaryOpExpr:
		if isChain(e) && !r.linked[e] {
			r.chain(e)
		}
		r.comparison(e)
	case *hclsyntax.FunctionCallExpr:
		r.call(e)
	case *hclsyntax.LiteralValueExpr:
		r.literal(e)
	case *hclsyntax.TemplateExpr:
		if text, ok := literalText(e); ok && !r.read[e] {
			r.str(e, text)
		}
	}
}

func isChain(node hclsyntax.Node) bool {
	e, ok := node.(*hclsyntax.BinaryOpExpr)
	return ok && (e.Op == hclsyntax.OpLogicalAnd || e.Op == hclsyntax.OpLogicalOr)
}

// chain drops and negates each term of a && b && c, or of a || b || c.
func (r *rewriter) chain(e *hclsyntax.BinaryOpExpr) {
	terms := r.terms(e, e.Op)
	for i, term := range terms {
		from, to := term.Range().Start.Byte, term.Range().End.Byte
		if i > 0 {
			from = terms[i-1].Range().End.Byte
		} else {
			to = terms[1].Range().Start.Byte
		}
		r.add("drop "+r.text(term.Range()), r.src[:from]+r.src[to:])
		r.negate(term)
	}
}

func (r *rewriter) terms(e hclsyntax.Expression, op *hclsyntax.Operation) []hclsyntax.Expression {
	link, ok := e.(*hclsyntax.BinaryOpExpr)
	if !ok || link.Op != op {
		return []hclsyntax.Expression{e}
	}
	r.linked[link] = true
	return append(r.terms(link.LHS, op), r.terms(link.RHS, op)...)
}

func (r *rewriter) negate(e hclsyntax.Expression) {
	text := r.text(e.Range())
	r.replace(e.Range(), "negate "+text, "!("+text+")")
}

// shifted is the next operator, for each that compares.
var shifted = map[*hclsyntax.Operation][2]string{
	hclsyntax.OpLessThan:           {"<", "<="},
	hclsyntax.OpLessThanOrEqual:    {"<=", "<"},
	hclsyntax.OpGreaterThan:        {">", ">="},
	hclsyntax.OpGreaterThanOrEqual: {">=", ">"},
	hclsyntax.OpEqual:              {"==", "!="},
	hclsyntax.OpNotEqual:           {"!=", "=="},
}

func (r *rewriter) comparison(e *hclsyntax.BinaryOpExpr) {
	operators, ok := shifted[e.Op]
	if !ok {
		return
	}
	gap := e.RHS.Range()
	gap.Start, gap.End = e.LHS.Range().End, e.RHS.Range().Start
	r.replace(gap, fmt.Sprintf("%s to %s in %s", operators[0], operators[1], r.text(e.Range())), strings.Replace(r.text(gap), operators[0], operators[1], 1))
}

// call moves what duration and time are given.
func (r *rewriter) call(e *hclsyntax.FunctionCallExpr) {
	if len(e.Args) != 1 {
		return
	}
	text, ok := literalText(e.Args[0])
	if !ok {
		return
	}
	for _, step := range []time.Duration{time.Second, -time.Second} {
		var moved string
		switch e.Name {
		case "duration":
			d, err := condition.ParseDuration(text)
			if err != nil || d+step < 0 {
				continue
			}
			moved = condition.FormatDuration(d + step)
		case "time":
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				continue
			}
			moved = t.Add(step).Format(time.RFC3339)
		default:
			return
		}
		r.read[e.Args[0]] = true
		r.replace(e.Args[0].Range(), fmt.Sprintf("%s to %s", text, moved), quote(moved))
	}
}

func (r *rewriter) literal(e *hclsyntax.LiteralValueExpr) {
	switch {
	case e.Val.IsNull():
	case e.Val.Type() == cty.Bool:
		r.replace(e.Range(), fmt.Sprintf("%t to %t", e.Val.True(), e.Val.False()), fmt.Sprint(e.Val.False()))
	case e.Val.Type() == cty.Number:
		for _, step := range []float64{1, -1} {
			moved := new(big.Float).Add(e.Val.AsBigFloat(), big.NewFloat(step)).Text('f', -1)
			r.replace(e.Range(), fmt.Sprintf("%s to %s in %s", r.text(e.Range()), moved, r.line(e.Range())), moved)
		}
	}
}

// str changes a text into another that can stand there.
func (r *rewriter) str(e *hclsyntax.TemplateExpr, text string) {
	changed := text + Suffix
	for _, candidate := range append([]string{changed}, enumerated(text)...) {
		if r.compiles(r.with(e.Range(), quote(candidate))) {
			changed = candidate
			break
		}
	}
	r.replace(e.Range(), fmt.Sprintf("%q to %q", text, changed), quote(changed))
}

// enumerated are the texts that can stand where this one does, because a variable
// can only be one of them.
func enumerated(text string) []string {
	var others []string
	for _, variable := range policyenv.Variables() {
		for _, value := range variable.Values {
			if value != text {
				others = append(others, value)
			}
		}
	}
	return others
}

func literalText(e hclsyntax.Expression) (string, bool) {
	template, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !template.IsStringLiteral() {
		return "", false
	}
	text, diags := template.Value(nil)
	return text.AsString(), !diags.HasErrors()
}

func quote(text string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
}

func (r *rewriter) replace(at hcl.Range, what, by string) { r.add(what, r.with(at, by)) }

func (r *rewriter) with(at hcl.Range, by string) string {
	return r.src[:at.Start.Byte] + by + r.src[at.End.Byte:]
}

func (r *rewriter) add(what, text string) {
	r.found = append(r.found, rewrite{strings.Join(strings.Fields(what), " "), text})
}

func (r *rewriter) text(at hcl.Range) string { return r.src[at.Start.Byte:at.End.Byte] }

// line is the line that a range stands on.
func (r *rewriter) line(at hcl.Range) string {
	from := strings.LastIndexByte(r.src[:at.Start.Byte], '\n') + 1
	line, _, _ := strings.Cut(r.src[from:], "\n")
	return line
}
