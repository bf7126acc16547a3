package separation

import (
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/tools/bench/contest"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/report"
)

// Measure searches one estate in several ways.
func Measure(rounds int) (report.Section, error) {
	e := newEstate(identities)
	d := declare(e)
	s, b, l := d.ready(), newBitmaps(e), loops{e}
	detection := contest.Contest{
		Answer: l.detect(), Rounds: rounds, Share: 200 * time.Millisecond,
		Contestants: []contest.Contestant{
			searching("Stint", s.detect),
			searching("Stint, making it ready too", func() int { return d.ready().detect() }),
			searching("roaring bitmaps", b.detect),
			searching("roaring bitmaps, making them ready too", func() int { return newBitmaps(e).detect() }),
			searching("nested loops", l.detect),
		},
	}
	detected, err := detection.Run()
	if err != nil {
		return report.Section{}, err
	}
	trial := contest.Contest{
		Answer: all(e.tries, l.whatIf), Rounds: rounds, Share: 50 * time.Millisecond,
		Contestants: []contest.Contestant{
			searching("Stint", func() int { return all(e.tries, s.whatIf) }),
			searching("roaring bitmaps", func() int { return all(e.tries, b.whatIf) }),
			searching("nested loops", func() int { return all(e.tries, l.whatIf) }),
		},
	}
	tried, err := trial.Run()
	if err != nil {
		return report.Section{}, err
	}
	return section(detection.Answer, detected, tried), nil
}

func searching(name string, search func() int) contest.Contestant {
	return contest.Contestant{Name: name, Do: func() (int, error) { return search(), nil }}
}

// all adds up what every try would break.
func all(tries []try, whatIf func(try) int) (conflicts int) {
	for _, t := range tries {
		conflicts += whatIf(t)
	}
	return conflicts
}

func section(conflicts int, detected, tried []contest.Figure) report.Section {
	table := [][]string{{"", "whole estate", "to Stint", "one what-if", "to Stint"}}
	for _, f := range detected {
		row := []string{f.Name, report.Time(f.Time), report.Ratio(f.Time, detected[0].Time), "", ""}
		for _, one := range tried {
			if one.Name == f.Name {
				row[3], row[4] = report.Time(one.Time/whatIfs), report.Ratio(one.Time, tried[0].Time)
			}
		}
		table = append(table, row)
	}
	return report.Section{
		Title: "Separation of duties",
		About: []string{fmt.Sprintf("%s identities hold %d of %s entitlements each; %d rules of two duties with %d entitlements each are broken %s times. *Whole estate* finds all of that on one core; *one what-if* finds which rules one entitlement more would break. *Making it ready* begins with the names of who holds what (Stint) or with numbers (bitmaps, loops).",
			report.Number(identities), held, report.Number(entitlements), rules, dutySize, report.Number(float64(conflicts)))},
		Table: table,
		Aims: []report.Aim{
			report.AtMost("the whole estate in at most 60 ms", float64(detected[0].Time)/1e6, 60, " ms"),
			report.AtMost("one what-if in less than 1 µs", float64(tried[0].Time)/whatIfs/1e3, 1, " µs"),
		},
	}
}
