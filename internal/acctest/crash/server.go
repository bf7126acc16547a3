package crash

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
)

// The settings of a server that is made to crash, in its environment.
const (
	EnvCut   = "STINT_CRASH_CUT"
	EnvPlant = "STINT_CRASH_PLANT"
	EnvShift = "STINT_CRASH_SHIFT"
)

// Main is the stint command whose server has cuts. It reads commands from stdin
// ("arm", "advance 1h") and says on stdout which cuts it passes. It returns the
// exit code.
func Main(arguments []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	shift, err := time.ParseDuration(os.Getenv(EnvShift))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", EnvShift, err)
		return cli.ExitError
	}
	cuts, plant, clock := &Cuts{At: os.Getenv(EnvCut), Out: os.Stdout}, Plant(os.Getenv(EnvPlant)), NewShifted(shift)
	go obey(os.Stdin, cuts, clock)
	parts := daemon.RealParts()
	parts.Clock = clock
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
		case "advance":
			if d, err := time.ParseDuration(rest); err == nil {
				clock.Advance(d)
			}
		}
	}
}
