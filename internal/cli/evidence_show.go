package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

const shownRecords = 50

type showFlags struct {
	kind, subject, bundle string
	limit                 int
}

func (a *app) evidenceShowCommand() *cobra.Command {
	var flags showFlags
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Read the records, latest last",
		Long: `Read the records, latest last. Private texts are shown where their disclosure is
there, and as withheld where it was erased. Reading does not verify: that is
` + "`stint evidence verify`.",
		Example: "  stint evidence show --kind grant --subject 5f6e7d8c9b0a",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.limit < 0 {
				return usageErrorf("--limit %d is negative; 0 shows all", flags.limit)
			}
			return a.showEvidence(cmd.Context(), flags)
		},
	}
	cmd.Flags().StringVar(&flags.kind, "kind", "", "only records of this kind (grant.activated) or about this kind of object (grant)")
	cmd.Flags().StringVar(&flags.subject, "subject", "", "only records about this id, or one that begins or ends with it")
	cmd.Flags().IntVar(&flags.limit, "limit", shownRecords, "show at most this many of the latest; 0 shows all")
	cmd.Flags().StringVar(&flags.bundle, "bundle", "", "read this export instead of a server; works offline")
	return cmd
}

func (a *app) showEvidence(ctx context.Context, flags showFlags) error {
	log, err := a.openLog(ctx, flags.bundle)
	if err != nil {
		return err
	}
	defer func() { _ = log.close() }()
	from := int64(0)
	if flags.kind == "" && flags.subject == "" && flags.limit > 0 {
		from = max(0, log.size-int64(flags.limit))
	}
	shown, err := latestRecords(ctx, log, from, flags.limit, func(r evidence.Record) bool {
		return isOfKind(r, flags.kind) && isAbout(r, flags.subject)
	})
	if err != nil {
		return err
	}
	return a.print(shownLog{Source: log.source, Records: shown}, func() string { return a.renderRecords(shown) })
}

type shownLog struct {
	Source  string        `json:"source"`
	Records []shownRecord `json:"records"`
}

// shownRecord is a record as machines read it, with its place in the log.
type shownRecord struct {
	Index    int64           `json:"index"`
	ID       string          `json:"id"`
	Time     time.Time       `json:"time"`
	Kind     string          `json:"kind"`
	Actor    string          `json:"actor"`
	Subject  shownSubject    `json:"subject"`
	Revision int64           `json:"revision"`
	Data     evidence.Fields `json:"data"`
}

type shownSubject struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// latestRecords reads the log from an index on and keeps the last limit that
// are picked.
func latestRecords(ctx context.Context, log *evidenceLog, from int64, limit int, pick func(evidence.Record) bool) ([]shownRecord, error) {
	shown := []shownRecord{}
	index := from
	for entry, err := range log.entries(ctx, from) {
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", log.source, err)
		}
		record, err := evidence.Reveal(entry)
		if err != nil {
			return nil, &exitError{code: ExitUnverified, err: fmt.Errorf("record %d of %s cannot be read: %w; run `stint evidence verify`", index, log.source, err)}
		}
		if pick(record) {
			shown = append(shown, shownRecord{
				Index: index, ID: record.ID, Time: record.Time, Kind: record.Kind, Actor: record.Actor,
				Subject: shownSubject(record.Subject), Revision: record.Revision, Data: record.Data,
			})
		}
		if limit > 0 && len(shown) > 2*limit {
			shown = slices.Delete(shown, 0, len(shown)-limit)
		}
		index++
	}
	if limit > 0 && len(shown) > limit {
		shown = shown[len(shown)-limit:]
	}
	return shown, nil
}

func isOfKind(r evidence.Record, kind string) bool {
	return kind == "" || r.Kind == kind || strings.HasPrefix(r.Kind, kind+".")
}

func isAbout(r evidence.Record, id string) bool {
	return id == "" || strings.HasPrefix(r.Subject.ID, id) || strings.HasSuffix(r.Subject.ID, id)
}

func (a *app) renderRecords(records []shownRecord) string {
	if len(records) == 0 {
		return "No records.\n"
	}
	t := table{columns: []string{"index", "time", "kind", "actor", "subject", "data"}}
	for _, r := range records {
		t.add(strconv.FormatInt(r.Index, 10), r.Time.In(a.Zone).Format("2006-01-02 15:04:05"), printable(r.Kind), printable(r.Actor),
			printable(r.Subject.Type)+" "+shortID(r.Subject.ID), dataText(r.Data))
	}
	return t.render(a.screen())
}

// dataText puts a record's data on one line.
func dataText(data evidence.Fields) string {
	parts := make([]string, 0, len(data))
	for _, name := range slices.Sorted(maps.Keys(data)) {
		parts = append(parts, printable(name)+"="+valueText(data[name]))
	}
	return strings.Join(parts, " ")
}

func valueText(value any) string {
	switch v := value.(type) {
	case evidence.Commitment:
		return v.String()
	case evidence.Private:
		return quoteSpaced(string(v))
	case string:
		return quoteSpaced(v)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return printable(string(text))
}

func quoteSpaced(text string) string {
	if text == "" || strings.ContainsAny(text, " \t\n\"") {
		return fmt.Sprintf("%q", text)
	}
	return printable(text)
}
