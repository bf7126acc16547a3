// Package application is stint_application: a target system whose rights are
// governed, and how it is reached.
package application

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

const (
	defaultInterval = "15m"
	defaultMaxGone  = 20
)

// NewResource is stint_application.
func NewResource() resource.Resource {
	return declared.New(api.Applications, declared.Definition[api.Application]{
		Type: "application",
		Noun: "application",
		Description: "An application is a target system whose rights are governed. Creating it waits for one complete discovery, " +
			"so that entitlements can be declared in the same apply.",
		Attributes: map[string]schema.Attribute{
			"name":      declared.Key("Name, unique among applications: lower-case letters, digits and single hyphens."),
			"connector": connector(),
			"correlation": declared.Text(fwconv.Condition, "Condition that says whose an account is: one that matches exactly one identity belongs to it, for instance `account.name == identity.name`. "+
				"It sees `account` and `identity`; the [condition language](../guides/condition-language.md) tells their attributes and the functions."),
			"account_name": declared.OptionalText(fwconv.Condition, "Expression that names the account which a grant template with `create_account` has made for an identity, over `identity`, for instance "+
				"`lower(identity.name)`; without it the account is called as its identity. The correlation must give an account of that name to that identity and to no other."),
			"discovery": schema.SingleNestedAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "How the application is read.",
				Default: objectdefault.StaticValue(types.ObjectValueMust(
					map[string]attr.Type{"interval": fwconv.TextType{Grammar: fwconv.Duration}, "max_gone_percent": types.Int64Type},
					map[string]attr.Value{
						"interval":         fwconv.Text{StringValue: basetypes.NewStringValue(defaultInterval), Grammar: fwconv.Duration},
						"max_gone_percent": types.Int64Value(defaultMaxGone),
					})),
				Attributes: map[string]schema.Attribute{
					"interval": declared.TextDefault(fwconv.Duration, "Time between two discoveries, at least `10s`; default `15m`.", defaultInterval),
					"max_gone_percent": schema.Int64Attribute{
						Optional: true, Computed: true, Default: int64default.StaticInt64(defaultMaxGone),
						MarkdownDescription: "How much of the known accounts, entitlements or assignments one discovery may show as gone, in percent, from `1` to `100`; default `20`. " +
							"A discovery that misses more, together with what went before it and nobody was asked about, and at least 10, is held, and so is one that shows hardly any of the accounts or entitlements that were known, however few they were: nothing of it is taken over until somebody lets it through with `stint sync <application> --accept`. " +
							"`100` believes every discovery. Revocations are never held.",
					},
				},
			},
			"limits": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "Protects the target from Stint: how many operations (grants, revocations and the reads that prove them) are carried out in it. " +
					"Discoveries do not count. Revocations that are due go before everything else, but a limit delays them too: what is over a minute late is the finding `revoke_overdue`. " +
					"A change takes effect at once. Leave it out for the defaults.",
				Attributes: map[string]schema.Attribute{
					"concurrent_calls": schema.Int64Attribute{
						Optional: true,
						MarkdownDescription: "How many calls of the target run at the same time, from `1` to `64`, of all server processes together; revocations that are due together may share a call. " +
							"When it is left out, `4` in each process. A PostgreSQL target is called through `max_connections` connections of each process at most.",
					},
					"operations_per_minute": schema.Int64Attribute{
						Optional: true,
						MarkdownDescription: "How many operations begin in a minute, from `1` to `600000`, in all server processes together; each try counts, and each calls the target a few times. " +
							"They are spread evenly: at most a second's worth begins at once. No bound when it is left out.",
					},
				},
			},
		},
		Keys:    []string{"name"},
		Depends: map[string][]string{"limits": {"limits.concurrent_calls", "limits.operations_per_minute"}},
		Objects: func(s *api.Snapshot) []api.Application { return s.Applications },
		Meta:    func(a api.Application) api.Meta { return a.Meta },
	})
}
