package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest"
)

// accessTestFiles is how files of access tests end.
const accessTestFiles = ".stinttest.hcl"

const (
	formatText  = "text"
	formatJUnit = "junit"
)

type testFlags struct {
	sourceFlags
	format, run string
}

func (a *app) testCommand() *cobra.Command {
	var flags testFlags
	cmd := &cobra.Command{
		Use:   "test [PATH]...",
		Short: "Run access tests: who may do what, pinned",
		Long: `Run access tests: who may do what, pinned.

A PATH is a file or a folder, which is searched for files that end in
` + accessTestFiles + `; without one it is the working folder. They are put to the policy
of a plan, of a snapshot, or of the server. With a plan and a snapshot, it is
what the snapshot becomes when the plan is applied.

Exit code 1 when a test fails; 4 when a file, a plan or a snapshot is wrong and
nothing was tested.`,
		Example: `  terraform plan -out plan.out && terraform show -json plan.out > plan.json
  stint test --plan plan.json
  stint test --snapshot state --format junit access.stinttest.hcl`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runTests(cmd.Context(), flags, args) },
	}
	cmd.Flags().StringVar(&flags.plan, "plan", "", "test the policy of this plan, as `FILE` that `terraform show -json` wrote")
	cmd.Flags().StringVar(&flags.snapshot, "snapshot", "", "test the state in this folder `DIR`, written by `stint snapshot`; works offline")
	cmd.Flags().StringVar(&flags.run, "run", "", "only tests whose name matches this `REGEXP`")
	formats := []string{formatText, outputJSON, formatJUnit}
	cmd.Flags().StringVarP(&flags.format, "output", "o", formatText, "text for people, json for machines, junit for build servers (--format is the same)")
	oneOfFlag(cmd, "output", formats...)
	return cmd
}

func (a *app) runTests(ctx context.Context, flags testFlags, paths []string) error {
	if !slices.Contains([]string{formatText, outputJSON, formatJUnit}, flags.format) {
		return usageErrorf("--output %q is none of %s, %s, %s", flags.format, formatText, outputJSON, formatJUnit)
	}
	picked, err := regexp.Compile(flags.run)
	if err != nil {
		return usageErrorf("--run: %w", err)
	}
	files, err := readAccessTests(paths)
	if err != nil {
		return err
	}
	source, err := flags.read(ctx, a)
	if err != nil {
		return err
	}
	bench, err := accesstest.NewBench(source)
	if err != nil {
		return severalWrong(err, "the declared policy is not valid:")
	}
	if err := checkNevers(bench, files); err != nil {
		return err
	}
	report := bench.Run(files, picked.MatchString)
	if len(report.Results) == 0 {
		return usageErrorf("no test is named like %q", flags.run)
	}
	if err := a.printReport(flags, report); err != nil {
		return err
	}
	if report.Failed > 0 {
		return exitWith(ExitError)
	}
	return nil
}

func (a *app) printReport(flags testFlags, report accesstest.Report) error {
	switch flags.format {
	case outputJSON:
		return a.printJSON(jsonReport{report, report.Coverage.Gaps()})
	case formatJUnit:
		return a.printJUnit(report)
	}
	if _, err := io.WriteString(a.Out, renderReport(a.screen(), report, flags.run == "")); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// jsonReport adds what follows from the coverage.
type jsonReport struct {
	accesstest.Report
	Gaps []accesstest.Gap `json:"gaps"`
}

// readAccessTests finds and reads the files.
func readAccessTests(paths []string) ([]*accesstest.File, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var names []string
	for _, path := range paths {
		found, err := findAccessTests(path)
		if err != nil {
			return nil, usageErrorf("%w", err)
		}
		if len(found) == 0 {
			return nil, usageErrorf("%s holds no file that ends in %s", path, accessTestFiles)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	var files []*accesstest.File
	var wrong accesstest.Diagnostics
	for _, name := range slices.Compact(names) {
		text, err := os.ReadFile(name) //nolint:gosec // the person names it
		if err != nil {
			return nil, usageErrorf("%w", err)
		}
		file, diags := accesstest.Parse(name, text)
		wrong = append(wrong, diags...)
		files = append(files, file)
	}
	return files, unreadable(wrong)
}

// checkNevers finds what is wrong with conditions in the light of the policy.
func checkNevers(bench *accesstest.Bench, files []*accesstest.File) error {
	var wrong accesstest.Diagnostics
	for _, file := range files {
		wrong = append(wrong, bench.Check(file)...)
	}
	return unreadable(wrong)
}

func unreadable(found accesstest.Diagnostics) error {
	each := make([]error, len(found))
	for i, diag := range found {
		each[i] = diag
	}
	if err := errors.Join(each...); err != nil {
		return severalWrong(err, "the access tests cannot be read:")
	}
	return nil
}

// findAccessTests searches a folder, hidden ones in it left out. A file that is
// named itself may be called as it likes.
func findAccessTests(path string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != path && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && (name == path || strings.HasSuffix(name, accessTestFiles)):
			found = append(found, name)
		}
		return nil
	})
	return found, err
}
