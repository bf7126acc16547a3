package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// createFolder makes a folder with all its files or nothing, by renaming it
// into place once everything is on disk.
func createFolder(parent, folder string, files map[string][]byte) (err error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(parent, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temporary))
		}
	}()
	for name, content := range files {
		file, err := os.OpenFile(filepath.Join(temporary, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := writeAndClose(file, content); err != nil {
			return err
		}
	}
	if err := SyncFolder(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, folder); err != nil {
		if _, statErr := os.Lstat(folder); statErr == nil {
			return errors.Join(ErrKeeperExists, err)
		}
		return err
	}
	return SyncFolder(parent)
}

// ReplaceFile leaves either the old content or the new one, also after a loss
// of power.
func ReplaceFile(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := writeAndClose(file, content); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

func writeAndClose(file *os.File, content []byte) error {
	_, err := file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// SyncFolder makes a rename durable. Windows has no such call and needs none.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// checkPrivate refuses a key that others on the machine can read. Windows keeps
// no such permission bits.
func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o, so others may read or write the signing key; run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return nil
}
