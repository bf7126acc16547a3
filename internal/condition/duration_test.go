package condition

import (
	"strings"
	"testing"
	"time"
)

func TestDurationsAreReadAndWrittenCanonically(t *testing.T) {
	for _, c := range []struct {
		text, canonical string
		want            time.Duration
	}{
		{"0s", "0s", 0},
		{"0d0h", "0s", 0},
		{"45s", "45s", 45 * time.Second},
		{"90s", "1m30s", 90 * time.Second},
		{"1h30m", "1h30m", 90 * time.Minute},
		{"90m", "1h30m", 90 * time.Minute},
		{"24h", "1d", day},
		{"1d2h3m4s", "1d2h3m4s", day + 2*time.Hour + 3*time.Minute + 4*time.Second},
		{"106751d", "106751d", 106751 * day},
		{"9223372036s", "106751d23h47m16s", 9223372036 * time.Second},
	} {
		got, err := ParseDuration(c.text)
		if err != nil || got != c.want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", c.text, got, err, c.want)
		}
		if canonical := FormatDuration(got); canonical != c.canonical {
			t.Errorf("FormatDuration(%v) = %q; want %q", got, canonical, c.canonical)
		}
	}
}

func TestDurationsOutsideTheGrammarAreRefusedWithTheMend(t *testing.T) {
	for text, reason := range map[string]string{
		"":                     "empty",
		"0":                    "0 has no unit",
		"15":                   "15 has no unit",
		"h":                    `"h" is not a number`,
		"-1h":                  `"-" is not a number`,
		"+1h":                  `"+" is not a number`,
		"1.5h":                 `"." is not a unit`,
		"1h 30m":               `" " is not a number`,
		"1H":                   `"H" is not a unit`,
		"1w":                   `"w" is not a unit`,
		"100ms":                `"s" is not a number`,
		"30m1h":                "the unit h is repeated or after a smaller one",
		"1h1h":                 "the unit h is repeated or after a smaller one",
		"1é":                   `"é" is not a unit`,
		"106752d":              "longer than 292 years",
		"106751d24h":           "longer than 292 years",
		"9999999999999999999s": "longer than 292 years",
	} {
		_, err := ParseDuration(text)
		if err == nil {
			t.Errorf("ParseDuration(%q) is accepted", text)
			continue
		}
		if !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), "1h30m") {
			t.Errorf("ParseDuration(%q) says %q; want the reason %q and the mend", text, err, reason)
		}
	}
}

func TestSpansOutsideTheGrammarAreDisplayedAsGoDoes(t *testing.T) {
	if got := FormatDuration(1500 * time.Millisecond); got != "1.5s" {
		t.Errorf("1.5 seconds are shown as %q", got)
	}
	if got := FormatDuration(-time.Minute); got != "-1m0s" {
		t.Errorf("minus a minute is shown as %q", got)
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"0s", "1h30m", "1d2h3m4s", "106751d23h47m16s", "1.5h", "-1h", "", "9999999999999999999s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 || d%time.Second != 0 {
			t.Fatalf("%q is read as %v", text, d)
		}
		back, err := ParseDuration(FormatDuration(d))
		if err != nil || back != d {
			t.Fatalf("%q is %v, written %q, read back as %v, %v", text, d, FormatDuration(d), back, err)
		}
	})
}
