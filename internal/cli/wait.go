package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// The pauses between two looks at a request that is waited for.
const (
	firstLook  = 100 * time.Millisecond
	slowedLook = 2 * time.Second
)

// watch looks again and again, at growing intervals, until a look says that it
// is over. Meanwhile a person reads what the last look said is going on.
func (a *app) watch(ctx context.Context, title string, look func(context.Context) (now string, over bool, err error)) error {
	p := a.startProgress(title, -1)
	defer p.finish()
	began, told := a.Now(), ""
	_, onTerminal := terminal(a.Err)
	for pause := firstLook; ; pause = min(2*pause, slowedLook) {
		now, over, err := a.lookOnce(ctx, look)
		if over || err != nil {
			return err
		}
		p.describe(now)
		if !onTerminal && now != told && a.Now().Sub(began) >= progressAfter {
			a.note("%s", now)
			told = now
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s: %w", title, ctx.Err())
		case <-timer.C:
		}
	}
}

func (a *app) lookOnce(ctx context.Context, look func(context.Context) (string, bool, error)) (string, bool, error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	return look(ctx)
}

// awaitAccess looks at a request until its grants are active, or it is clear
// that they will not be: that is outcome, while err is a look that failed.
func (a *app) awaitAccess(ctx context.Context, asked api.Request) (latest api.Request, outcome, err error) {
	c, err := a.connect()
	if err != nil {
		return asked, nil, err
	}
	err = a.watch(ctx, "waiting for request "+shortID(asked.ID), func(ctx context.Context) (string, bool, error) {
		if latest, err = c.GetRequest(ctx, asked.ID); err != nil {
			return "", false, err
		}
		grants, err := grantsOf(ctx, c, latest)
		if err != nil {
			return "", false, err
		}
		course := courseOf(latest, grants)
		outcome = course.outcome
		return course.now, course.over, nil
	})
	if err != nil {
		a.note("request %s goes on without you; `stint requests %s` shows it", asked.ID, shortID(asked.ID))
	}
	return latest, outcome, err
}

// awaitEnd looks at a grant until it is over.
func (a *app) awaitEnd(ctx context.Context, id governance.GrantID) (latest api.Grant, err error) {
	c, err := a.connect()
	if err != nil {
		return latest, err
	}
	err = a.watch(ctx, "waiting for the end of grant "+shortID(id), func(ctx context.Context) (string, bool, error) {
		if latest, err = c.GetGrant(ctx, id); err != nil {
			return "", false, err
		}
		now := fmt.Sprintf("grant %s is %s", shortID(id), latest.State)
		if latest.LastError != "" {
			now += fmt.Sprintf("; %s failed: %s", plural(latest.Attempts, "attempt"), printable(latest.LastError))
		}
		return now, !latest.State.Live(), nil
	})
	if err != nil {
		a.note("the end of grant %s goes on without you; `stint grants %s` shows it", id, shortID(id))
	}
	return latest, err
}

func grantsOf(ctx context.Context, c *client.Client, request api.Request) ([]api.Grant, error) {
	grants := make([]api.Grant, len(request.Grants))
	for i, id := range request.Grants {
		grant, err := c.GetGrant(ctx, id)
		if err != nil {
			return nil, err
		}
		grants[i] = grant
	}
	return grants, nil
}

// course is how far a request has come.
type course struct {
	over bool
	// outcome is nil where the access is there.
	outcome error
	// now says what is waited for while it is not over.
	now string
}

func courseOf(request api.Request, grants []api.Grant) course {
	switch request.State {
	case governance.RequestPending:
		if len(request.Stages) == 0 {
			return course{now: fmt.Sprintf("request %s is being decided", shortID(request.ID))}
		}
		return course{now: fmt.Sprintf("request %s waits for %s", shortID(request.ID), stageText(request.Request))}
	case governance.RequestGranted:
		return courseOfGrants(request, grants)
	case governance.RequestDenied, governance.RequestRejected, governance.RequestWithdrawn, governance.RequestLapsed, governance.RequestInvalidated:
	}
	return course{over: true, outcome: noAccess("request %s is %s", request.ID, request.State)}
}

func courseOfGrants(request api.Request, grants []api.Grant) course {
	active := 0
	waiting := fmt.Sprintf("request %s waits for the target", shortID(request.ID))
	for _, g := range grants {
		switch g.State {
		case governance.GrantActive:
			active++
		case governance.GrantScheduled, governance.GrantProvisioning:
			if request.NotBefore != nil && g.State == governance.GrantScheduled {
				waiting = fmt.Sprintf("request %s waits for its time at %s", shortID(request.ID), request.NotBefore.UTC().Format(time.RFC3339))
			}
			if g.LastError != "" {
				waiting = fmt.Sprintf("request %s: %s failed %s, tried again until %s: %s", shortID(request.ID), printable(string(g.Entitlement)),
					plural(g.Attempts, "time"), g.ActivateBy.UTC().Format(time.RFC3339), printable(g.LastError))
			}
		case governance.GrantRevoking, governance.GrantEnded, governance.GrantCancelled, governance.GrantProvisionFailed:
			return course{over: true, outcome: noAccess("grant %s of %s is %s%s", g.ID, printable(string(g.Entitlement)), g.State, because(g.EndReason))}
		}
	}
	if active == len(grants) {
		return course{over: true}
	}
	return course{now: waiting}
}

func because(reason governance.EndReason) string {
	if reason == "" {
		return ""
	}
	return " (" + string(reason) + ")"
}

func noAccess(format string, args ...any) error {
	return &exitError{code: ExitDenied, err: fmt.Errorf(format+"; there is no access", args...)}
}
