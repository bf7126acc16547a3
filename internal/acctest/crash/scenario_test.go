package crash_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// scenario is a course of things that one person does.
type scenario struct {
	name   string
	before func(w *world, t *testing.T, p *person)
	drive  func(w *world, p *person) error
}

func scenarios() []scenario {
	return []scenario{
		{name: "expire", drive: func(w *world, p *person) error {
			if _, err := w.ask(p, ""); err != nil {
				return err
			}
			p.advance(time.Hour)
			return w.calm(p)
		}},
		{name: "return", drive: func(w *world, p *person) error {
			id, err := w.ask(p, "")
			if err != nil {
				return err
			}
			if err := w.end(p, id, func() error { _, err := p.client().Return(p.ctx(), id, ""); return err }); err != nil {
				return err
			}
			p.advance(time.Minute) // the second read
			return w.idle(p)
		}},
		{name: "covered", drive: func(w *world, p *person) error {
			first, err := w.ask(p, "")
			if err != nil {
				return err
			}
			if _, err := w.ask(p, ""); err != nil {
				return err
			}
			if err := w.end(p, first, func() error { _, err := w.admin(p).Revoke(p.ctx(), first, ""); return err }); err != nil {
				return err
			}
			p.middle = append(p.middle, w.judgeNow(p)...)
			return nil
		}},
		{name: "preexisting", before: func(w *world, t *testing.T, p *person) {
			w.target.Exec(t, "postgres", fmt.Sprintf(`GRANT billing_admin TO %s`, p.name))
			p.stood = true
		}, drive: func(w *world, p *person) error {
			id, err := w.ask(p, "")
			if err != nil {
				return err
			}
			return w.end(p, id, func() error { _, err := p.client().Return(p.ctx(), id, ""); return err })
		}},
		{name: "event", drive: func(w *world, p *person) error {
			event, err := w.admin(p).OpenEvent(p.ctx(), governance.BusinessEvent{Name: "INC-" + p.name, Kind: governance.Incident, EndsAt: p.now().Add(5 * time.Hour)})
			if err != nil {
				return err
			}
			id, err := w.ask(p, event.ID)
			if err != nil {
				return err
			}
			return w.end(p, id, func() error { _, err := w.admin(p).CloseEvent(p.ctx(), event.ID); return err })
		}},
	}
}

// ask requests the right and waits until it is given.
func (w *world) ask(p *person, event string) (governance.GrantID, error) {
	p.asks = append(p.asks, asked{at: p.now()})
	a := &p.asks[len(p.asks)-1]
	request, err := p.client().Request(p.ctx(), api.RequestInput{Template: "admin", BusinessEvent: event})
	if err != nil {
		return "", err
	}
	if len(request.Grants) != 1 {
		return "", fmt.Errorf("the request is %s", request.State)
	}
	a.grant = request.Grants[0]
	return a.grant, w.calm(p)
}

// end ends a grant and waits until it is over.
func (w *world) end(p *person, id governance.GrantID, by func() error) error {
	for i := range p.asks {
		if p.asks[i].grant == id {
			p.asks[i].mayBeOver = true
		}
	}
	if err := by(); err != nil {
		return err
	}
	for i := range p.asks {
		if p.asks[i].grant == id {
			p.asks[i].over = true
		}
	}
	return w.calm(p)
}
