// Command bench measures Stint against others and writes down the ratios.
// tools/bench.sh builds what it needs and runs it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/stint-dev/terraform-provider-stint/tools/bench/authzen"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/decision"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/load"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/oncall"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/report"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/separation"
)

// peers are the modules whose versions a report names.
var peers = []string{
	"cel.dev/cel-go", "github.com/cedar-policy/cedar-go", "github.com/open-policy-agent/opa",
	"github.com/hashicorp/hcl/v2", "github.com/RoaringBitmap/roaring/v2",
}

// fewest is how many rounds a median is to stand on.
const fewest = 7

// loadCommand is the argument that makes this program the load generator.
const loadCommand = "load"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == loadCommand {
		return generate(ctx, os.Stdin, os.Stdout)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	programs := authzen.Programs{Load: []string{self, loadCommand}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := flags.String("run", ".", "measure the suites that match this regular expression")
	rounds := flags.Int("rounds", 9, "measure each contestant this often")
	page := flags.String("write", "", "write the report to this file, which demands all suites")
	flags.StringVar(&programs.Stint, "stint", "stint", "the program of Stint")
	flags.StringVar(&programs.OPA, "opa", "opa", "the program of OPA")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < fewest {
		return fmt.Errorf("%d rounds are too few; measure at least %d", *rounds, fewest)
	}
	return measure(ctx, suites(programs), *pattern, *rounds, *page)
}

// generate does a job of the load generator.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var job load.Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	result, err := load.Run(ctx, job)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

// suite is one set of contestants.
type suite struct {
	name    string
	measure func(ctx context.Context, rounds int) (report.Section, error)
}

// suites are in the order of what they leave behind in memory: the estates of
// decision are large.
func suites(programs authzen.Programs) []suite {
	return []suite{
		{"condition", func(_ context.Context, rounds int) (report.Section, error) { return oncall.Measure(rounds) }},
		{"separation", func(_ context.Context, rounds int) (report.Section, error) { return separation.Measure(rounds) }},
		{"decision", func(_ context.Context, rounds int) (report.Section, error) { return decision.Measure(rounds) }},
		{"authzen", func(ctx context.Context, rounds int) (report.Section, error) {
			return authzen.Measure(ctx, programs, rounds)
		}},
	}
}

func measure(ctx context.Context, all []suite, pattern string, rounds int, page string) error {
	chosen, err := choose(all, pattern)
	if err != nil {
		return err
	}
	if page != "" && len(chosen) < len(all) {
		return errors.New("a report holds all suites of one run; leave -run out, or -write")
	}
	out := report.Report{Machine: report.ThisMachine(peers...), Rounds: rounds, Command: "make bench"}
	for _, s := range chosen {
		fmt.Fprintf(os.Stderr, "bench: %s, %d rounds\n", s.name, rounds)
		section, err := s.measure(ctx, rounds)
		if err != nil {
			return fmt.Errorf("measure %s: %w", s.name, err)
		}
		if err := section.Write(os.Stdout); err != nil {
			return fmt.Errorf("print %s: %w", s.name, err)
		}
		out.Sections = append(out.Sections, section)
	}
	if page == "" {
		return nil
	}
	return write(out, page)
}

func choose(all []suite, pattern string) ([]suite, error) {
	matching, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("read -run: %w", err)
	}
	var chosen []suite
	for _, s := range all {
		if matching.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	return chosen, nil
}

func write(out report.Report, page string) error {
	file, err := os.Create(page) //nolint:gosec // the file is the caller's choice
	if err != nil {
		return err
	}
	if err := out.Write(file); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", page, err), file.Close())
	}
	return file.Close()
}
