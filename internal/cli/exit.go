package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// The exit codes of the command line. They are stable: scripts decide on them.
const (
	// ExitOK: done, or nothing to report.
	ExitOK = 0
	// ExitError: it could not be done, or an access test failed.
	ExitError = 1
	// ExitFindings: drift was looked for and found.
	ExitFindings = 2
	// ExitDenied: policy or a person said no, now or while waiting.
	ExitDenied = 3
	// ExitUsage: the command line is wrong, or a file that it names; nothing was
	// tried.
	ExitUsage = 4
	// ExitUnverified: the evidence does not verify.
	ExitUnverified = 5
	// ExitInterrupted: ended by ctrl-C or SIGTERM.
	ExitInterrupted = 130
)

const exitCodesText = `Exit codes of stint:

    0  done, or nothing to report
    1  it could not be done, and stderr says why and what to do; or an access test
       failed (test)
    2  findings exist (drift)
    3  denied: policy or a person said no (request, decide), or the wait ended
       without access
    4  the command line is wrong, or a file that it names (test, snapshot); nothing
       was tried
    5  the evidence does not verify (evidence verify)
  130  interrupted by ctrl-C or SIGTERM
`

// exitError carries the exit code of an end that is not plain success. Without
// an err everything was said on stdout already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitWith ends the command with a code after its answer was printed.
func exitWith(code int) error { return &exitError{code: code} }

func usageErrorf(format string, args ...any) error {
	return &exitError{code: ExitUsage, err: fmt.Errorf(format, args...)}
}

// severalError is one sentence about several things that are wrong, each of which
// is told on a line of its own.
type severalError struct {
	head string
	each []error
}

func (e *severalError) Error() string {
	return fmt.Sprintf("%s %v", e.head, errors.Join(e.each...))
}

// severalWrong is a usage error about everything that was joined to one error.
func severalWrong(err error, format string, args ...any) error {
	each := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost is a list
		each = joined.Unwrap()
	}
	return usageErrorf("%w", &severalError{head: fmt.Sprintf(format, args...), each: each})
}

// exitCode tells the code of a command's end and what is still to be said of it.
func exitCode(err error) (code int, message error) {
	var exit *exitError
	switch {
	case err == nil:
		return ExitOK, nil
	case errors.As(err, &exit):
		return exit.code, exit.err
	default:
		return ExitError, err
	}
}

// exitCodesTopic is shown by `stint help exit-codes`.
func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesText}
}

// exactly is cobra.ExactArgs with the exit code and the words of a usage error.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageErrorf("%s needs %s; see `%s --help`", cmd.CommandPath(), names[len(args)], cmd.CommandPath())
		case len(args) > len(names):
			return usageErrorf("%s does not take %q; see `%s --help`", cmd.CommandPath(), args[len(names)], cmd.CommandPath())
		}
		return nil
	}
}
