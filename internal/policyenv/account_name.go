package policyenv

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// AccountName is a compiled expression that gives the name of the account that is
// made for an identity, for example lower(identity.name). It is safe for concurrent
// use.
type AccountName struct {
	schema     *schema[Identity]
	expression *condition.Expression
}

// CompileAccountName checks and compiles an expression over `identity` that gives a
// text, where the given attributes are declared. It returns all findings at once;
// the name is nil when there is any.
func CompileAccountName(src string, attributes Attributes) (*AccountName, condition.Diagnostics) {
	s, err := accountNameSchema(attributes)
	if err != nil {
		return nil, badParameter(err)
	}
	expression, diags := condition.CompileExpression(src, s.env, condition.String)
	if diags = append(diags, theIdentity().unseen(src, diags)...); len(diags) > 0 {
		return nil, diags
	}
	return &AccountName{s, expression}, nil
}

// CheckAccountName finds what CompileAccountName would before it is known which
// attributes are declared: each that the expression reads may be of any type.
func CheckAccountName(src string) condition.Diagnostics {
	s, err := accountNameSchema(nil)
	if err != nil {
		panic(err) // the table itself is wrong; every test of this package meets it
	}
	diags := condition.CheckExpressionEarly(src, s.env, condition.String)
	return append(diags, theIdentity().unseen(src, diags)...)
}

func accountNameSchema(attributes Attributes) (*schema[Identity], error) {
	return newSchema(slices.Concat(
		identityFields(func(in *Identity) *Identity { return in }),
		extensible[Identity](OfIdentity),
		attributeFields(attributes, OfIdentity, func(in *Identity) (Values, bool) { return in.Attributes, true }),
	))
}

func theIdentity() sides {
	return sides{
		roots:      []string{string(OfIdentity)},
		message:    "an account is made for one identity; this would call everybody's the same",
		suggestion: "write identity.name, for example",
	}
}

// Of gives the name for an identity. An error is always a *condition.EvalError and
// means that it is not known.
func (n *AccountName) Of(identity Identity) (string, error) {
	frame := n.schema.env.NewFrame()
	for _, f := range n.schema.fields {
		if slot, ok := n.schema.env.Slot(f.Name); ok && f.fill != nil {
			f.fill(frame, slot, &identity)
		}
	}
	value, err := n.expression.Eval(frame)
	if err != nil {
		return "", err
	}
	name, _ := value.(string) // its type was checked
	return name, nil
}
