package crash

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
)

// The settings of a server that is made to crash, in its environment.
const (
	EnvCut    = "STINT_CRASH_CUT"
	EnvFreeze = "STINT_CRASH_FREEZE" // not empty: freeze there
	EnvPlant  = "STINT_CRASH_PLANT"
	EnvShift  = "STINT_CRASH_SHIFT"
	// EnvSkew is how far the clock may be from the database's; without it nobody
	// looks, so that hours may pass on one of the two alone.
	EnvSkew = "STINT_CRASH_SKEW"
)

// Main is the stint command whose server has cuts. It reads commands from stdin
// ("arm", "advance 1h", "stall", "proceed", "thaw") and says on stdout which cuts it
// passes. It returns the exit code.
func Main(arguments []string) int {
	ctx, stop := cli.UntilToldToEnd(context.Background())
	defer stop()
	shift, err := time.ParseDuration(os.Getenv(EnvShift))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", EnvShift, err)
		return cli.ExitError
	}
	var skew time.Duration
	if text := os.Getenv(EnvSkew); text != "" {
		if skew, err = time.ParseDuration(text); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", EnvSkew, err)
			return cli.ExitError
		}
	}
	cuts, plant, clock := &Cuts{At: os.Getenv(EnvCut), Freeze: os.Getenv(EnvFreeze) != "", Out: os.Stdout}, Plant(os.Getenv(EnvPlant)), NewShifted(shift)
	go obey(os.Stdin, cuts, clock)
	parts := daemon.RealParts()
	parts.Clock, parts.MaxSkew = clock, skew
	parts.Connectors = connector.NewRegistry(cuts.Factory(plant.Factory(postgresql.NewFactory())))
	parts.Transactions = cuts.Transactions(plant.Transactions())
	return cli.Program{
		Version: "test", Serve: parts.Run, Out: os.Stdout, Err: os.Stderr,
		LookupEnv: os.LookupEnv, Now: clock.Now, Zone: time.UTC,
	}.Run(ctx, arguments)
}

func obey(commands io.Reader, cuts *Cuts, clock *Shifted) {
	for lines := bufio.NewScanner(commands); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "arm":
			cuts.Arm()
		case "stall":
			cuts.Stall()
		case "proceed":
			cuts.Proceed()
		case "thaw":
			cuts.Thaw()
		case "advance":
			if d, err := time.ParseDuration(rest); err == nil {
				clock.Advance(d)
			}
		}
	}
}
