package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			version := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{a.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return a.print(version, func() string {
				return fmt.Sprintf("stint %s (%s, %s)\n", version.Version, version.Go, version.Platform)
			})
		},
	}
}

// providerSchemaCommand feeds the documentation generator; it is of no use to
// anyone else and stays out of the help.
func (a *app) providerSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "provider-schema",
		Short:  "Print the provider's schemas as JSON, in the form of `terraform providers schema -json`",
		Hidden: true,
		Args:   exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.WriteProviderSchema(cmd.Context(), a.Out)
		},
	}
}
