// Package metrics counts what the engine does and shows what it has to do, for
// Prometheus.
//
// What stands in the database is read when it is asked for, whole or with an
// error, and is the same from every process on it; what is counted is what this
// process did since it was started.
package metrics

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Metrics are one engine's. They are safe for concurrent use.
type Metrics struct {
	// Gatherer hands out everything.
	prometheus.Gatherer

	clock    clock.Clock
	lateness *prometheus.HistogramVec
	calls    *prometheus.HistogramVec
	requests *prometheus.CounterVec
	away     *prometheus.GaugeVec
	info     prometheus.Gauge
}

// secondsUntilADay are buckets for what takes milliseconds when all is well and
// days when a target is away.
var secondsUntilADay = []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400}

// New makes the metrics of an engine that works on a journal.
func New(j *journal.Journal, c clock.Clock, version string) *Metrics {
	registry := prometheus.NewPedanticRegistry()
	m := &Metrics{
		Gatherer: registry, clock: c,
		lateness: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stint_revocation_lateness_seconds", Buckets: secondsUntilADay,
			Help: "Time from when a grant's end was due until the target was read without the right.",
		}, []string{"application"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stint_target_call_duration_seconds", Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
			Help: "Duration of calls to targets, by call (grant, revoke, read, discover) and result.",
		}, []string{"application", "call", "result"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stint_requests_total",
			Help: "Requests that came to a state; one that is approved is counted as pending first.",
		}, []string{"state"}),
		away: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "stint_target_unreachable",
			Help: "1 while this process does not reach the target and only probes it.",
		}, []string{"application"}),
		info: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "stint_build_info", Help: "The program that runs; always 1.",
			ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
		}),
	}
	m.info.Set(1)
	registry.MustRegister(m.lateness, m.calls, m.requests, m.away, m.info, &standing{journal: j},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	j.Notify(m.note)
	return m
}

// note counts a change that was committed.
func (m *Metrics) note(c journal.Change) {
	if c.Subject.Type == "request" {
		if state, ok := stateOf(c.Kind); ok {
			m.requests.WithLabelValues(string(state)).Inc()
		}
		return
	}
	if c.Kind != "grant.ended" || !taken(c.Data["outcome"]) {
		return
	}
	late, measured := c.Data["late_us"].(int64)
	account, known := c.Data["account"].(governance.AccountID)
	if !measured || !known {
		return
	}
	if application, _, err := account.Split(); err == nil {
		m.lateness.WithLabelValues(string(application)).Observe((time.Duration(late) * time.Microsecond).Seconds())
	}
}

// stateOf is the state that a request came to by what evidence tells of it; not ok
// when it is in the same as before. What comes by break-glass is granted.
func stateOf(kind string) (state governance.RequestState, ok bool) {
	word, ok := strings.CutPrefix(kind, "request.")
	if word == "break_glass" {
		return governance.RequestGranted, ok
	}
	state = governance.RequestState(word)
	return state, ok && slices.Contains(governance.RequestStates(), state)
}

// taken reports whether a right was to be taken away at the end of a grant: where
// another grant holds it, where it stood before and where people gave up there is
// nothing that could be late.
func taken(outcome any) bool {
	switch outcome {
	case governance.OutcomeAbandoned, governance.OutcomeCovered, governance.OutcomePreexisting:
		return false
	}
	return true
}

// Reached notes whether an application's target is reached.
func (m *Metrics) Reached(id governance.ApplicationID, reached bool) {
	m.away.WithLabelValues(string(id)).Set(truth(!reached))
}

// Forget takes out what is told of an application's target.
func (m *Metrics) Forget(id governance.ApplicationID) {
	m.away.DeleteLabelValues(string(id))
}

// Around measures the calls of an application's connector.
func (m *Metrics) Around(id governance.ApplicationID, c connector.Connector) connector.Connector {
	return &measured{Connector: c, application: string(id), metrics: m}
}

type measured struct {
	connector.Connector
	application string
	metrics     *Metrics
}

func (m *measured) begin(call string) (end func(error)) {
	began := m.metrics.clock.Now()
	return func(err error) {
		m.metrics.calls.WithLabelValues(m.application, call, resultOf(err)).Observe(m.metrics.clock.Now().Sub(began).Seconds())
	}
}

// resultOf is how a call came out, in one word.
func resultOf(err error) string {
	for _, known := range []struct {
		err  error
		word string
	}{
		{nil, "ok"}, {connector.ErrUnavailable, "unavailable"}, {connector.ErrPermission, "permission_denied"},
		{connector.ErrAccountNotFound, "account_not_found"}, {connector.ErrAccountTaken, "account_taken"}, {connector.ErrEntitlementNotFound, "entitlement_not_found"},
		{connector.ErrUnsupported, "unsupported"},
	} {
		if errors.Is(err, known.err) {
			return known.word
		}
	}
	return "indeterminate"
}

func (m *measured) Discover(ctx context.Context) (inventory *connector.Inventory, err error) {
	end := m.begin("discover")
	defer func() { end(err) }()
	return m.Connector.Discover(ctx)
}

func (m *measured) Grant(ctx context.Context, change connector.Change) (result connector.Result, err error) {
	end := m.begin("grant")
	defer func() { end(err) }()
	return m.Connector.Grant(ctx, change)
}

func (m *measured) Revoke(ctx context.Context, change connector.Change) (result connector.Result, err error) {
	end := m.begin("revoke")
	defer func() { end(err) }()
	return m.Connector.Revoke(ctx, change)
}

// RevokeTogether passes on that the connector revokes together, if it does. It counts
// as one call.
func (m *measured) RevokeTogether(ctx context.Context, changes []connector.Change) (revoked []connector.Revocation, err error) {
	end := m.begin("revoke")
	defer func() { end(err) }()
	return connector.RevokeTogether(ctx, m.Connector, changes)
}

// ReadChange passes on that the connector goes by UIDs, if it does.
func (m *measured) ReadChange(ctx context.Context, change connector.Change) (reading connector.Reading, err error) {
	end := m.begin("read")
	defer func() { end(err) }()
	return connector.Read(ctx, m.Connector, change)
}

// CheckAccountName, MakeAccount, RemoveAccount and ReadAccount pass on that the
// connector makes accounts; its capabilities tell whether it does.
func (m *measured) CheckAccountName(name string) error {
	return m.Connector.(connector.AccountMaker).CheckAccountName(name)
}

func (m *measured) MakeAccount(ctx context.Context, account connector.MadeAccount) (result connector.MadeResult, err error) {
	end := m.begin("make_account")
	defer func() { end(err) }()
	return m.Connector.(connector.AccountMaker).MakeAccount(ctx, account)
}

func (m *measured) RemoveAccount(ctx context.Context, account connector.MadeAccount) (result connector.RemovedResult, err error) {
	end := m.begin("remove_account")
	defer func() { end(err) }()
	return m.Connector.(connector.AccountMaker).RemoveAccount(ctx, account)
}

func (m *measured) ReadAccount(ctx context.Context, account connector.MadeAccount) (reading connector.MadeReading, err error) {
	end := m.begin("read_account")
	defer func() { end(err) }()
	return m.Connector.(connector.AccountMaker).ReadAccount(ctx, account)
}

func (m *measured) Read(ctx context.Context, account string, entitlement connector.Entitlement) (reading connector.Reading, err error) {
	end := m.begin("read")
	defer func() { end(err) }()
	return m.Connector.Read(ctx, account, entitlement)
}
