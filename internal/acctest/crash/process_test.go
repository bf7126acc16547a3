package crash_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/crash"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

// server is a process of the server with cuts.
type server struct {
	process *exec.Cmd
	url     string
	// alive ends when it is dead, or frozen; ended is closed when it is dead.
	alive context.Context
	ended chan struct{}

	mu    sync.Mutex
	input *bufio.Writer
	said  []string
	// complained is its log.
	complained []string
}

var (
	errDead   = errors.New("the server is dead")
	errFrozen = errors.New("the server is frozen")
)

// start starts a server on a state, with a shift of its time, and waits until it
// answers. settings are what it reads of its environment besides.
func start(t *testing.T, on state, shift time.Duration, settings ...string) *server {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{ended: make(chan struct{}), process: exec.Command(path, "server", "--listen", "127.0.0.1:0", "--data-dir", on.folder, "--database", pgtest.Sparing(on.database), "--log-level", "error")}
	// It does not live long enough to collect its garbage.
	s.process.Env = append(append(os.Environ(), "GOGC=off", beStint+"=1", crash.EnvShift+"="+shift.String()), settings...)
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	input, err1 := s.process.StdinPipe()
	output, err2 := s.process.StdoutPipe()
	complaints, err3 := s.process.StderrPipe()
	if err := errors.Join(err1, err2, err3, s.process.Start()); err != nil {
		t.Fatal(err)
	}
	s.input = bufio.NewWriter(input)
	alive, die := context.WithCancelCause(context.Background())
	s.alive = alive
	answers := make(chan string, 1)
	var pipes sync.WaitGroup
	pipes.Go(func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			s.mu.Lock()
			s.said = append(s.said, lines.Text())
			s.mu.Unlock()
			if strings.HasPrefix(lines.Text(), "frozen ") {
				die(errFrozen)
			}
		}
	})
	pipes.Go(func() {
		for lines := bufio.NewScanner(complaints); lines.Scan(); {
			if _, url, ok := strings.Cut(lines.Text(), " answers at "); ok {
				answers <- strings.TrimSpace(url)
			}
			s.mu.Lock()
			s.complained = append(s.complained, lines.Text())
			s.mu.Unlock()
		}
	})
	go func() {
		pipes.Wait()
		_ = s.process.Wait() // it is killed, mostly
		die(errDead)
		close(s.ended)
	}()
	t.Cleanup(s.stop)
	select {
	case s.url = <-answers:
	case <-alive.Done():
		t.Errorf("the server ended at its start:\n%s", strings.Join(s.complained, "\n"))
	case <-time.After(patience):
		t.Error("the server does not answer")
	}
	return s
}

func (s *server) tell(command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.input.WriteString(command + "\n")
	_ = s.input.Flush() // to a dead one nothing is said
}

func (s *server) connect(token string) *client.Client {
	c, err := client.New(client.Config{Endpoint: s.url, Token: token})
	if err != nil {
		panic(err) // it has an address once it has started
	}
	return c
}

func (s *server) stop() {
	_ = s.process.Process.Signal(syscall.SIGKILL) // it may be dead
	<-s.ended
}

// killed reports whether the server died at the cut, by its own hand.
func (s *server) killed(cut string) bool {
	select {
	case <-s.ended:
	case <-time.After(time.Second):
		return false
	}
	status, ok := s.process.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL && s.last() == "killed "+cut
}

// froze reports whether the server stopped at the cut, and waits until nothing of
// it runs.
func (s *server) froze(t *testing.T, cut string) bool {
	t.Helper()
	select {
	case <-s.alive.Done():
	case <-time.After(time.Second):
	}
	if s.last() != "frozen "+cut {
		return false
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		// The name of the program, in parentheses, comes before the state.
		if _, after, ok := strings.Cut(string(text), ") "); ok && strings.HasPrefix(after, "T") {
			return true
		}
	}
	t.Error("the frozen server runs on")
	return false
}

// thaw undoes its freezing. Whoever told it to wait with an answer is gone.
func (s *server) thaw(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Error(err)
	}
	s.tell("proceed")
	s.tell("thaw")
}

// last is the last line that it said.
func (s *server) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.said) == 0 {
		return ""
	}
	return s.said[len(s.said)-1]
}

// stillness is how long a server that has something to do says nothing of it.
const stillness = time.Second

// quiet waits until the server does nothing but clockwork any more.
func (s *server) quiet(p *person) error {
	since, seen := time.Now(), 0
	return wait(p, func() (bool, error) {
		points := slices.DeleteFunc(s.cutsPassed(), func(point string) bool {
			cut, _ := rarest(point)
			return isClockwork(cut)
		})
		if len(points) > seen {
			since, seen = time.Now(), len(points)
		}
		return time.Since(since) > stillness, nil
	})
}

// says waits until the server has said a line with the words.
func (s *server) says(p *person, words string) error {
	return wait(p, func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.said, func(line string) bool { return strings.Contains(line, words) }), nil
	})
}

// cutsPassed lists the points that were passed, in order, with their parts.
func (s *server) cutsPassed() (points []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.said {
		if point, ok := strings.CutPrefix(line, "passed "); ok {
			points = append(points, point)
		}
	}
	return points
}
