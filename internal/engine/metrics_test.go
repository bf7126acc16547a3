package engine_test

import (
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// measured is everything that is shown, by name and label values; a histogram
// shows how much it has counted.
func (h *harness) measured() map[string]float64 {
	h.t.Helper()
	families, err := h.engine.Metrics.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	shown := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			switch family.GetType() {
			case dto.MetricType_HISTOGRAM:
				shown[name] = float64(metric.GetHistogram().GetSampleCount())
				shown[name+" sum"] = metric.GetHistogram().GetSampleSum()
			case dto.MetricType_COUNTER:
				shown[name] = metric.GetCounter().GetValue()
			default:
				shown[name] = metric.GetGauge().GetValue()
			}
		}
	}
	return shown
}

func TestMetricsShowWhatIsDoneAndWhatIsNot(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id, _ := h.stuck()
		h.clock.Advance(governance.OverdueAfter)
		h.until("it is overdue", func() bool { return h.measured()["stint_revocations_overdue billing"] == 1 })
		shown := h.measured()
		for name, want := range map[string]float64{
			"stint_operations billing revoke": 1, "stint_operations_failing billing revoke": 1,
			"stint_grants billing revoking": 1, "stint_requests_total granted": 1, "stint_target_call_duration_seconds billing grant ok": 1,
			"stint_discovery_failed billing": 0, "stint_mass_change_held billing": 0, "stint_application_retired billing": 0, "stint_clock_trusted": 1,
			"stint_granting_stopped clock": 0, "stint_granting_stopped restored": 0, "stint_granting_stopped ledger": 0,
		} {
			if got, is := shown[name]; !is || got != want {
				t.Errorf("%s is %g (shown: %t), want %g", name, got, is, want)
			}
		}
		if shown["stint_target_call_duration_seconds billing revoke unavailable"] < 1 {
			t.Errorf("calls that failed are not counted: %v", shown)
		}
		for _, name := range []string{"stint_operation_oldest_seconds billing revoke", "stint_discovery_age_seconds billing"} {
			if shown[name] < governance.OverdueAfter.Seconds() {
				t.Errorf("%s is %g", name, shown[name])
			}
		}
		h.until("the target is shown as away", func() bool { return h.measured()["stint_target_unreachable billing"] == 1 })
		if _, counted := shown["stint_revocation_lateness_seconds billing"]; counted {
			t.Error("what was not observed is measured")
		}
		h.until("its finding is counted", func() bool { return h.measured()["stint_findings billing revoke_overdue"] == 1 })
		h.clock.Advance(time.Hour)
		h.restart()
		h.ended(id, governance.EndRevokedBy, governance.OutcomeRemoved)
		shown = h.measured()
		if shown["stint_revocation_lateness_seconds billing"] != 1 || shown["stint_revocation_lateness_seconds billing sum"] < time.Hour.Seconds() {
			t.Errorf("lateness: %g counted, %g seconds", shown["stint_revocation_lateness_seconds billing"], shown["stint_revocation_lateness_seconds billing sum"])
		}
		if _, left := shown["stint_revocations_overdue billing"]; left && shown["stint_revocations_overdue billing"] != 0 {
			t.Error("it is overdue still")
		}
		if shown["stint_target_unreachable billing"] != 0 {
			t.Error("the target is back and shown as away")
		}
		h.verifyEvidence()
		if shown := h.measured(); shown["stint_evidence_waiting_records"] != 0 || shown["stint_evidence_lag_seconds"] != 0 {
			t.Errorf("evidence waits: %g records, %gs", shown["stint_evidence_waiting_records"], shown["stint_evidence_lag_seconds"])
		}
	})
}

func TestMetricsAreWholeOrAnError(t *testing.T) {
	h := newHarness(t, t.TempDir()+"/stint.db")
	h.stop()
	if _, err := h.engine.Metrics.Gather(); err == nil || !strings.Contains(err.Error(), "read what is to be shown") {
		t.Errorf("without a database: %v", err)
	}
}
