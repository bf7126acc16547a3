package daemon_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// runningServer is a process of its own.
type runningServer struct {
	process  *exec.Cmd
	endpoint string
	ended    chan struct{}

	mu   sync.Mutex
	said []string
}

// startServer starts this very program as a server and waits until it answers.
func startServer(t *testing.T, arguments []string, environment ...string) *runningServer {
	t.Helper()
	s := launchServer(t, arguments, environment...)
	eventually(t, "the server answers", func() bool {
		if s.isOver() {
			t.Fatalf("the server ended:\n%s", s.log())
		}
		for _, line := range strings.Split(s.log(), "\n") {
			if _, endpoint, ok := strings.Cut(line, " answers at "); ok {
				s.endpoint = strings.TrimSpace(endpoint)
			}
		}
		return s.endpoint != ""
	})
	return s
}

// launchServer starts this very program as a server.
func launchServer(t *testing.T, arguments []string, environment ...string) *runningServer {
	t.Helper()
	s := &runningServer{process: exec.Command(os.Args[0], arguments...), ended: make(chan struct{})}
	s.process.Env = append(append(os.Environ(), beStint+"=1"), environment...)
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := s.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			s.mu.Lock()
			s.said = append(s.said, lines.Text())
			s.mu.Unlock()
		}
		_ = s.process.Wait() // how it ended is in its state
	}()
	t.Cleanup(func() {
		_ = s.process.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-s.ended:
		case <-time.After(patience):
			_ = s.process.Process.Kill()
			t.Errorf("the server does not end:\n%s", s.log())
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", s.log())
		}
	})
	return s
}

func (s *runningServer) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

func (s *runningServer) isOver() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// end waits until the process is gone, and says how it went.
func (s *runningServer) end(t *testing.T) syscall.WaitStatus {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatalf("the server does not end:\n%s", s.log())
	}
	return s.process.ProcessState.Sys().(syscall.WaitStatus)
}

func (s *runningServer) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

func bootstrapToken(t *testing.T, folder string) string {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(folder, "bootstrap-token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(token))
}
