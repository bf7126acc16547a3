package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// printJSON writes a value for machines.
func (a *app) printJSON(value any) error {
	encoder := json.NewEncoder(a.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// print writes the value as JSON when asked to, else what text says.
func (a *app) print(value any, text func() string) error {
	if a.json() {
		return a.printJSON(value)
	}
	if _, err := io.WriteString(a.Out, text()); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// note tells a person something beside the answer.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.Err, format+"\n", args...) // there is nowhere left to say it
}

// terminal returns the width of the terminal behind w; false when there is
// none.
func terminal(w io.Writer) (width int, ok bool) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	return width, err == nil
}

// screen is how a person sees the answer: colours and wrapping on a terminal,
// plain text elsewhere.
type screen struct {
	color bool
	// width is 0 where lines are not wrapped.
	width int
}

func (a *app) screen() screen { return a.screenOn(terminal(a.Out)) }

func (a *app) screenOn(width int, isTerminal bool) screen {
	return screen{color: isTerminal && !a.global.noColor && a.env(envNoColor) == "", width: width}
}

func (s screen) paint(code, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s screen) bold(text string) string   { return s.paint("1", text) }
func (s screen) faint(text string) string  { return s.paint("2", text) }
func (s screen) red(text string) string    { return s.paint("31", text) }
func (s screen) green(text string) string  { return s.paint("32", text) }
func (s screen) yellow(text string) string { return s.paint("33", text) }

// printable makes text from a server or a target system safe to show: control
// characters, which could rewrite what the terminal shows, appear escaped.
func printable(text string) string {
	text = strings.ToValidUTF8(text, string(unicode.ReplacementChar))
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
