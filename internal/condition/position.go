package condition

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// Pos is a place in a source text. Line and Column count from 1, Column in
// characters as a reader sees them; Byte counts from 0.
type Pos struct {
	Line, Column, Byte int
}

// Range is a stretch of a source text; End is the place just behind it.
type Range struct {
	Start, End Pos
}

// String is the start as "line:column".
func (r Range) String() string { return fmt.Sprintf("%d:%d", r.Start.Line, r.Start.Column) }

// in cuts the range out of the source it belongs to.
func (r Range) in(src string) string {
	start := min(max(r.Start.Byte, 0), len(src))
	end := min(max(r.End.Byte, start), len(src))
	return src[start:end]
}

func (r Range) to(last Range) Range { return Range{Start: r.Start, End: last.End} }

func fromHCL(r hcl.Range) Range {
	return Range{
		Start: Pos{Line: r.Start.Line, Column: r.Start.Column, Byte: r.Start.Byte},
		End:   Pos{Line: r.End.Line, Column: r.End.Column, Byte: r.End.Byte},
	}
}
