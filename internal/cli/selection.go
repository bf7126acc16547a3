package cli

import (
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

// selection is what the command line picked out of a complete list. The stamp
// is that of the complete list.
type selection[T any] struct {
	Items []T `json:"items"`
	// Selected is the number of Items; the stamp's count is that of all.
	Selected int `json:"selected"`
	api.Stamp
}

func selectionOf[T any](listing client.Listing[T], pick func(T) bool) selection[T] {
	picked := make([]T, 0, len(listing.Items))
	for _, item := range listing.Items {
		if pick(item) {
			picked = append(picked, item)
		}
	}
	return selection[T]{Items: picked, Selected: len(picked), Stamp: listing.Stamp}
}
