package authzen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/stint-dev/terraform-provider-stint/tools/bench/contest"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/load"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/report"
)

// Programs are the executables that are measured, and the one that asks them.
type Programs struct {
	Stint, OPA string
	// Load reads a load.Job from its standard input, does it, and writes the
	// load.Result.
	Load []string
}

const (
	connections = 8
	roundTime   = 2 * time.Second
	// roundMost bounds the memory of a round.
	roundMost = 1_000_000
)

// round is what one server did in one round.
type round struct {
	load.Result
	// processor is the processor time of the server for one answer.
	processor time.Duration
}

// Measure asks both servers the same questions, by turns.
func Measure(ctx context.Context, programs Programs, rounds int) (section report.Section, err error) {
	folder, err := os.MkdirTemp("", "stint-bench-")
	if err != nil {
		return section, fmt.Errorf("make a folder for the servers: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	all := newEstate()
	asked, err := all.questions()
	if err != nil {
		return section, err
	}
	stint, err := startStint(ctx, programs.Stint, folder, all, asked)
	if stint != nil {
		defer func() { err = stint.end(err) }()
	}
	if err != nil {
		return section, err
	}
	opa, err := startOPA(ctx, programs.OPA, folder, all, asked)
	if opa != nil {
		defer func() { err = opa.end(err) }()
	}
	if err != nil {
		return section, err
	}
	measured, err := race(ctx, programs.Load, []*server{stint, opa}, rounds)
	if err != nil {
		return section, err
	}
	return sectionOf(asked, measured[0], measured[1]), nil
}

// race measures the servers by turns, after one round to warm up, in which every
// question is asked.
func race(ctx context.Context, generator []string, servers []*server, rounds int) ([][]round, error) {
	measured := make([][]round, len(servers))
	for n := range rounds + 1 {
		for i, s := range servers {
			r, err := s.measure(ctx, generator)
			if err != nil {
				return nil, err
			}
			if r.Answers < questions {
				return nil, fmt.Errorf("%s answered %d of %d questions", s.name, r.Answers, questions)
			}
			if n > 0 {
				measured[i] = append(measured[i], r)
			}
		}
	}
	return measured, nil
}

func (s *server) measure(ctx context.Context, generator []string) (round, error) {
	before, err := s.processorTime()
	if err != nil {
		return round{}, err
	}
	result, err := s.ask(ctx, generator)
	if err != nil {
		return round{}, fmt.Errorf("measure %s: %w", s.name, err)
	}
	after, err := s.processorTime()
	if err != nil {
		return round{}, err
	}
	return round{result, (after - before) / time.Duration(result.Answers)}, nil
}

// ask runs the generator in a process of its own.
func (s *server) ask(ctx context.Context, generator []string) (result load.Result, err error) {
	job, err := json.Marshal(load.Job{Address: s.address, Questions: s.questions, Connections: connections, Time: roundTime, Most: roundMost})
	if err != nil {
		return result, err
	}
	command := exec.CommandContext(ctx, generator[0], generator[1:]...)
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	command.Stdin, command.Stderr = bytes.NewReader(job), os.Stderr
	out, err := command.Output()
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal(out, &result)
}

// figures are the medians of the rounds.
type figures struct {
	perSecond           float64
	p50, p99, processor time.Duration
}

func median(rounds []round) figures {
	perSecond := make([]float64, len(rounds))
	p50, p99, processor := make([]time.Duration, len(rounds)), make([]time.Duration, len(rounds)), make([]time.Duration, len(rounds))
	for i, r := range rounds {
		perSecond[i], p50[i], p99[i], processor[i] = r.PerSecond(), r.P50, r.P99, r.processor
	}
	return figures{contest.Median(perSecond), contest.Median(p50), contest.Median(p99), contest.Median(processor)}
}

func sectionOf(asked []question, stintRounds, opaRounds []round) report.Section {
	stint, opa := median(stintRounds), median(opaRounds)
	row := func(name string, f figures) []string {
		return []string{
			name, report.Number(f.perSecond), report.Number(f.perSecond/stint.perSecond) + " ×",
			span(f.p50), span(f.p99), span(f.processor), report.Ratio(contest.Nanoseconds(f.processor), contest.Nanoseconds(stint.processor)),
		}
	}
	return report.Section{
		Title: "AuthZEN over HTTP",
		About: []string{
			fmt.Sprintf("\"May this identity use this entitlement now?\", asked of a `stint server`, which governs a PostgreSQL with %d roles and %d accounts, and of an OPA server with the same policy over the same data. The %s questions and their answers are the same; %d are answered with yes. Stint also checks a token with every question; OPA runs without authentication, and its grants end by a time in its data. One generator in a process of its own asks over loopback on %d connections that are kept, each with one question at a time, %s a round; generator and server share the %d cores.",
				roles, people, report.Number(questions), affirmed(asked), connections, roundTime, runtime.NumCPU()),
		},
		Table: [][]string{
			{"", "answers a second", "to Stint", "p50", "p99", "processor time an answer", "to Stint"},
			row("Stint", stint),
			row("OPA", opa),
		},
		Aims: []report.Aim{
			report.AtLeast("at least 2 times the throughput of OPA", stint.perSecond/opa.perSecond, 2, " ×"),
			report.AtMost("p99 no higher than OPA's", float64(stint.p99)/float64(opa.p99), 1, " ×"),
		},
	}
}

func span(d time.Duration) string { return report.Time(contest.Nanoseconds(d.Nanoseconds())) }
