package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// ErrInUse refuses a SQLite file that another process has open.
var ErrInUse = errors.New("only one process may have a SQLite database open: end the other one, or keep the state in PostgreSQL, which several servers may share")

// lockSuffix names the lock beside a SQLite file. The file itself is no place
// for it: closing any descriptor of it would drop the locks of SQLite's own.
const lockSuffix = ".lock"

// lockFile takes the lock on a SQLite file. The system gives it back when the
// process ends, however it ends; the empty hull of the file stays.
func lockFile(path string) (*flock.Flock, error) {
	lock := flock.New(path+lockSuffix, flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDWR))
	taken, err := lock.TryLock()
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, fmt.Errorf("lock %s: %w; give its folder to the user that stint runs as (uid %d), or name a folder of that user's", path, err, os.Getuid())
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !taken {
		return nil, fmt.Errorf("%s is in use%s; %w", path, holderOf(lock.Path()), ErrInUse)
	}
	// The number is for the message alone; that it is not written changes
	// nothing.
	_ = os.WriteFile(lock.Path(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return lock, nil
}

// makePrivate makes the SQLite file where there is none, for its owner alone whatever
// the folder lets others do. The files that SQLite puts beside it are like it. It is
// for before SQLite opens the file, see lockSuffix.
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the database that the person names
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return file.Close()
}

func holderOf(path string) string {
	text, err := os.ReadFile(path) //nolint:gosec // beside the database that the person names
	if pid, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil {
		return fmt.Sprintf(" by process %d", pid)
	}
	return ""
}

// resolve is the one name of a file, so that two ways to it meet at one lock.
func resolve(location string) (string, error) {
	path, err := filepath.Abs(location)
	if err != nil {
		return "", err
	}
	found, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return filepath.Join(folder, filepath.Base(path)), err
}
