package fault

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Wire is a network to a target.
type Wire struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// NewWire leads to an address until the test ends.
func NewWire(t testing.TB, target string) *Wire {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	w := &Wire{t: t, proxy: toxiproxy.NewProxy(server, "target", "127.0.0.1:0", target)}
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Stop)
	return w
}

// Port is where the wire begins, on loopback.
func (w *Wire) Port() int { return portOf(w.t, w.proxy.Listen) }

// Reset resets every connection as soon as something is said on it.
func (w *Wire) Reset() { w.add("reset_peer", "upstream", `{"timeout": 0}`) }

// Swallow takes every connection, and lets nothing through on any.
func (w *Wire) Swallow() { w.add("timeout", "upstream", `{"timeout": 0}`) }

// Delay delays every answer.
func (w *Wire) Delay(by time.Duration) {
	w.add("latency", "downstream", fmt.Sprintf(`{"latency": %d}`, by.Milliseconds()))
}

// Heal undoes all of it. What was swallowed is lost.
func (w *Wire) Heal() { w.proxy.Toxics.ResetToxics(context.Background()) }

func (w *Wire) add(kind, direction, attributes string) {
	w.t.Helper()
	toxic := fmt.Sprintf(`{"type": %q, "stream": %q, "attributes": %s}`, kind, direction, attributes)
	if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		w.t.Fatalf("%s: %v", kind, err)
	}
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
