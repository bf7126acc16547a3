package report

import (
	"strings"
	"testing"
)

func TestNumbersHaveThreeDigitsThatCount(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.0123: "0.012", 1: "1", 1.234: "1.23", 12.34: "12.3", 51.96: "52", 999.6: "1,000",
		12195: "12,195", 1234567: "1,234,567", -1234: "-1,234", 100: "100",
	} {
		if got := Number(value); got != want {
			t.Errorf("%v: got %s, want %s", value, got, want)
		}
	}
}

func TestTimesAreInTheUnitThatFits(t *testing.T) {
	if got := Time(51.3) + ", " + Time(12195) + ", " + Time(4e7) + ", " + Time(2.4e9); got != "51.3 ns, 12.2 µs, 40 ms, 2.4 s" {
		t.Error(got)
	}
}

func TestAMissedAimIsSaidAloud(t *testing.T) {
	var page strings.Builder
	err := Report{
		Machine: Machine{Processor: "abacus", Cores: 1, System: "wood/beads", Go: "go1", Peers: []Peer{{"slide/rule", "v2"}}},
		Rounds:  7, Command: "make bench",
		Sections: []Section{{
			Title: "Sums", About: []string{"Two sums."},
			Table: [][]string{{"", "time"}, {"ours", "2 ns"}, {"the other's", "1 ns"}},
			Aims:  []Aim{AtMost("at most 1.5 ×", 2, 1.5, " ×"), AtLeast("at least 2", 2, 2, "")},
		}},
	}.Write(&page)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(page.String(), "\n\n")
	_, body, _ = strings.Cut(body, "\n\n")
	if want := `- Machine: abacus, 1 cores, wood/beads, go1
- Peers: slide/rule v2

## Sums

Two sums.

|             | time |
|-------------|-----:|
| ours        | 2 ns |
| the other's | 1 ns |

| aim           | measured |            |
|---------------|---------:|-----------:|
| at most 1.5 × |      2 × | **missed** |
| at least 2    |        2 |        met |
`; body != want {
		t.Errorf("got\n%s", body)
	}
}
