package pgtest

import "syscall"

// FindIn looks for the server in other places than this machine's.
func FindIn(folders, path string) (string, error) { return findBinaries(folders, path) }

// Freeze is Pause without a test.
func (s *Server) Freeze() error { return s.process.signalAll(syscall.SIGSTOP) }

// ProcessID is the postmaster's.
func (s *Server) ProcessID() int { return s.process.pid }

// Folder holds everything that the server keeps.
func (s *Server) Folder() string { return s.folder }
