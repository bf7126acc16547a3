package cli_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptServer is the server that a script has started, if any.
type scriptServer struct{ process *exec.Cmd }

type scriptServerKey struct{}

func serverOf(ts *testscript.TestScript) *scriptServer {
	return ts.Value(scriptServerKey{}).(*scriptServer)
}

// serve starts `stint server ARG…`, waits until it answers, and puts what it
// prints to be exported into the script's environment.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	server := serverOf(ts)
	if neg || server.process != nil {
		ts.Fatalf("serve cannot be negated, and one server runs at a time")
	}
	process := exec.CommandContext(context.Background(), "stint", append([]string{"server"}, args...)...) //nolint:gosec // the scripts are ours
	process.Dir, process.Env = ts.Getenv("WORK"), os.Environ()
	for _, name := range []string{"HOME", "TMPDIR", "STINT_SECRET_BILLING_PASSWORD", "STINT_SERVER_DATABASE"} {
		process.Env = append(process.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := process.StdoutPipe()
	ts.Check(err)
	stderr, err := process.StderrPipe()
	ts.Check(err)
	ts.Check(process.Start())
	server.process = process
	ts.Defer(func() { _ = server.stop() })
	lines := make(chan string)
	for _, stream := range []io.Reader{stdout, stderr} {
		go func() {
			for scanner := bufio.NewScanner(stream); scanner.Scan(); {
				lines <- scanner.Text()
			}
		}()
	}
	awaitReady(ts, lines)
	go func() {
		for range lines { // the pipes must not fill
		}
	}()
}

// awaitReady reads until the server has said where it answers.
func awaitReady(ts *testscript.TestScript, lines <-chan string) {
	var seen []string
	for deadline := time.After(patience); ; {
		select {
		case <-deadline:
			ts.Fatalf("the server did not say that it answers:\n%s", strings.Join(seen, "\n"))
		case line := <-lines:
			seen = append(seen, line)
			if _, address, ok := strings.Cut(line, " answers at "); ok {
				ts.Setenv("STINT_ADDR", address)
				return
			}
			assignment, _ := strings.CutPrefix(line, "export ")
			name, quoted, ok := strings.Cut(assignment, "=")
			if ok && strings.HasPrefix(name, "STINT_") {
				ts.Setenv(name, strings.Trim(quoted, "'"))
			}
			if name == "STINT_EVIDENCE_KEY" {
				return
			}
		}
	}
}

// endServer tells the script's server to end and demands that it does so well.
func endServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: endserver")
	}
	ts.Check(serverOf(ts).stop())
}

func (s *scriptServer) stop() error {
	if s.process == nil {
		return errors.New("no server was started")
	}
	process := s.process
	s.process = nil
	return errors.Join(process.Process.Signal(os.Interrupt), process.Wait())
}
