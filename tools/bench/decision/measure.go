package decision

import (
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/contest"
	"github.com/stint-dev/terraform-provider-stint/tools/bench/report"
)

// sizes are the numbers of policies, rising.
var sizes = []int{10, 1_000, 100_000}

// Measure decides one question in estates of all sizes.
func Measure(rounds int) (report.Section, error) {
	var contestants []contest.Contestant
	for _, size := range sizes {
		set, err := Estate(size)
		if err != nil {
			return report.Section{}, err
		}
		contestants = append(contestants, contest.Contestant{
			Name: report.Number(float64(size)) + " policies", Do: deciding(set),
		})
	}
	figures, err := contest.Contest{Contestants: contestants, Answer: 1, Rounds: rounds, Share: 100 * time.Millisecond}.Run()
	if err != nil {
		return report.Section{}, err
	}
	return section(figures), nil
}

// deciding answers 1 when the request is allowed.
func deciding(set *governance.PolicySet) func() (int, error) {
	question := Question()
	return func() (int, error) {
		if set.Decide(question).Effect == governance.Allow {
			return 1, nil
		}
		return 0, nil
	}
}

func section(figures []contest.Figure) report.Section {
	table := [][]string{{"", "one decision", "allocations", "to the fewest"}}
	for _, f := range figures {
		table = append(table, []string{f.Name, report.Time(f.Time), report.Number(f.Allocations), report.Ratio(f.Time, figures[0].Time)})
	}
	fewest, most := figures[0], figures[len(figures)-1]
	return report.Section{
		Title: "A whole decision",
		About: []string{fmt.Sprintf("A request decided with all its reasons: %d policies of the entitlement are evaluated and explained, the bounds of its template checked, and separation of duties over the %d entitlements that the requester holds, in an estate of %s entitlements and %s SoD rules, all in memory. What grows is the number of policies, all of them of other entitlements.",
			carried, held, report.Number(entitlements), report.Number(rules))},
		Table: table,
		Aims:  []report.Aim{report.AtMost(fmt.Sprintf("flat within 1.5 times from %s to %s", fewest.Name, most.Name), float64(most.Time/fewest.Time), 1.5, " ×")},
	}
}
