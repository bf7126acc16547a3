// Command soak runs the long forms of Stint's tests in named parts, and keeps on
// one page what each part saw when it was last run: running a part again replaces
// its row and no other. tools/soak.sh tells it where things are.
//
// It goes on after a part that failed, and ends with 1 when one did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	pattern := flags.String("run", ".", "run the parts that match this regular expression")
	page := flags.String("write", "docs/soak.md", "the page that keeps what was seen")
	postgres := flags.String("postgres", "", "the folder of PostgreSQL's programs")
	var s settings
	flags.DurationVar(&s.fuzz, "time", time.Minute, "fuzz each target for so long")
	flags.IntVar(&s.rounds, "rounds", 5, "repeat the tests in random order this often")
	flags.IntVar(&s.worlds, "worlds", 0, "make so many worlds in each property test; 0 makes as many as the test itself does")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*pattern)
	if err != nil {
		return err
	}
	from, err := thisMachine(ctx, *postgres)
	if err != nil {
		return err
	}
	var failed []string
	for _, p := range chosen {
		_, _ = fmt.Fprintf(out, "soak: %s: %s\n", p.name, p.about)
		row, err := p.soak(ctx, s, from, out)
		if err != nil {
			return fmt.Errorf("run the part %s: %w", p.name, err)
		}
		if row.failed != none {
			failed = append(failed, p.name)
		}
		if err := keep(*page, row); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("these parts failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

func choose(pattern string) (chosen []part, err error) {
	matching, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("read -run: %w", err)
	}
	names := make([]string, 0, len(parts))
	for _, p := range parts {
		names = append(names, p.name)
		if matching.MatchString(p.name) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no part matches %q; there are %s", pattern, strings.Join(names, ", "))
	}
	return chosen, nil
}

// soak runs a part and says what it saw.
func (p part) soak(ctx context.Context, s settings, from machine, out io.Writer) (row, error) {
	began := time.Now()
	commands, err := p.commands(s)
	if err != nil {
		return row{}, err
	}
	var seen results
	for _, c := range commands {
		if err := c.follow(ctx, &seen, out); err != nil {
			return row{}, err
		}
	}
	if ctx.Err() != nil {
		return row{}, errors.New("it was broken off, and its row is as it was")
	}
	return row{
		part: p.name, when: began.UTC().Format("2006-01-02 15:04"), took: time.Since(began).Round(time.Second).String(),
		commit: from.commit, machine: from.String(), seen: seen.String(), failed: seen.failures(),
	}, nil
}
