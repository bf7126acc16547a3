package cli

import (
	"errors"
	"strings"
	"testing"
)

func TestIDsMayBeShortenedWhileTheyStandForOne(t *testing.T) {
	const first, second = "0190a000-0000-7000-8000-0123456789ab", "0190a000-0000-7000-8000-fedcba987654"
	list := func() ([]string, error) { return []string{first, second}, nil }
	for name, test := range map[string]struct{ written, want, wrong string }{
		"the last group":         {written: "0123456789ab", want: first},
		"part of the last group": {written: "987654", want: second},
		"in capitals":            {written: "FEDCBA987654", want: second},
		"too short":              {written: "87654", wrong: "too short"},
		"of both":                {written: "0190a000", wrong: "stands for 2 requests: " + first + ", " + second},
		"of none":                {written: "aaaaaaaa", wrong: "no request that you can see"},
		"in the middle":          {written: "-8000-", wrong: "no request that you can see"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resolve("request", test.written, list)
			if test.wrong == "" && (err != nil || got != test.want) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
			if test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
				t.Errorf("error %v, want one with %q", err, test.wrong)
			}
		})
	}
}

func TestIDInFullIsNotLookedUp(t *testing.T) {
	const id = "0190a000-0000-7000-8000-0123456789ab"
	got, err := resolve("request", id, func() ([]string, error) { return nil, errors.New("looked up") })
	if err != nil || got != id {
		t.Errorf("%q, %v", got, err)
	}
}
