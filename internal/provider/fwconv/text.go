package fwconv

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// TextType is the type of a string attribute whose values belong to a grammar.
// A value that is not a duration or a time is refused at validate.
type TextType struct {
	basetypes.StringType
	Grammar Grammar
}

var (
	_ basetypes.StringTypable                    = TextType{}
	_ basetypes.StringValuableWithSemanticEquals = Text{}
	_ xattr.ValidateableAttribute                = Text{}
)

// Equal reports whether o is the type of the same grammar.
func (t TextType) Equal(o attr.Type) bool {
	other, ok := o.(TextType)
	return ok && other.Grammar == t.Grammar
}

// String names the type.
func (t TextType) String() string { return "fwconv.TextType(" + t.Grammar.String() + ")" }

// ValueType is the type's value, for the framework.
func (t TextType) ValueType(context.Context) attr.Value { return Text{Grammar: t.Grammar} }

// ValueFromString puts a string into the grammar.
func (t TextType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return Text{StringValue: in, Grammar: t.Grammar}, nil
}

// ValueFromTerraform reads the protocol's value.
func (t TextType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	plain, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	text, ok := plain.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("a %s came as %T", t.Grammar, plain)
	}
	return Text{StringValue: text, Grammar: t.Grammar}, nil
}

// Text is a value of a TextType.
type Text struct {
	basetypes.StringValue
	Grammar Grammar
}

// Type is the value's type.
func (v Text) Type(context.Context) attr.Type { return TextType{Grammar: v.Grammar} }

// Equal compares letter by letter.
func (v Text) Equal(o attr.Value) bool {
	other, ok := o.(Text)
	return ok && other.Grammar == v.Grammar && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals reports whether both mean the same; the framework then
// keeps the text that was there.
func (v Text) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(Text)
	return ok && v.Grammar.same(v.ValueString(), other.ValueString()), nil
}

// ValidateAttribute refuses what is not a duration or a time, and tells the
// mend.
func (v Text) ValidateAttribute(_ context.Context, req xattr.ValidateAttributeRequest, resp *xattr.ValidateAttributeResponse) {
	if v.IsNull() || v.IsUnknown() || v.Grammar == Condition {
		return
	}
	if _, err := v.Grammar.canonical(v.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Not a "+v.Grammar.String(), Sentence(err.Error()))
	}
}
