package accesstest

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// value is what is written behind a name.
type value struct {
	path string // as a person reads it: request.duration
	name hcl.Range
	expr hcl.Expression
}

func (v value) at() hcl.Range { return v.expr.Range() }

// members reads the attributes of a block.
func (p *parser) members(body *hclsyntax.Body, where string, known []string) map[string]value {
	for _, block := range body.Blocks {
		if slices.Contains(known, block.Type) {
			p.report(block.TypeRange, fmt.Sprintf("%s of a %s is an attribute, not a block", block.Type, where), fmt.Sprintf("write %s = { … }", block.Type))
			continue
		}
		p.unknown(block.TypeRange, "block", block.Type, "a "+where, known)
	}
	written := map[string]value{}
	for name, attribute := range body.Attributes {
		if !slices.Contains(known, name) {
			p.unknown(attribute.NameRange, "attribute", name, "a "+where, known)
			continue
		}
		written[name] = value{path: name, name: attribute.NameRange, expr: attribute.Expr}
	}
	return written
}

// pair is a member of an object whose names are not fixed.
type pair struct {
	name string
	value
}

// pairs reads an object, in the order of the text.
func (p *parser) pairs(v value, example string) ([]pair, bool) {
	items, diags := hcl.ExprMap(v.expr)
	if diags.HasErrors() {
		p.report(v.at(), v.path+" is an object", "write "+example)
		return nil, false
	}
	seen := map[string]bool{}
	pairs := make([]pair, 0, len(items))
	for _, item := range items {
		name, ok := p.key(item.Key)
		if !ok {
			continue
		}
		if seen[name] {
			p.report(item.Key.Range(), fmt.Sprintf("%s has %q twice", v.path, name), "keep one")
		}
		seen[name] = true
		pairs = append(pairs, pair{name, value{path: v.path + "." + name, name: item.Key.Range(), expr: item.Value}})
	}
	return pairs, true
}

func (p *parser) key(expr hcl.Expression) (string, bool) {
	key, diags := expr.Value(nil)
	if diags.HasErrors() || key.IsNull() || !key.IsKnown() || key.Type() != cty.String {
		p.report(expr.Range(), "a name is written out", `put it in quotes`)
		return "", false
	}
	return key.AsString(), true
}

// object reads an object whose members have fixed names.
func (p *parser) object(v value, example string, known []string) (map[string]value, bool) {
	pairs, ok := p.pairs(v, example)
	if !ok {
		return nil, false
	}
	written := map[string]value{}
	for _, pair := range pairs {
		if !slices.Contains(known, pair.name) {
			p.unknown(pair.value.name, "attribute", pair.name, v.path, known)
			ok = false
			continue
		}
		written[pair.name] = pair.value
	}
	return written, ok
}

// constant evaluates what is written out. A reference or a call is reported.
func (p *parser) constant(v value) (cty.Value, bool) {
	evaluated, diags := v.expr.Value(nil)
	if diags.HasErrors() || !evaluated.IsWhollyKnown() {
		p.report(v.at(), v.path+" is not a value that is written out", "put texts in quotes; references and functions have no meaning here")
		return cty.NilVal, false
	}
	return evaluated, true
}

func (p *parser) isNull(v value) bool {
	literal, ok := v.expr.(*hclsyntax.LiteralValueExpr)
	return ok && literal.Val.IsNull()
}

// isObject tells an object from anything else without evaluating it.
func isObject(v value) bool {
	_, ok := v.expr.(*hclsyntax.ObjectConsExpr)
	return ok
}

func (p *parser) str(v value) (string, bool) {
	evaluated, ok := p.constant(v)
	if !ok {
		return "", false
	}
	if evaluated.IsNull() || evaluated.Type() != cty.String {
		p.report(v.at(), v.path+" is a text", `write it in quotes, like "text"`)
		return "", false
	}
	return evaluated.AsString(), true
}

func (p *parser) number(v value) (int64, bool) {
	evaluated, ok := p.constant(v)
	if !ok {
		return 0, false
	}
	if !evaluated.IsNull() && evaluated.Type() == cty.Number {
		if n, accuracy := evaluated.AsBigFloat().Int64(); accuracy == big.Exact {
			return n, true
		}
	}
	p.report(v.at(), v.path+" is a whole number", "write it without quotes, like 1")
	return 0, false
}

func (p *parser) boolean(v value) (bool, bool) {
	evaluated, ok := p.constant(v)
	if !ok {
		return false, false
	}
	if evaluated.IsNull() || evaluated.Type() != cty.Bool {
		p.report(v.at(), v.path+" is true or false", "write it without quotes, like true")
		return false, false
	}
	return evaluated.True(), true
}

func (p *parser) duration(v value) (governance.Duration, bool) {
	text, ok := p.str(v)
	if !ok {
		return 0, false
	}
	var d governance.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		p.report(v.at(), fmt.Sprintf("%s: %s", v.path, err), "")
		return 0, false
	}
	return d, true
}

func (p *parser) time(v value) (time.Time, bool) {
	text, ok := p.str(v)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		p.report(v.at(), fmt.Sprintf("%s is not a time", v.path), "write it like 2026-03-10T17:30:00Z")
		return time.Time{}, false
	}
	return t, true
}

// elements are the values of a list.
func (p *parser) elements(v value) ([]value, bool) {
	exprs, diags := hcl.ExprList(v.expr)
	if diags.HasErrors() {
		p.report(v.at(), v.path+" is a list", `write it in brackets, like ["a", "b"]`)
		return nil, false
	}
	elements := make([]value, len(exprs))
	for i, expr := range exprs {
		elements[i] = value{path: fmt.Sprintf("%s[%d]", v.path, i), name: expr.Range(), expr: expr}
	}
	return elements, true
}

// strs is a list of texts; an empty one is not nil.
func (p *parser) strs(v value) ([]string, bool) {
	elements, ok := p.elements(v)
	if !ok {
		return nil, false
	}
	texts := make([]string, 0, len(elements))
	for _, element := range elements {
		text, isText := p.str(element)
		ok = ok && isText
		texts = append(texts, text)
	}
	return texts, ok
}

// given is a member that may be written or not; written as null it is nil.
type given[T any] struct {
	written bool
	value   *T
	at      hcl.Range
}

// over is what holds when one layer lies over another.
func (g given[T]) over(under given[T]) given[T] {
	if g.written {
		return g
	}
	return under
}

// or is the value, or another one where none is given.
func (g given[T]) or(otherwise T) T {
	if g.value == nil {
		return otherwise
	}
	return *g.value
}

// read takes one member of an object, if it is written.
func read[T any](p *parser, from map[string]value, name string, as func(*parser, value) (T, bool)) given[T] {
	v, ok := from[name]
	if !ok {
		return given[T]{}
	}
	g := given[T]{written: true, at: v.at()}
	if p.isNull(v) {
		return g
	}
	if read, ok := as(p, v); ok {
		g.value = &read
	}
	return g
}
