package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/pflag"
	"github.com/zclconf/go-cty/cty"
)

type serverSetting struct {
	flag            *pflag.Flag
	value, position string
}

// readServerFile reads settings; one that is unknown, or of another type, is an
// error with its position.
func readServerFile(path string, known []*pflag.Flag) ([]serverSetting, error) {
	source, err := os.ReadFile(path) //nolint:gosec // the person names the file
	if err != nil {
		return nil, usageErrorf("the configuration file cannot be read: %w", err)
	}
	file, diags := hclsyntax.ParseConfig(source, path, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, usageErrorf("%w", firstDiagnostic(diags))
	}
	attributes, diags := file.Body.JustAttributes()
	if diags.HasErrors() {
		return nil, usageErrorf("%w", firstDiagnostic(diags))
	}
	byName := map[string]*pflag.Flag{}
	var names []string
	for _, flag := range known {
		if flag.Name != configFlag {
			byName[settingName(flag)] = flag
			names = append(names, settingName(flag))
		}
	}
	var settings []serverSetting
	for _, attribute := range inOrder(attributes) {
		position := at(attribute.NameRange)
		flag := byName[attribute.Name]
		if flag == nil {
			return nil, usageErrorf("%s: there is no setting %q; the settings are %s", position, attribute.Name, strings.Join(names, ", "))
		}
		value, err := settingValue(attribute, flag)
		if err != nil {
			return nil, err
		}
		settings = append(settings, serverSetting{flag: flag, value: value, position: position + ": " + attribute.Name})
	}
	return settings, nil
}

func settingValue(attribute *hcl.Attribute, flag *pflag.Flag) (string, error) {
	value, diags := attribute.Expr.Value(nil)
	if diags.HasErrors() {
		return "", usageErrorf("%w", firstDiagnostic(diags))
	}
	want, name := cty.String, "a text in quotes"
	if flag.Value.Type() == "bool" {
		want, name = cty.Bool, "true or false"
	}
	switch {
	case value.IsNull() || value.Type() != want:
		return "", usageErrorf("%s: %s wants %s", at(attribute.Expr.Range()), attribute.Name, name)
	case want == cty.Bool:
		return strconv.FormatBool(value.True()), nil
	default:
		return value.AsString(), nil
	}
}

func inOrder(attributes hcl.Attributes) []*hcl.Attribute {
	var ordered []*hcl.Attribute
	for _, attribute := range attributes {
		ordered = append(ordered, attribute)
	}
	slices.SortFunc(ordered, func(x, y *hcl.Attribute) int { return x.NameRange.Start.Byte - y.NameRange.Start.Byte })
	return ordered
}

func firstDiagnostic(diags hcl.Diagnostics) error {
	d := diags[0]
	if d.Subject == nil {
		return fmt.Errorf("%s: %s", d.Summary, d.Detail)
	}
	return fmt.Errorf("%s: %s: %s", at(*d.Subject), d.Summary, d.Detail)
}

func at(r hcl.Range) string { return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column) }
