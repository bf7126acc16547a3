package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// process is a child that cannot outlive this process.
type process struct {
	pid    int
	exited chan struct{} // closed after the child was waited for
	err    error         // how it exited; read after exited
}

// spawn starts the program in folder as the owner, with its output appended to
// the file log.
func spawn(o owner, folder, log, program string, args ...string) (*process, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", filepath.Base(program), err)
	}
	defer output.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir = folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: o.credential,
		// On the immediate shutdown PostgreSQL takes its children and its shared
		// memory with it; a SIGKILL would leave the latter behind.
		Pdeathsig: syscall.SIGQUIT,
		// In a group of its own a paused server is woken by the kernel when this
		// process dies (the group is orphaned), so that it receives the SIGQUIT.
		Setpgid: true,
	}

	p := &process{exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The death signal comes when the *thread* that forked ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// signal sends sig unless the process was already waited for.
func (p *process) signal(sig syscall.Signal) error {
	if !p.running() {
		return nil
	}
	if err := syscall.Kill(p.pid, sig); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("send %s to process %d: %w", sig, p.pid, err)
	}
	return nil
}

// signalAll reaches the process first and then its children, which PostgreSQL
// puts into sessions of their own.
func (p *process) signalAll(sig syscall.Signal) error {
	if err := p.signal(sig); err != nil {
		return err
	}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.pid))
	if err != nil {
		return err
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			return fmt.Errorf("list the children of process %d: %w", p.pid, err)
		}
		for _, word := range strings.Fields(string(children)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("list the children of process %d: %w", p.pid, err)
			}
			if err := syscall.Kill(child, sig); err != nil && err != syscall.ESRCH {
				return fmt.Errorf("send %s to process %d: %w", sig, child, err)
			}
		}
	}
	return nil
}
