package metrics

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	records "github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// The table in the guide tells every metric, with its labels and in its words.
func TestGuideTellsEveryMetric(t *testing.T) {
	text, err := os.ReadFile("../../../templates/guides/operations-worker.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(stint_[a-z_]+)` \\| (gauge|counter|histogram) \\| ([a-z, ]*) ?\\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		told[row[1]] = strings.TrimSpace(row[3]) + ": " + row[4]
	}
	m := New(&journal.Journal{}, clock.System{}, "test")
	described := make(chan *prometheus.Desc, 100)
	for _, collector := range []prometheus.Collector{m.lateness, m.calls, m.requests, m.away, m.info, &standing{}} {
		collector.Describe(described)
	}
	close(described)
	are := map[string]string{}
	form := regexp.MustCompile(`fqName: "([^"]+)", help: "(.*)", unit: "[^"]*", constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}`)
	for d := range described {
		match := form.FindStringSubmatch(d.String())
		if match == nil {
			t.Fatalf("a metric is described as %s", d)
		}
		labels := match[4]
		if match[3] != "" {
			labels = regexp.MustCompile(`="[^"]*"`).ReplaceAllString(match[3], "")
		}
		are[match[1]] = strings.Join(strings.Split(labels, ","), ", ") + ": " + match[2]
	}
	if diff := cmp.Diff(are, told); diff != "" {
		t.Errorf("metrics and guide differ (-metrics +guide):\n%s", diff)
	}
	for _, name := range slices.Sorted(maps.Keys(are)) {
		if !regexp.MustCompile(`^stint_[a-z]+(_[a-z]+)*$`).MatchString(name) {
			t.Errorf("%s is no name of Prometheus' customs", name)
		}
	}
}

func TestResultsOfCallsAreWords(t *testing.T) {
	for want, err := range map[string]error{
		"ok": nil, "unavailable": fmt.Errorf("x: %w", connector.ErrUnavailable), "permission_denied": connector.ErrPermission,
		"account_not_found": connector.ErrAccountNotFound, "entitlement_not_found": connector.ErrEntitlementNotFound,
		"unsupported": connector.ErrUnsupported, "indeterminate": errors.New("whatever"),
	} {
		if got := resultOf(err); got != want {
			t.Errorf("%v is called %s", err, got)
		}
	}
}

func TestOnlyWhatIsTakenIsMeasuredAndOnlyStatesAreCounted(t *testing.T) {
	m := New(&journal.Journal{}, clock.System{}, "test")
	for _, outcome := range []governance.Outcome{governance.OutcomeRemoved, governance.OutcomeRemovedElsewhere, governance.OutcomeCovered, governance.OutcomePreexisting, governance.OutcomeAbandoned} {
		m.note(journal.Change{Kind: "grant.ended", Subject: records.Subject{Type: "grant"}, Data: records.Fields{
			"outcome": outcome, "late_us": int64(1), "account": governance.NewAccountID("billing", string(outcome)),
		}})
	}
	for _, kind := range []string{"request.pending", "request.escalated", "request.granted", "request.break_glass", "request.review_overdue", "request.reviewed"} {
		m.note(journal.Change{Kind: kind, Subject: records.Subject{Type: "request"}, Data: records.Fields{}})
	}
	got := map[string]float64{}
	for _, collector := range []prometheus.Collector{m.lateness, m.requests} {
		metrics := make(chan prometheus.Metric, 100)
		collector.Collect(metrics)
		close(metrics)
		for metric := range metrics {
			var d dto.Metric
			if err := metric.Write(&d); err != nil {
				t.Fatal(err)
			}
			got[d.GetLabel()[0].GetValue()] = d.GetCounter().GetValue() + float64(d.GetHistogram().GetSampleCount())
		}
	}
	if want := map[string]float64{"billing": 2, "pending": 1, "granted": 2}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
