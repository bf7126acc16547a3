package grant

import (
	"context"
	"errors"
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Open are the grants that one provider process has taken and not given back.
//
// Terraform ends a run that failed without closing what it opened; the process
// then hears of it only by being told to end. It is safe for concurrent use.
type Open struct {
	mu     sync.Mutex
	grants map[governance.GrantID]*client.Client
}

func (o *Open) add(c *client.Client, ids []governance.GrantID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grants == nil {
		o.grants = map[governance.GrantID]*client.Client{}
	}
	for _, id := range ids {
		o.grants[id] = c
	}
}

func (o *Open) drop(ids []governance.GrantID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		delete(o.grants, id)
	}
}

// Return gives back every grant that is still open, and does not wait for the
// targets: the server goes on by itself.
func (o *Open) Return(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for id, c := range o.grants {
		_, err := c.Return(ctx, id, "the Terraform run is over without having closed it")
		errs = append(errs, err)
	}
	o.grants = nil
	return errors.Join(errs...)
}
