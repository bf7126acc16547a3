package crash_test

import (
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// scenario is a course of things that one person does.
type scenario struct {
	name   string
	before func(w *world, p *person)
	drive  func(w *world, p *person) error
}

func scenarios() []scenario {
	return []scenario{
		// The first has all that is clockwork, and has it for certain.
		{name: "slow", drive: func(w *world, p *person) error {
			p.server.tell("stall")
			a := p.asking()
			a.allow(p.now())
			request, err := p.client().Request(p.ctx(), api.RequestInput{Template: "admin"})
			if err != nil {
				return err
			}
			if err := p.server.says(p, "stalled"); err != nil {
				return err
			}
			p.advance(3 * time.Second)
			if err := p.server.says(p, "commit-after RenewLease"); err != nil {
				return err
			}
			p.server.tell("proceed")
			return w.granted(p, a, request)
		}},
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
		{name: "preexisting", before: func(w *world, p *person) {
			w.change(`GRANT billing_admin TO ` + p.name)
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
		{name: "approved", drive: func(w *world, p *person) error {
			request, err := w.submit(p)
			if err != nil {
				return err
			}
			p.middle = append(p.middle, w.judgeNow(p)...)
			a := &p.asks[0]
			a.allow(p.now())
			if request, err = w.admin(p).Approve(p.ctx(), request.ID, ""); err != nil {
				return err
			}
			return w.granted(p, a, request)
		}},
		{name: "withdrawn", drive: func(w *world, p *person) error {
			request, err := w.submit(p)
			if err != nil {
				return err
			}
			_, err = p.client().Withdraw(p.ctx(), request.ID)
			return err
		}},
		{name: "extended", drive: func(w *world, p *person) error {
			id, err := w.ask(p, "")
			if err != nil {
				return err
			}
			a := &p.asks[0]
			a.until = a.until.Add(duration)
			if _, err := p.client().Extend(p.ctx(), id, api.ExtendInput{}); err != nil {
				return err
			}
			a.sure = a.sure.Add(duration)
			p.advance(duration + duration/2)
			if err := w.calm(p); err != nil {
				return err
			}
			p.middle = append(p.middle, w.judgeNow(p)...)
			return nil
		}},
		{name: "left", drive: func(w *world, p *person) error {
			id, err := w.ask(p, "")
			if err != nil {
				return err
			}
			return w.end(p, id, func() error {
				_, err := w.admin(p).SetStatus(p.ctx(), governance.IdentityID(p.name), governance.Left)
				return err
			})
		}},
		// A revocation without an answer is told of when it is overdue.
		{name: "overdue", drive: func(w *world, p *person) error {
			id, err := w.ask(p, "")
			if err != nil {
				return err
			}
			p.server.tell("stall")
			return w.end(p, id, func() error {
				if _, err := p.client().Return(p.ctx(), id, ""); err != nil {
					return err
				}
				if err := p.server.says(p, "stalled"); err != nil {
					return err
				}
				p.advance(2 * time.Minute)
				for _, told := range []string{"commit-after InsertFindingsDue#1 NoticeOverdue#1", "commit-after application.findings_changed"} {
					if err := p.server.says(p, told); err != nil {
						return err
					}
				}
				p.server.tell("proceed")
				return nil
			})
		}},
		{name: "refused", before: func(w *world, p *person) {
			w.change(`ALTER ROLE ` + p.name + ` NOLOGIN`) // it is an account no more
			p.missing = true
		}, drive: func(w *world, p *person) error {
			_, err := w.ask(p, "")
			return err
		}},
		{name: "made", before: newcomer, drive: func(w *world, p *person) error {
			id, err := w.ask(p, "")
			if err != nil {
				return err
			}
			p.middle = append(p.middle, w.judgeNow(p)...)
			if err := w.end(p, id, func() error { _, err := p.client().Return(p.ctx(), id, ""); return err }); err != nil {
				return err
			}
			return w.idle(p)
		}},
	}
}

// newcomer makes the person one who has no account.
func newcomer(w *world, p *person) {
	p.newcomer, p.name, p.token = true, named("n", p.slot), w.newcomers[p.slot]
}

// madeCovered is two grants in one account that was made, of which one ends. It tells
// a bug from none; what may be cut in it is cut in others.
func madeCovered() scenario {
	return scenario{name: "made_covered", before: newcomer, drive: func(w *world, p *person) error {
		first, err := w.ask(p, "")
		if err != nil {
			return err
		}
		if _, err := w.ask(p, ""); err != nil {
			return err
		}
		if err := w.end(p, first, func() error { _, err := p.client().Return(p.ctx(), first, ""); return err }); err != nil {
			return err
		}
		if err := w.quietly(p); err != nil {
			return err
		}
		p.middle = append(p.middle, w.judgeNow(p)...)
		return nil
	}}
}

// quietly waits until nothing is due, and lets no time pass.
func (w *world) quietly(p *person) error {
	db, err := p.state.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return wait(p, func() (bool, error) {
		var due int
		err := db.QueryRowContext(p.ctx(), `SELECT count(*) FROM operations WHERE done_at IS NULL AND next_at <= $1`, store.Micros(p.now())).Scan(&due)
		return due == 0, err
	})
}

// asking begins to ask for something.
func (p *person) asking() *asked {
	p.asks = append(p.asks, asked{})
	return &p.asks[len(p.asks)-1]
}

// ask requests the right and waits until it is given.
func (w *world) ask(p *person, event string) (governance.GrantID, error) {
	a := p.asking()
	a.allow(p.now())
	through := governance.TemplateID("admin")
	if p.newcomer {
		through = "newcomer"
	}
	request, err := p.client().Request(p.ctx(), api.RequestInput{Template: through, BusinessEvent: event})
	if err != nil {
		return "", err
	}
	err = w.granted(p, a, request)
	return a.grant, err
}

// submit requests the right where somebody has to agree.
func (w *world) submit(p *person) (api.Request, error) {
	p.asking()
	request, err := p.client().Request(p.ctx(), api.RequestInput{Template: "approved"})
	if err == nil && request.State != governance.RequestPending {
		err = fmt.Errorf("the request is %s", request.State)
	}
	return request, err
}

// granted waits until what a request was answered with is given.
func (w *world) granted(p *person, a *asked, request api.Request) error {
	if len(request.Grants) != 1 {
		return fmt.Errorf("the request is %s", request.State)
	}
	a.grant = request.Grants[0]
	return w.calm(p)
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
