package cli

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest"
)

type (
	junitSuites struct {
		XMLName xml.Name      `xml:"testsuites"`
		Tests   int           `xml:"tests,attr"`
		Fails   int           `xml:"failures,attr"`
		Suites  []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name   string      `xml:"name,attr"`
		Tests  int         `xml:"tests,attr"`
		Fails  int         `xml:"failures,attr"`
		Errors int         `xml:"errors,attr"`
		Cases  []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string       `xml:"name,attr"`
		Class   string       `xml:"classname,attr"`
		File    string       `xml:"file,attr"`
		Line    int          `xml:"line,attr"`
		Failure *junitDetail `xml:"failure"`
		Error   *junitDetail `xml:"error"`
	}
	junitDetail struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",cdata"`
	}
)

// printJUnit writes one suite for each file.
func (a *app) printJUnit(report accesstest.Report) error {
	suites := junitSuites{Tests: len(report.Results), Fails: report.Failed}
	byFile := map[string]*junitSuite{}
	for _, result := range report.Results {
		suite := byFile[result.At.File]
		if suite == nil {
			suite = &junitSuite{Name: result.At.File}
			byFile[result.At.File] = suite
			suites.Suites = append(suites.Suites, suite)
		}
		suite.add(result)
	}
	if _, err := io.WriteString(a.Out, xml.Header); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	encoder := xml.NewEncoder(a.Out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suites); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	_, err := fmt.Fprintln(a.Out)
	return err
}

func (s *junitSuite) add(result accesstest.Result) {
	c := junitCase{Name: result.Name(), Class: result.At.File, File: result.At.File, Line: result.At.Line}
	s.Tests++
	switch result.Outcome {
	case accesstest.Failed:
		s.Fails++
		text := renderFailure(screen{}, result)
		first, _, _ := strings.Cut(text, "\n")
		c.Failure = &junitDetail{first, text}
	case accesstest.Errored:
		s.Errors++
		c.Error = &junitDetail{result.Error, renderFailure(screen{}, result)}
	case accesstest.Passed:
	}
	s.Cases = append(s.Cases, c)
}
