package pgtest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// pristine is the cluster of the first server of a test binary, as initdb left
// it, with the superuser's password: a copy takes a tenth of initdb's time, and
// most tests want a server of their own.
var pristine struct {
	sync.Mutex
	archive  []byte
	password string
}

// pack takes the cluster into memory.
func (s *Server) pack() ([]byte, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := errors.Join(w.AddFS(os.DirFS(s.data())), w.Close()); err != nil {
		return nil, fmt.Errorf("keep the database cluster: %w", err)
	}
	return archive.Bytes(), nil
}

// unpack writes a cluster that belongs to the owner.
func (s *Server) unpack(archive []byte) error {
	err := s.folderOf(s.data())
	for r := tar.NewReader(bytes.NewReader(archive)); err == nil; {
		var entry *tar.Header
		if entry, err = r.Next(); err != nil {
			break
		}
		path := filepath.Join(s.data(), filepath.FromSlash(entry.Name)) //nolint:gosec // the archive is our own
		if entry.FileInfo().IsDir() {
			err = s.folderOf(path)
			continue
		}
		err = s.fileOf(path, entry.FileInfo().Mode().Perm(), r)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("copy the database cluster: %w", err)
}

func (s *Server) folderOf(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.owner.take(path)
}

func (s *Server) fileOf(path string, mode fs.FileMode, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode) //nolint:gosec // below the server's own folder
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close(), s.owner.take(path))
}
