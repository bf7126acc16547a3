package discovery

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// unreviewed are an application's grants that break-glass gave and whose review is
// overdue.
func unreviewed(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) ([]governance.Unreviewed, error) {
	rows, err := tx.ListUnreviewedGrants(ctx, string(id))
	if err != nil {
		return nil, fmt.Errorf("read what was not reviewed: %w", err)
	}
	var list []governance.Unreviewed
	for _, row := range rows {
		decoded, err := grants.List([]string{row.Body}, nil)
		if err != nil {
			return nil, err
		}
		var request governance.Request
		if err := json.Unmarshal([]byte(row.RequestBody), &request); err != nil {
			return nil, fmt.Errorf("stored request: %w", err)
		}
		list = append(list, governance.Unreviewed{Grant: decoded[0].Grant, Review: *request.Review})
	}
	return list, nil
}
