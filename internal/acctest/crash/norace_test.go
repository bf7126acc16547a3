//go:build !race

package crash_test

// raceDetected: this test looks for races.
const raceDetected = false
