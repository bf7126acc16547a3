package server

import (
	"context"
	"net/http"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
)

type (
	checkpointOutput struct{ Body api.EvidenceCheckpoint }
	recordsOutput    struct{ Body api.EvidenceRecords }
	recordsQuery     struct {
		From  int64 `query:"from" minimum:"0" doc:"Index of the first record"`
		Limit int   `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
	}
)

// addEvidence registers the evidence log.
func (s *Server) addEvidence(r *router) {
	add(r, operation{id: "evidence-checkpoint", method: http.MethodGet, path: "/v1/evidence/checkpoint", tag: "evidence", summary: "The latest signed checkpoint"},
		func(ctx context.Context, _ caller, _ *struct{}) (*checkpointOutput, error) {
			note, _, key, err := s.engine.Journal.Checkpoint(ctx)
			if err != nil {
				return nil, err
			}
			return &checkpointOutput{Body: api.EvidenceCheckpoint{Note: string(note), Key: key}}, nil
		})
	add(r, operation{id: "list-evidence-records", method: http.MethodGet, path: "/v1/evidence/records", tag: "evidence", summary: "A run of records, by index"},
		func(ctx context.Context, _ caller, query *recordsQuery) (*recordsOutput, error) {
			records, err := s.engine.Journal.Records(ctx, query.From, query.Limit)
			if err != nil {
				return nil, err
			}
			return &recordsOutput{Body: api.EvidenceRecords{Records: convertAll(records, toRecord)}}, nil
		})
}

func toRecord(r journal.Record) api.EvidenceRecord {
	return api.EvidenceRecord{Index: r.Index, Leaf: r.Leaf, Disclosures: string(r.Disclosures)}
}
