package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsSilentForTheFirstSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{description: "Reading", total: -1, stop: make(chan struct{})}
		p.showOn(&out)
		time.Sleep(progressAfter - time.Millisecond)
		p.finish()
		if out.Len() > 0 {
			t.Errorf("it said %q", out.String())
		}
	})
}

func TestProgressSaysWhatGoesOnAndLeavesTheScreenClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{description: "Reading", total: -1, stop: make(chan struct{})}
		p.showOn(&out)
		time.Sleep(2 * progressAfter)
		p.describe("waiting for Bob")
		time.Sleep(progressAfter)
		p.finish()
		said := out.String()
		if !strings.Contains(said, "Reading") || !strings.Contains(said, "waiting for Bob") {
			t.Errorf("it said %q", said)
		}
		if last := said[strings.LastIndex(strings.TrimRight(said, "\r"), "\r")+1:]; strings.TrimSpace(last) != "" {
			t.Errorf("it left %q on the screen", last)
		}
	})
}

func TestProgressOfAKnownLengthShowsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{description: "Reading the log", total: 1000, stop: make(chan struct{})}
		p.showOn(&out)
		p.at(500)
		time.Sleep(2 * progressAfter)
		p.finish()
		if !strings.Contains(out.String(), "50%") {
			t.Errorf("it said %q", out.String())
		}
	})
}
