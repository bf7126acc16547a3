package lateness_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const (
	// requestsAtOnce is how many people ask at the same time.
	requestsAtOnce = 16
	// requestsFor is for how long they ask.
	requestsFor = 10 * time.Second
)

// asked is one measurement of requests that come to their grant by themselves.
type asked struct {
	store    string
	replicas int
	waited   []time.Duration
	took     time.Duration
	load     string
}

func (a asked) cells() []string {
	at := func(share float64) string {
		return fmt.Sprintf("%.0f ms", float64(a.waited[min(int(share*float64(len(a.waited))), len(a.waited)-1)].Microseconds())/1000)
	}
	return []string{a.store, fmt.Sprint(a.replicas), fmt.Sprintf("%.0f", float64(len(a.waited))/a.took.Seconds()), at(0.5), at(0.99), at(1), a.load}
}

var askedHead = []string{"store", "servers", "requests/s", "p50", "p99", "max", "load"}

// request has people ask several servers on one database for a right in the real
// target, each for an account of their own, and wait until they hold it.
func request(t *testing.T, database, name string, replicas int) asked {
	t.Helper()
	target := newTarget(t)
	s := prepare(t, database, target, people)
	a := asked{store: name, replicas: replicas, load: loadAverage()}
	var servers []*server
	for range replicas {
		servers = append(servers, start(t, s))
	}
	var mu sync.Mutex
	var asking errgroup.Group
	began := time.Now()
	for i := range requestsAtOnce {
		asking.Go(func() error {
			for next := i; next < people && time.Since(began) < requestsFor; next += requestsAtOnce {
				c, err := client.New(client.Config{Endpoint: servers[next%replicas].url, Token: s.tokens[next]})
				if err != nil {
					return err
				}
				waited, err := untilHeld(t, c)
				if err != nil {
					return fmt.Errorf("%s asks: %w", person(next), err)
				}
				mu.Lock()
				a.waited = append(a.waited, waited)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := asking.Wait(); err != nil {
		t.Fatal(err)
	}
	a.took = time.Since(began)
	slices.Sort(a.waited)
	for _, server := range servers {
		server.stop(t)
	}
	t.Log(a.cells())
	return a
}

// untilHeld asks for the right and waits until it is held.
func untilHeld(t *testing.T, c *client.Client) (time.Duration, error) {
	began := time.Now()
	r, err := c.Request(t.Context(), api.RequestInput{Template: "measured"})
	if err != nil {
		return 0, err
	}
	if len(r.Grants) != 1 {
		return 0, fmt.Errorf("the request is %s", r.State)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		g, err := c.GetGrant(t.Context(), r.Grants[0])
		switch {
		case err != nil:
			return 0, err
		case g.State == governance.GrantActive:
			return time.Since(began), nil
		case time.Now().After(deadline) || !g.State.Live():
			return 0, fmt.Errorf("the grant is %s", g.State)
		}
	}
}
