package crash_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// program is what a crashing server runs from: this test itself or, when that
// looks for races and is slow by it, the same built without. What is proved here
// is what a server leaves when it dies; races are looked for by every other test.
var program = sync.OnceValues(func() (path string, err error) {
	if !raceDetected {
		return os.Executable()
	}
	programFolder, err = os.MkdirTemp("", "stint-crash-")
	if err != nil {
		return "", err
	}
	path = filepath.Join(programFolder, "stint")
	build := exec.Command("go", "test", "-c", "-race=false", "-o", path, ".") //nolint:gosec // its arguments are ours
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server without the race detector: %w\n%s", err, said)
	}
	return path, nil
})

// programFolder holds what was built; empty when nothing was.
var programFolder string

func discardProgram() {
	if programFolder != "" {
		_ = os.RemoveAll(programFolder) // the system clears its folder of such things
	}
}
