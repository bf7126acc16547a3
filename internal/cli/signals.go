package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilToldToEnd is a context that ends with the first interrupt or SIGTERM, or
// when stop is called. Once it has ended, a signal ends the process at once.
func UntilToldToEnd(ctx context.Context) (told context.Context, stop context.CancelFunc) {
	told, end := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop = func() {
		// Before the context ends: whoever sees that it has may send the second.
		signal.Stop(signals)
		end()
	}
	go func() {
		defer stop()
		select {
		case <-signals:
		case <-told.Done():
		}
	}()
	return told, stop
}
