package policyenv

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// pair is what a correlation condition looks at.
type pair struct {
	account  Account
	identity Identity
}

// Correlation is a compiled condition that says which identity an account belongs
// to, for example account.name == identity.name. It is safe for concurrent use.
type Correlation struct {
	program *program[pair]
}

func correlationFields() []field[pair] {
	return slices.Concat([]field[pair]{
		textField("account.name", "The account's name in its application.", func(in *pair) string { return in.account.Name }),
		textField("account.uid", "The account's own id in its application, which a rename does not change.", func(in *pair) string { return in.account.UID }),
		{
			Variable: Variable{Name: "account.attributes", Type: condition.Map(condition.String), Doc: `The account's attributes as the connector reads them; account.attributes["mail"] is null when there is no such attribute.`},
			fill:     func(f *condition.Frame, at condition.Slot, in *pair) { f.SetMap(at, in.account.Attributes) },
		},
	}, identityFields(func(in *pair) *Identity { return &in.identity }))
}

// CompileCorrelation checks and compiles a correlation condition, where the given
// attributes are declared. It returns all findings at once; the correlation is
// nil when there is any.
func CompileCorrelation(src string, attributes Attributes) (*Correlation, condition.Diagnostics) {
	p, diags := compileSided(correlationSchema, attributes, src, bothSides())
	if p == nil {
		return nil, diags
	}
	return &Correlation{p}, nil
}

// CheckCorrelation finds what CompileCorrelation would before it is known which
// attributes are declared: each that the condition reads may be of any type.
func CheckCorrelation(src string) condition.Diagnostics {
	return checkSided(correlationSchema, src, bothSides())
}

func correlationSchema(attributes Attributes) (*schema[pair], error) {
	return newSchema(slices.Concat(
		correlationFields(),
		extensible[pair](OfIdentity),
		attributeFields(attributes, OfIdentity, func(in *pair) (Values, bool) { return in.identity.Attributes, true }),
	))
}

func bothSides() sides {
	return sides{
		roots:      []string{"account", "identity"},
		message:    "a correlation compares an account with an identity; this looks at one of them only",
		suggestion: "write account.name == identity.name, for example",
	}
}

// Match says whether the account belongs to the identity. An error is always a
// *condition.EvalError and means that it is not known.
func (c *Correlation) Match(account Account, identity Identity) (bool, error) {
	r := c.program.begin()
	defer c.program.end(r)
	r.in = pair{account, identity}
	matches, err := c.program.compiled.Eval(r.load(c.program, &r.in))
	r.in = pair{} // the memory outlives the call, what it pointed to need not
	return matches, err
}
