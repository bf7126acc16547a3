package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	successorFolder = ".successor"
	formerFolder    = "former"
	recordsFile     = "records.jsonl"
)

// CreateSuccessor makes the key of a log that is to follow the one in dir, beside
// it. What an earlier attempt has left is thrown away.
func CreateSuccessor(dir string, random io.Reader) (*Keeper, error) {
	beside := filepath.Join(dir, successorFolder)
	if err := os.RemoveAll(beside); err != nil {
		return nil, fmt.Errorf("make room for the next log's key: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(beside, formerFolder), 0o700); err != nil {
		return nil, fmt.Errorf("make room for the former log: %w", err)
	}
	return CreateKeeper(beside, random)
}

// FormerRecords is where a bundle of the former log's records belongs, after
// [CreateSuccessor] and until [InstallSuccessor].
func FormerRecords(dir string) string {
	return filepath.Join(dir, successorFolder, formerFolder, recordsFile)
}

// InstallSuccessor puts the key that [CreateSuccessor] made in the place of the one
// that is there, which is kept in the new folder former below dir with its
// checkpoint and the records of its log, as far as they are there. An installation
// that was cut off is completed by the next one.
func InstallSuccessor(dir, former string) error {
	current, beside := filepath.Join(dir, keeperFolder), filepath.Join(dir, successorFolder)
	next, keep := filepath.Join(beside, keeperFolder), filepath.Join(beside, formerFolder)
	if _, err := os.Stat(next); err != nil {
		return fmt.Errorf("put the next log's key in place: %w", err)
	}
	if err := SyncFolder(keep); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep the former log: %w", err)
	}
	for _, move := range [][2]string{{current, filepath.Join(keep, keeperFolder)}, {keep, filepath.Join(dir, former)}} {
		if err := os.Rename(move[0], move[1]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep the former log: %w", err)
		}
	}
	if err := os.Rename(next, current); err != nil {
		return fmt.Errorf("put the next log's key in place: %w", err)
	}
	return errors.Join(SyncFolder(dir), os.RemoveAll(beside))
}

// OpenSuccessor opens the key of a log that was begun and not installed yet; the
// error is [ErrNoKeeper] where there is none.
func OpenSuccessor(dir string) (*Keeper, error) {
	return OpenKeeper(filepath.Join(dir, successorFolder))
}
