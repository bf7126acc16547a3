package cli

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	// progressAfter is how long a command may be silent.
	progressAfter = time.Second
	spinnerTick   = 100 * time.Millisecond
	spinnerStyle  = 14
)

// progress tells a person at a terminal that something is going on, once it
// has taken longer than a second. Elsewhere it shows nothing.
type progress struct {
	mu          sync.Mutex
	description string
	total, done int64
	stop        chan struct{}
	stopped     sync.WaitGroup
}

// startProgress begins; total is -1 when it is not known. The caller calls
// finish before it prints anything else.
func (a *app) startProgress(description string, total int64) *progress {
	p := &progress{description: description, total: total, stop: make(chan struct{})}
	if _, ok := terminal(a.Err); ok {
		p.showOn(a.Err)
	}
	return p
}

func (p *progress) showOn(w io.Writer) {
	bar := progressbar.NewOptions64(p.total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(p.description),
		progressbar.OptionSpinnerType(spinnerStyle), progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(narrowColumn), progressbar.OptionSetPredictTime(false))
	p.stopped.Go(func() { p.show(bar) })
}

func (p *progress) show(bar *progressbar.ProgressBar) {
	select {
	case <-p.stop:
		return
	case <-time.After(progressAfter):
	}
	ticker := time.NewTicker(spinnerTick)
	defer ticker.Stop()
	for {
		p.mu.Lock()
		description, done := p.description, p.done
		p.mu.Unlock()
		bar.Describe(description)
		if p.total > 0 {
			_ = bar.Set64(done)
		} else {
			_ = bar.Add(1)
		}
		select {
		case <-p.stop:
			_ = bar.Clear()
			return
		case <-ticker.C:
		}
	}
}

// at moves the progress to done of the total.
func (p *progress) at(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = done
}

// describe changes what is said to be going on.
func (p *progress) describe(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.description = text
}

// finish takes the progress off the screen.
func (p *progress) finish() {
	close(p.stop)
	p.stopped.Wait()
}
