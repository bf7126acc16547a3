package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// scopeFlags say whose things a list shows.
type scopeFlags struct {
	mine, all bool
	identity  string
}

func (f *scopeFlags) register(cmd *cobra.Command, noun string) {
	cmd.Flags().BoolVar(&f.mine, "mine", false, "your own "+noun+" (the default)")
	cmd.Flags().BoolVar(&f.all, "all", false, "all "+noun+" that you may see")
	cmd.Flags().StringVar(&f.identity, "identity", "", noun+" of this identity")
}

// none is an empty list in words.
func (f *scopeFlags) none(noun string) string {
	if f.all || f.identity != "" {
		return "No " + noun + ".\n"
	}
	return "No " + noun + " of your own; --all shows all that you may see.\n"
}

// onlyOneOf refuses flags that contradict each other.
func onlyOneOf(flags *pflag.FlagSet, names ...string) error {
	var given []string
	for _, name := range names {
		if flags.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 1 {
		return usageErrorf("%s exclude each other; give one", strings.Join(given, " and "))
	}
	return nil
}

// resolve returns the identity to narrow a list to; empty for all.
func (f *scopeFlags) resolve(ctx context.Context, c *client.Client) (governance.IdentityID, error) {
	if f.all || f.identity != "" {
		return governance.IdentityID(f.identity), nil
	}
	who, err := c.WhoAmI(ctx)
	return who.Identity, err
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageErrorf("%s takes one id, not %d arguments; see `%s --help`", cmd.CommandPath(), len(args), cmd.CommandPath())
	}
	return nil
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
