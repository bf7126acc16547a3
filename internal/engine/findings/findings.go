// Package findings writes and reads findings. One that is seen again keeps its id
// and when it was first seen.
package findings

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Replace puts what was found in the place of the rows that were known, with
// evidence of what has come and gone. When it was last seen is the caller's to say.
func Replace(ctx context.Context, tx *journal.Tx, subject evidence.Subject, rows []sqlc.Finding, found []governance.Finding) error {
	difference, err := Compare(tx, rows, found)
	if err != nil {
		return err
	}
	return difference.Write(ctx, tx, subject)
}

// Difference is between the findings that were known and those that were found.
type Difference struct {
	put              []sqlc.PutFindingParams
	gone             []string
	opened, resolved []evidence.Fields
}

// Compare is what [Replace] would write.
func Compare(tx *journal.Tx, rows []sqlc.Finding, found []governance.Finding) (Difference, error) {
	var d Difference
	known := make(map[string]sqlc.Finding, len(rows))
	for _, row := range rows {
		known[row.Key] = row
	}
	for _, finding := range found {
		key := finding.Key()
		row, was := known[key]
		if was {
			old, err := Decode(row)
			if err != nil {
				return d, err
			}
			finding.ID, finding.FirstSeen = old.ID, old.FirstSeen
			delete(known, key)
		} else {
			finding.ID, finding.FirstSeen = governance.FindingID(tx.NewID()), tx.Now
			d.opened = append(d.opened, fields(finding))
		}
		body, err := json.Marshal(finding)
		if err != nil {
			return d, fmt.Errorf("encode finding %s: %w", key, err)
		}
		if !was || row.Body != string(body) {
			d.put = append(d.put, sqlc.PutFindingParams{Key: key, ApplicationID: string(finding.Application), Body: string(body)})
		}
	}
	for key, row := range known {
		old, err := Decode(row)
		if err != nil {
			return d, err
		}
		d.resolved = append(d.resolved, fields(old))
		d.gone = append(d.gone, key)
	}
	return d, nil
}

// Write writes the difference, with evidence of it.
func (d Difference) Write(ctx context.Context, tx *journal.Tx, subject evidence.Subject) error {
	for _, put := range d.put {
		if err := tx.PutFinding(ctx, put); err != nil {
			return fmt.Errorf("write finding %s: %w", put.Key, err)
		}
	}
	for _, key := range d.gone {
		if err := tx.DeleteFinding(ctx, key); err != nil {
			return fmt.Errorf("take away finding %s: %w", key, err)
		}
	}
	if len(d.opened)+len(d.resolved) == 0 {
		return nil
	}
	return tx.Record(subject.Type+".findings_changed", subject.Type, subject.ID, evidence.Fields{"opened": d.opened, "resolved": d.resolved})
}

func fields(f governance.Finding) evidence.Fields {
	fields := evidence.Fields{"id": f.ID, "kind": f.Kind, "severity": f.Severity}
	for name, value := range map[string]string{"account": string(f.Account), "entitlement": string(f.Entitlement), "grant": string(f.Grant)} {
		if value != "" {
			fields[name] = value
		}
	}
	return fields
}

// Decode reads a stored finding.
func Decode(row sqlc.Finding) (governance.Finding, error) {
	var f governance.Finding
	if err := json.Unmarshal([]byte(row.Body), &f); err != nil {
		return f, fmt.Errorf("stored finding %s: %w", row.Key, err)
	}
	return f, nil
}
