package application

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// secretReference refuses everything that does not refer to a secret of the
// application's own. What was given is never shown: it may be the secret.
type secretReference struct{}

func (secretReference) Description(context.Context) string {
	return "must refer to a secret of the application's own, as env:STINT_SECRET_<APPLICATION>_<WORD> or file:<name>"
}

func (v secretReference) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v secretReference) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	var name types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &name)...)
	application := "<APPLICATION>"
	word := `[A-Z0-9_]+`
	if !name.IsNull() && !name.IsUnknown() {
		application = strings.ToUpper(strings.ReplaceAll(name.ValueString(), "-", "_"))
		word = regexp.QuoteMeta(application) + `_[A-Z0-9]+`
	}
	form := regexp.MustCompile(`^(env:STINT_SECRET_` + word + `|file:[A-Za-z0-9_-][A-Za-z0-9._-]*)$`)
	if form.MatchString(req.ConfigValue.ValueString()) {
		return
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Not a reference to a secret", fmt.Sprintf(
		"A password is never written here: it would stand in state and plan for everybody to read. Put it into the environment of stint server and write "+
			"\"env:STINT_SECRET_%s_PASSWORD\" (one word in capitals at the end), or into its secrets directory and write \"file:<name>\". "+
			"If what stands here is a real password, change that password now.", application))
}
