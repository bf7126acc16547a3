package lateness_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
)

const (
	// beStint makes the test binary the stint command whose server also knows the
	// stub.
	beStint = "STINT_TEST_BE_MEASURED_STINT"
	// profileTo is where such a server leaves a profile of its processor time.
	profileTo = "STINT_LATENESS_PROFILE"
)

func TestMain(m *testing.M) {
	if os.Getenv(beStint) != "" {
		os.Exit(serve(os.Args[1:]))
	}
	os.Exit(pgtest.Run(m))
}

func registry() *connector.Registry { return connector.NewRegistry(postgresql.NewFactory(), stub{}) }

func serve(arguments []string) int {
	ctx, stop := cli.UntilToldToEnd(context.Background())
	defer stop()
	if path := os.Getenv(profileTo); path != "" {
		out, err := os.Create(path) //nolint:gosec // the measurer names it
		if err == nil {
			err = pprof.StartCPUProfile(out)
		}
		if err != nil {
			panic(err)
		}
		defer pprof.StopCPUProfile()
	}
	parts := daemon.RealParts()
	parts.Connectors = registry()
	return cli.Program{
		Version: "test", Serve: parts.Run, Out: os.Stdout, Err: os.Stderr,
		LookupEnv: os.LookupEnv, Now: time.Now, Zone: time.UTC,
	}.Run(ctx, arguments)
}

// server is a process of its own.
type server struct {
	process *exec.Cmd
	url     string
	ended   chan error
}

// start starts a server on a state and waits until it answers.
func start(t *testing.T, on *state) *server {
	t.Helper()
	s := &server{process: exec.Command(os.Args[0], "server", "--listen", "127.0.0.1:0", "--data-dir", on.folder, "--database", on.database, "--log-level", "error"), ended: make(chan error, 1)} //nolint:gosec // its arguments are ours
	s.process.Env = append(os.Environ(), beStint+"=1", secretName+"="+on.target.Password())
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := s.process.StderrPipe()
	if err := errors.Join(err, s.process.Start()); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if _, url, ok := strings.Cut(lines.Text(), " answers at "); ok {
				answers <- strings.TrimSpace(url)
			} else if strings.Contains(lines.Text(), "[ERROR]") {
				t.Log(lines.Text())
			}
		}
		s.ended <- s.process.Wait()
	}()
	select {
	case s.url = <-answers:
	case err := <-s.ended:
		t.Fatalf("the server ended at its start: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the server does not answer")
	}
	return s
}

func (s *server) kill(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.ended
}

func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	t.Logf("the server used %s of processor time", s.process.ProcessState.UserTime()+s.process.ProcessState.SystemTime())
}
