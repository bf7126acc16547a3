package pgtest

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the user that the server runs as; its credential is nil for the
// user of the test itself.
type owner struct{ credential *syscall.Credential }

// unprivilegedOwner is the test's own user, or for root one that PostgreSQL accepts.
func unprivilegedOwner() (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return owner{}, fmt.Errorf("user %s has the uid %q: %w", name, account.Uid, err)
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return owner{}, fmt.Errorf("user %s has the gid %q: %w", name, account.Gid, err)
		}
		return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return owner{}, fmt.Errorf("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody to run it as")
}

// newFolder makes a temporary folder that belongs to the owner. testing's
// TempDir will not do: its parent is closed to everybody but the test's user.
func (o owner) newFolder() (string, error) {
	parent, err := o.traversable(os.TempDir(), "/tmp", "/var/tmp")
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp(parent, "stint-pgtest-")
	if err != nil {
		return "", fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	return folder, o.take(folder)
}

// take hands a file or folder over to the owner.
func (o owner) take(path string) error {
	if o.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(o.credential.Uid), int(o.credential.Gid)); err != nil {
		return fmt.Errorf("hand %s to the user that PostgreSQL runs as: %w", path, err)
	}
	return nil
}

func (o owner) traversable(candidates ...string) (string, error) {
	for _, candidate := range candidates {
		if o.credential == nil || openToAll(candidate) {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("the user that PostgreSQL runs as can enter none of %q: set TMPDIR to a folder whose parents everybody may enter", candidates)
}

func openToAll(folder string) bool {
	for {
		info, err := os.Stat(folder)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return true
		}
		folder = parent
	}
}
