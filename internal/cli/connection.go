package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

// connect makes a client of the server that flags and environment name. It
// does not call it yet.
func (a *app) connect() (*client.Client, error) {
	token, err := a.readToken()
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{
		Endpoint:   a.firstOf(a.global.addr, envAddr, defaultAddr),
		Token:      token,
		CACertFile: a.firstOf(a.global.caCert, envCACert, ""),
		UserAgent:  "stint/" + a.Version,
	})
	if err != nil {
		return nil, usageErrorf("%w", err)
	}
	return c, nil
}

// bounded gives one call to the server its time.
func (a *app) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := a.global.timeout.given.Std()
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// ask makes one call, or a few that belong together, within the time for a
// call. doing is what a person reads when it takes long.
func ask[T any](ctx context.Context, a *app, doing string, call func(context.Context, *client.Client) (T, error)) (T, error) {
	c, err := a.connect()
	if err != nil {
		var none T
		return none, err
	}
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	p := a.startProgress(doing, -1)
	defer p.finish()
	return call(ctx, c)
}

// whole is a complete list as machines read it.
type whole[T any] struct {
	Items []T `json:"items"`
	api.Stamp
}

func wholeOf[T any](listing client.Listing[T]) whole[T] {
	return whole[T]{Items: listing.Items, Stamp: listing.Stamp}
}

// explain is what a person reads about an error: the sentence, and a line for
// each thing that the server named as wrong.
func (a *app) explain(err error) string {
	lines := []string{printable(err.Error())}
	var several *severalError
	if errors.As(err, &several) {
		lines = []string{printable(several.head)}
		for _, one := range several.each {
			lines = append(lines, "  "+printable(one.Error()))
		}
	}
	var problem *api.Problem
	if errors.As(err, &problem) {
		for _, p := range problem.Errors {
			line := "  " + printable(p.Message)
			if p.Field != "" {
				line = "  " + printable(p.Field) + ": " + printable(p.Message)
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
