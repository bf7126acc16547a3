package application

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// connector has one typed child for each kind of target.
func connector() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: "How the application is reached.",
		Attributes: map[string]schema.Attribute{
			"postgresql": schema.SingleNestedAttribute{
				Required:            true,
				MarkdownDescription: "A PostgreSQL server. Its roles, memberships and role attributes are the entitlements.",
				Attributes:          postgresql(),
			},
		},
	}
}

func postgresql() map[string]schema.Attribute {
	password := declared.Optional("Where the engine finds the password, never the password itself: `env:STINT_SECRET_<APPLICATION>_<WORD>` " +
		"(a variable of the server's environment, the application's name in capitals with `-` written as `_`) or `file:<name>` " +
		"(a file in the application's folder of the server's secrets directory).")
	password.Validators = []validator.String{secretReference{}}
	return map[string]schema.Attribute{
		"host": declared.Required("Host name or address."),
		"port": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(5432),
			MarkdownDescription: "TCP port; default `5432`.",
		},
		"database":     declared.Choice("Database to connect to; default `postgres`. Roles are common to the whole server.", "postgres"),
		"username":     declared.Required("Role that Stint logs in as; it must be able to grant the roles that it governs, and needs `CREATEROLE` to make accounts. From PostgreSQL 16 on, what another role granted is taken back only by its members and by superusers. The guide [PostgreSQL as a target](../guides/postgresql.md) shows the least that it needs on each version."),
		"password_ref": password,
		"sslmode":      declared.Choice("`disable`, `prefer`, `require`, `verify-ca` or `verify-full` (default).", "verify-full"),
		"sslrootcert":  declared.Optional("Path on the server's host of a PEM file with the certificate authorities to trust; without it the system's are."),
		"terminate_sessions": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether a revoke ends the sessions that still run under the role (a session that did `SET ROLE` keeps it otherwise); default `true`.",
		},
		"statement_timeout": declared.TextDefault(fwconv.Duration, "Bound on every statement in the target, from `1s` to `10m`; default `10s`.", "10s"),
		"max_connections": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(4),
			MarkdownDescription: "Most connections that Stint holds to the target, from 1 to 20; default `4`.",
		},
	}
}
