package cli

import (
	"fmt"
	"strings"

	prettytable "github.com/jedib0t/go-pretty/v6/table"
	prettytext "github.com/jedib0t/go-pretty/v6/text"
)

const (
	columnGap    = 2
	narrowColumn = 24
)

// table is a list for a person. The last column takes what room the terminal
// has left and wraps in it; elsewhere every row is one line, fit for grep.
type table struct {
	columns []string
	rows    [][]string
}

// add appends a row. Cells are shown as they are: text that comes from outside
// goes through [printable] first, paint is allowed.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) render(s screen) string {
	writer := prettytable.NewWriter()
	writer.SuppressTrailingSpaces()
	style := prettytable.StyleDefault
	style.Options = prettytable.Options{}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", strings.Repeat(" ", columnGap)
	writer.SetStyle(style)
	header := make(prettytable.Row, len(t.columns))
	for i, column := range t.columns {
		header[i] = s.bold(strings.ToUpper(column))
	}
	writer.AppendHeader(header)
	for _, cells := range t.rows {
		row := make(prettytable.Row, len(cells))
		for i, cell := range cells {
			row[i] = cell
		}
		writer.AppendRow(row)
	}
	if s.width > 0 {
		writer.SetColumnConfigs([]prettytable.ColumnConfig{{
			Number: len(t.columns), WidthMax: max(narrowColumn, s.width-t.widthBeforeLast()), WidthMaxEnforcer: prettytext.WrapSoft,
		}})
	}
	return writer.Render() + "\n"
}

func (t *table) widthBeforeLast() int {
	total := columnGap
	for column := range len(t.columns) - 1 {
		widest := len(t.columns[column])
		for _, row := range t.rows {
			widest = max(widest, prettytext.StringWidthWithoutEscSequences(row[column]))
		}
		total += widest + columnGap
	}
	return total
}

// fields shows one object: a label and a value on each line. Lines without a
// value are left out.
type fields struct{ lines [][2]string }

func (f *fields) add(label, value string) {
	if value != "" {
		f.lines = append(f.lines, [2]string{label, value})
	}
}

func (f *fields) render(s screen) string {
	widest := 0
	for _, line := range f.lines {
		widest = max(widest, len(line[0]))
	}
	indent := strings.Repeat(" ", widest+columnGap)
	var b strings.Builder
	for _, line := range f.lines {
		value := line[1]
		if s.width > 0 {
			value = strings.ReplaceAll(prettytext.WrapSoft(value, max(narrowColumn, s.width-len(indent))), "\n", "\n"+indent)
		}
		fmt.Fprintf(&b, "%s%s%s\n", s.faint(line[0]), indent[len(line[0]):], value)
	}
	return b.String()
}

// plural is "1 finding" or "3 findings".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// join shows a list of ids in one cell.
func join[T ~string](ids []T) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = printable(string(id))
	}
	return strings.Join(texts, ", ")
}
