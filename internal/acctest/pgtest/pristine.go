package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// pristine is the cluster of the first server of a test binary, as initdb left
// it, with the superuser's password: a copy takes a tenth of initdb's time, and
// most tests want a server of their own. The archive has no name, so that it goes
// with the process.
var pristine struct {
	sync.Mutex
	archive  *os.File
	password string
}

// pack keeps the cluster.
func (s *Server) pack() (archive *os.File, err error) {
	archive, err = os.CreateTemp("", "stint-pgtest-")
	if err == nil {
		err = errors.Join(os.Remove(archive.Name()), s.tar("--create", nil, archive))
	}
	if err != nil {
		return nil, fmt.Errorf("keep the database cluster: %w", err)
	}
	return archive, nil
}

// unpack writes a cluster that belongs to the owner.
func (s *Server) unpack(archive *os.File) error {
	err := os.Mkdir(s.data(), 0o700)
	if err == nil {
		err = s.owner.take(s.data())
	}
	var from *os.File
	if err == nil {
		from, err = os.Open(fmt.Sprintf("/proc/self/fd/%d", archive.Fd())) // with an offset of its own
	}
	if err == nil {
		err = errors.Join(s.tar("--extract", from, nil), from.Close())
	}
	if err != nil {
		return fmt.Errorf("copy the database cluster: %w", err)
	}
	return nil
}

// tar runs the program as the owner, to whom whatever it writes then belongs: some
// thousand files are far too many to do that one by one under the race detector.
func (s *Server) tar(mode string, in, out *os.File) error {
	var said bytes.Buffer
	cmd := exec.Command("tar", mode, "--file", "-", "--directory", s.data(), ".")
	cmd.Dir, cmd.Stderr = s.folder, &said
	if in != nil {
		cmd.Stdin = in
	}
	if out != nil {
		cmd.Stdout = out
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner.credential}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, said.Bytes())
	}
	return nil
}
