package load

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// echo answers with the body that it was sent, to those with a token.
func echo(t *testing.T) (address string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	server.Config.ConnState = countNew(connections)
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), connections
}

func TestEveryQuestionIsAskedOnFewConnections(t *testing.T) {
	address, connections := echo(t)
	result, err := Run(t.Context(), Job{
		Address: address, Connections: 3, Time: time.Minute, Most: 300,
		Questions: []Question{Post(address, "/", "secret", []byte("yes"), []byte("yes")), Post(address, "/", "secret", []byte("no\n"), []byte("no"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Answers != 300 || result.P50 > result.P99 || result.P99 > result.Took {
		t.Errorf("%+v", result)
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func TestTheTimeIsABound(t *testing.T) {
	address, _ := echo(t)
	result, err := Run(t.Context(), Job{
		Address: address, Connections: 1, Time: 50 * time.Millisecond, Most: 1 << 40,
		Questions: []Question{Post(address, "/", "secret", []byte("yes"), []byte("yes"))},
	})
	if err != nil || result.Took < 50*time.Millisecond || result.Took > 10*time.Second {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestAWrongAnswerIsNoResult(t *testing.T) {
	address, _ := echo(t)
	for name, question := range map[string]Question{
		"another body":   Post(address, "/", "secret", []byte("yes"), []byte("no")),
		"another status": Post(address, "/", "", []byte("yes"), []byte("")),
	} {
		_, err := Run(t.Context(), Job{Address: address, Connections: 2, Time: time.Minute, Most: 10, Questions: []Question{question}})
		if err == nil || !strings.Contains(err.Error(), "answered with") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPercentilesCountAnswers(t *testing.T) {
	latencies := make([]time.Duration, 200)
	for i := range latencies {
		latencies[i] = time.Duration(200-i) * time.Millisecond
	}
	result, err := result(latencies, time.Second)
	if err != nil || result.P50 != 100*time.Millisecond || result.P99 != 198*time.Millisecond || result.PerSecond() != 200 {
		t.Errorf("%+v, %v", result, err)
	}
}

func countNew(connections *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
}
