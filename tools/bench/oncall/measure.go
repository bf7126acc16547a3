package oncall

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/tools/bench/contest"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/report"
)

// Measure lets all engines decide the question.
func Measure(rounds int) (report.Section, error) {
	engines, err := Engines()
	if err != nil {
		return report.Section{}, err
	}
	figures, err := contest.Contest{Contestants: contestants(engines), Answer: 1, Rounds: rounds, Share: 50 * time.Millisecond}.Run()
	if err != nil {
		return report.Section{}, err
	}
	return section(engines, figures), nil
}

// contestants are all the engines, the ready before the filled ones.
func contestants(engines []Engine) []contest.Contestant {
	in := Question()
	var ready, filled []contest.Contestant
	for _, engine := range engines {
		ready = append(ready, contest.Contestant{Name: engine.Name, Do: answering(engine.Ready(in))})
		if engine.Filled != nil {
			filled = append(filled, contest.Contestant{Name: engine.Name, Do: answering(func() (bool, error) { return engine.Filled(in) })})
		}
	}
	return append(ready, filled...)
}

func answering(decide func() (bool, error)) func() (int, error) {
	return func() (int, error) {
		holds, err := decide()
		if holds {
			return 1, err
		}
		return 0, err
	}
}

func section(engines []Engine, figures []contest.Figure) report.Section {
	ready, filled := figures[:len(engines)], figures[len(engines):]
	table := [][]string{{"", "values ready", "allocations", "to Stint", "values put in", "allocations", "to Stint"}}
	for i, engine := range engines {
		row := []string{engine.Name, report.Time(ready[i].Time), report.Number(ready[i].Allocations), report.Ratio(ready[i].Time, ready[0].Time)}
		if engine.Filled == nil {
			table = append(table, append(row, "", "", ""))
			continue
		}
		own, stint := named(filled, engine.Name), filled[0]
		table = append(table, append(row, report.Time(own.Time), report.Number(own.Allocations), report.Ratio(own.Time, stint.Time)))
	}
	stint, limit, cel := ready[0], named(ready, "closure tree by hand"), named(ready, "cel-go")
	return report.Section{
		Title: "One condition",
		About: []string{
			"The same condition over the same question, which it holds for, so that every term is evaluated:",
			"```hcl\n" + Condition + "\n```",
			"*Values ready*: they are in the engine's own form already (a frame, CEL's activation, Cedar's entities and request, OPA's parsed input, HCL's context). *Values put in*: each evaluation begins with the Go struct. The closure tree is written by hand over that struct and is what compiling to closures can come to; straight Go is there for orientation.",
		},
		Table: table,
		Aims: []report.Aim{
			report.AtMost("at most 1.5 times the closure tree, values ready", float64(stint.Time/limit.Time), 1.5, " ×"),
			report.AtMost("no allocation, values ready", stint.Allocations, 0.001, ""),
			report.AtMost("no allocation, values put in", filled[0].Allocations, 0.001, ""),
			report.AtLeast("at least 8 times faster than CEL, values ready", float64(cel.Time/stint.Time), 8, " ×"),
			report.AtLeast("at least 8 times faster than CEL, values put in", float64(named(filled, "cel-go").Time/filled[0].Time), 8, " ×"),
		},
	}
}

func named(figures []contest.Figure, name string) contest.Figure {
	for _, f := range figures {
		if f.Name == name {
			return f
		}
	}
	panic("oncall: nobody is called " + name)
}
