// Package authzen measures answers to the question "may this identity use this
// entitlement now?" over HTTP: a Stint server that governs a real PostgreSQL
// against an OPA server with the same policy on the same data.
package authzen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stint-dev/terraform-provider-stint/tools/bench/load"
)

// patience bounds every wait for something that a server has to do first.
const patience = time.Minute

// server is a running one, with the questions in its own form.
type server struct {
	name      string
	address   string // host:port
	questions []load.Question
	process   *exec.Cmd
	log       bytes.Buffer // what it complained of; to be read when it has ended
	close     func() error
}

// end stops the server. When something went wrong, its log says more.
func (s *server) end(err error) error {
	closeErr := s.close()
	if err != nil && s.log.Len() > 0 {
		err = fmt.Errorf("%w\n%s says:\n%s", err, s.name, s.log.String())
	}
	return errors.Join(err, closeErr)
}

// start runs a program until stop is called or the context of the command ends.
func start(process *exec.Cmd) (stop func() error, err error) {
	process.Cancel = func() error { return process.Process.Signal(syscall.SIGTERM) }
	process.WaitDelay = 10 * time.Second
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", process.Path, err)
	}
	return func() error {
		if err := process.Process.Signal(syscall.SIGTERM); err != nil {
			return fmt.Errorf("stop %s: %w", process.Path, err)
		}
		var exit *exec.ExitError
		if err := process.Wait(); err != nil && !errors.As(err, &exit) {
			return fmt.Errorf("wait for %s: %w", process.Path, err)
		}
		return nil
	}, nil
}

// eventually tries until it works or the patience is at its end.
func eventually(ctx context.Context, what string, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tick is the unit of processor time in /proc.
const tick = 10 * time.Millisecond

// processorTime is what the server has used so far, of all its threads.
func (s *server) processorTime() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the processor time of %s: %w", s.name, err)
	}
	// Behind the name, which may hold anything, utime and stime are the 12th and
	// the 13th field; see proc(5).
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the processor time of %s: %q is no stat", s.name, text)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the processor time of %s: %w", s.name, err)
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the processor time of %s: %w", s.name, err)
	}
	return time.Duration(user+system) * tick, nil
}
