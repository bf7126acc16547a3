package declared

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// Key is a part of the natural key; another value is another object.
func Key(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Required:            true,
		MarkdownDescription: description + " Changing it replaces the object.",
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
}

// Required is a text that must be given.
func Required(description string) schema.StringAttribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: description}
}

// Optional is a text that is left out, or null, when there is none; the empty
// text would be a third way to say so and is refused.
func Optional(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
	}
}

// Choice is a text with a default; which texts there are is the document's to
// check.
func Choice(description, given string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional:            true,
		Computed:            true,
		Default:             stringdefault.StaticString(given),
		MarkdownDescription: description,
	}
}

// Text is a required text of a grammar.
func Text(g fwconv.Grammar, description string) schema.StringAttribute {
	return schema.StringAttribute{
		Required:            true,
		CustomType:          fwconv.TextType{Grammar: g},
		MarkdownDescription: description,
		PlanModifiers:       []planmodifier.String{fwconv.KeepText(g)},
	}
}

// OptionalText is a text of a grammar that may be left out.
func OptionalText(g fwconv.Grammar, description string) schema.StringAttribute {
	a := Text(g, description)
	a.Required, a.Optional = false, true
	return a
}

// TextDefault is a text of a grammar with a default.
func TextDefault(g fwconv.Grammar, description, given string) schema.StringAttribute {
	a := OptionalText(g, description)
	a.Computed, a.Default = true, stringdefault.StaticString(given)
	return a
}

// Values is an object of strings, bools, whole numbers and lists of strings; null
// and left out are the empty object.
func Values(description string) schema.DynamicAttribute {
	return schema.DynamicAttribute{
		Optional:            true,
		MarkdownDescription: description,
		PlanModifiers:       []planmodifier.Dynamic{fwconv.KeepDynamic()},
	}
}

// AttributeValues are the values of custom attributes that an object has.
func AttributeValues(variable string) schema.DynamicAttribute {
	return Values("Values of attributes that are declared with `stint_attribute`: an object with a member for each; conditions see them as `" + variable + ".attributes.<name>`. " +
		"An undeclared one is an error at plan. Durations and times are written as texts.")
}

// References is a required set of ids.
func References(description string) schema.SetAttribute {
	return schema.SetAttribute{
		Required:            true,
		ElementType:         types.StringType,
		MarkdownDescription: description,
	}
}

// Names is a set of texts; null and left out are the empty set.
func Names(description string) schema.SetAttribute {
	return schema.SetAttribute{
		Optional:            true,
		Computed:            true,
		ElementType:         types.StringType,
		Default:             setdefault.StaticValue(types.SetValueMust(types.StringType, nil)),
		MarkdownDescription: description,
	}
}
