package metrics

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// scrapeTimeout bounds the reading of the database for one scrape.
const scrapeTimeout = 10 * time.Second

// standing collects what stands in the database.
type standing struct{ journal *journal.Journal }

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("stint_"+name, help, labels, nil)
}

var (
	openOperations    = gauge("operations", "Operations that are still to be done in targets.", "application", "kind")
	failingOperations = gauge("operations_failing", "Operations that were tried, failed, and wait for their next try.", "application", "kind")
	oldestOperation   = gauge("operation_oldest_seconds", "How long ago the oldest operation that is due was queued; 0 when none is due.", "application", "kind")
	overdueGrants     = gauge("revocations_overdue", "Revocations that take longer than the published bound.", "application")
	liveGrants        = gauge("grants", "Grants that count as held, by state.", "application", "state")
	discoveryAge      = gauge("discovery_age_seconds", "How long ago the last complete discovery that was believed began.", "application")
	discoveryFailed   = gauge("discovery_failed", "1 while the latest discovery failed.", "application")
	massChangeHeld    = gauge("mass_change_held", "1 while a discovery is held because too much was gone.", "application")
	retired           = gauge("application_retired", "1 when two people gave up on the application.", "application")
	openFindings      = gauge("findings", "Open findings, as they stood when they were last refreshed.", "application", "kind")
	waitingEvidence   = gauge("evidence_waiting_records", "Evidence records that have no place in the log yet.")
	evidenceLag       = gauge("evidence_lag_seconds", "Age of the oldest evidence record that has no place in the log yet; 0 when none waits.")
	clockTrusted      = gauge("clock_trusted", "1 while the clock is trusted; otherwise nothing is granted.")
	grantingStopped   = gauge("granting_stopped", "1 while nothing is granted for a reason: the clock, a restored backup that nobody has accepted, or the ledger of grants, which cannot be written.", "reason")
)

func (s *standing) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		openOperations, failingOperations, oldestOperation, overdueGrants, liveGrants, discoveryAge, discoveryFailed,
		massChangeHeld, retired, openFindings, waitingEvidence, evidenceLag, clockTrusted, grantingStopped,
	} {
		out <- d
	}
}

func (s *standing) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	var read []prometheus.Metric
	err := s.journal.Read(ctx, func(tx *journal.Tx) error {
		read = nil
		return s.read(ctx, tx, func(d *prometheus.Desc, value float64, labels ...string) {
			read = append(read, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...))
		})
	})
	if err != nil {
		out <- prometheus.NewInvalidMetric(openOperations, fmt.Errorf("read what is to be shown: %w", err))
		return
	}
	for _, metric := range read {
		out <- metric
	}
}

type shown func(d *prometheus.Desc, value float64, labels ...string)

func (s *standing) read(ctx context.Context, tx *journal.Tx, show shown) error {
	for _, part := range []func(context.Context, *journal.Tx, shown) error{operations, grants, applications, findings, evidence} {
		if err := part(ctx, tx, show); err != nil {
			return err
		}
	}
	show(clockTrusted, truth(tx.ClockTrouble() == nil))
	show(grantingStopped, truth(tx.ClockTrouble() != nil), "clock")
	show(grantingStopped, truth(!tx.RestoredAt.IsZero()), "restored")
	show(grantingStopped, truth(s.journal.LedgerTrouble() != nil), "ledger")
	return nil
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func operations(ctx context.Context, tx *journal.Tx, show shown) error {
	rows, err := tx.CountOpenOperations(ctx, store.Micros(tx.Now))
	for _, row := range rows {
		show(openOperations, float64(row.Open), row.ApplicationID, row.Kind)
		show(failingOperations, float64(row.Failing), row.ApplicationID, row.Kind)
		age := 0.0
		if row.Oldest != 0 {
			age = max(0, tx.Now.Sub(store.Time(row.Oldest)).Seconds())
		}
		show(oldestOperation, age, row.ApplicationID, row.Kind)
	}
	return err
}

func grants(ctx context.Context, tx *journal.Tx, show shown) error {
	rows, err := tx.CountLiveGrants(ctx, store.NullInt(store.Micros(tx.Now)))
	overdue := map[string]int64{}
	for _, row := range rows {
		show(liveGrants, float64(row.N), row.ApplicationID, row.State)
		overdue[row.ApplicationID] += row.Overdue
	}
	for id, n := range overdue {
		show(overdueGrants, float64(n), id)
	}
	return err
}

func applications(ctx context.Context, tx *journal.Tx, show shown) error {
	rows, err := tx.ListDiscoveries(ctx)
	for _, row := range rows {
		if row.ObservedAt.Valid {
			show(discoveryAge, max(0, tx.Now.Sub(store.Time(row.ObservedAt.Int64)).Seconds()), row.ApplicationID)
		}
		show(discoveryFailed, truth(row.Error != ""), row.ApplicationID)
		show(massChangeHeld, truth(row.Held != ""), row.ApplicationID)
		show(retired, truth(row.RetiredAt.Valid), row.ApplicationID)
	}
	return err
}

func findings(ctx context.Context, tx *journal.Tx, show shown) error {
	rows, err := tx.ListFindingKeys(ctx)
	if err != nil {
		return err
	}
	type group struct{ application, kind string }
	count := map[group]int{}
	for _, row := range rows {
		escaped, _, _ := strings.Cut(row.Key, "/")
		kind, err := url.PathUnescape(escaped)
		if err != nil {
			return fmt.Errorf("stored finding %s: %w", row.Key, err)
		}
		count[group{row.ApplicationID, kind}]++
	}
	for g, n := range count {
		show(openFindings, float64(n), g.application, g.kind)
	}
	return nil
}

func evidence(ctx context.Context, tx *journal.Tx, show shown) error {
	row, err := tx.CountWaitingEvidence(ctx)
	if err != nil {
		return err
	}
	lag := 0.0
	if row.Oldest != "" {
		id, err := uuid.Parse(row.Oldest)
		if err != nil {
			return fmt.Errorf("stored evidence %s: %w", row.Oldest, err)
		}
		lag = max(0, tx.Now.Sub(time.Unix(id.Time().UnixTime())).Seconds())
	}
	show(waitingEvidence, float64(row.Waiting))
	show(evidenceLag, lag)
	return nil
}
