package crash_test

import (
	"context"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

// person is who a case is about, with a copy of the state and a server on it.
type person struct {
	name, token string
	slot        int
	state       state
	server      *server
	// others are servers on the same state, that are frozen.
	others []*server
	shift  time.Duration
	// patience is how long the server may take to bring something about.
	patience time.Duration
	// stood: the right stood before; missing: the target refuses the account.
	stood, missing bool
	// newcomer: who has no account before Stint makes one.
	newcomer bool
	asks     []asked
	// middle is what was found broken while the scenario ran.
	middle []string
}

// start starts a server on the person's state, at the person's time.
func (p *person) start(t *testing.T, settings ...string) {
	t.Helper()
	p.server = start(t, p.state, p.shift, settings...)
}

func (p *person) now() time.Time       { return time.Now().Add(p.shift) }
func (p *person) ctx() context.Context { return p.server.alive }

func (p *person) advance(d time.Duration) {
	p.shift += d
	for _, s := range append(p.others, p.server) {
		s.tell("advance " + d.String())
	}
}

func (p *person) client() *client.Client        { return p.server.connect(p.token) }
func (w *world) admin(p *person) *client.Client { return p.server.connect(w.token) }
