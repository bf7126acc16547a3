package contest

import (
	"strings"
	"testing"
	"time"
)

func TestMedianIsTheMiddle(t *testing.T) {
	if got := Median([]Nanoseconds{9, 1, 5}); got != 5 {
		t.Errorf("of three: %v", got)
	}
	if got := Median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("of four: %v", got)
	}
}

func TestEachRoundMeasuresEveryContestant(t *testing.T) {
	order := ""
	contestant := func(name string) Contestant {
		return Contestant{name, func() (int, error) {
			spend(t, 2*time.Millisecond) // more than the share: one repetition a round
			order += name
			return 1, nil
		}}
	}
	figures, err := Contest{Contestants: []Contestant{contestant("a"), contestant("b")}, Answer: 1, Rounds: 3, Share: time.Millisecond}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if order != "ab"+"ababab" {
		t.Errorf("after one warm-up each, rounds are not interleaved: %s", order)
	}
	for _, f := range figures {
		if f.Time < 2e6 || f.Fastest > f.Time || f.Slowest < f.Time {
			t.Errorf("%+v", f)
		}
	}
}

func TestAWrongAnswerEndsTheContest(t *testing.T) {
	_, err := Contest{Contestants: []Contestant{{"liar", func() (int, error) { return 2, nil }}}, Answer: 1, Rounds: 1, Share: 1}.Run()
	if err == nil || !strings.Contains(err.Error(), "liar") {
		t.Errorf("got %v", err)
	}
}

// spend uses that much processor time.
func spend(t *testing.T, d time.Duration) {
	t.Helper()
	began, err := processorTime()
	for now := began; err == nil && now-began < int64(d); {
		now, err = processorTime()
	}
	if err != nil {
		t.Fatal(err)
	}
}
