package api

import "time"

// Page is a part of a list. All pages of one list come from the same state:
// when it changes between two pages, the next one is refused with the code
// list_changed, never silently mixed. Count and Digest are those of the whole
// list.
type Page[T any] struct {
	Items      []T    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page"`
	Stamp
}

// Stamp says what state an answer was read from.
type Stamp struct {
	Count      int        `json:"count" doc:"Number of items in the whole list"`
	Digest     string     `json:"digest" doc:"sha256:<hex> over the canonical JSON of the whole list, last_seen left out"`
	ObservedAt time.Time  `json:"observed_at" doc:"When the oldest observation in the list began; the time of the read where nothing is observed"`
	Revision   int64      `json:"revision" doc:"Revision of the declared state that the list shows, at least"`
	Checkpoint Checkpoint `json:"checkpoint" doc:"Latest evidence checkpoint at the time of the read"`
}

// Checkpoint names a state of the evidence log.
type Checkpoint struct {
	Size int64  `json:"size" doc:"Number of records"`
	Root string `json:"root" doc:"Base64 of the Merkle root (RFC 6962)"`
}

// PageQuery is what every list takes.
type PageQuery struct {
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}
