package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// debianFolders is where Debian and Ubuntu keep server binaries, one folder a
// major version and none of them in PATH.
const debianFolders = "/usr/lib/postgresql/*/bin"

var errNoPostgreSQL = errors.New("no PostgreSQL server on this machine: need initdb and postgres in PATH or in " +
	debianFolders + "; on Debian or Ubuntu install the package \"postgresql\" (apt-get install postgresql)")

// chosenFolder names the environment variable that overrides the search, to run
// the same tests against another version.
const chosenFolder = "STINT_TEST_POSTGRES_BIN"

// findBinaries returns the folder that holds initdb and postgres: the newest
// version that the glob packaged finds, else the first in path.
func findBinaries(packaged, path string) (string, error) {
	if chosen := os.Getenv(chosenFolder); chosen != "" {
		if !holdsServer(chosen) {
			return "", fmt.Errorf("%s is %s, which does not hold initdb and postgres", chosenFolder, chosen)
		}
		return chosen, nil
	}
	newest, folder := -1, ""
	found, err := filepath.Glob(packaged)
	if err != nil {
		return "", fmt.Errorf("look for PostgreSQL in %s: %w", packaged, err)
	}
	for _, bin := range found {
		major, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
		if err != nil || major < newest || !holdsServer(bin) {
			continue
		}
		newest, folder = major, bin
	}
	if folder != "" {
		return folder, nil
	}
	for _, entry := range filepath.SplitList(path) {
		// initdb looks for postgres beside itself, so a link in PATH is followed.
		postgres, err := filepath.EvalSymlinks(filepath.Join(entry, "postgres"))
		if err == nil && holdsServer(filepath.Dir(postgres)) {
			return filepath.Dir(postgres), nil
		}
	}
	return "", errNoPostgreSQL
}

func holdsServer(folder string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// majorVersion asks the server binary, which answers "postgres (PostgreSQL) 15.13 (Debian …)".
func majorVersion(folder string) (int, error) {
	out, err := exec.Command(filepath.Join(folder, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask %s/postgres for its version: %w", folder, err)
	}
	var major int
	if _, err := fmt.Sscanf(string(out), "postgres (PostgreSQL) %d", &major); err != nil {
		return 0, fmt.Errorf("read the version from %q: %w", out, err)
	}
	return major, nil
}
