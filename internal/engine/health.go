package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
)

// Part is something that a server's work depends on.
type Part string

// The parts.
const (
	PartWorkers  Part = "workers"
	PartDatabase Part = "database"
	PartSchema   Part = "schema"
	PartClock    Part = "clock"
	PartEvidence Part = "evidence"
	PartLedger   Part = "ledger"
	PartState    Part = "state"
)

// Condition is how a part is.
type Condition struct {
	Part Part
	// Trouble is what is wrong with it, in words that show no secret and no
	// address; empty when nothing is.
	Trouble string
	// Vital: nothing works without it, so that requests belong elsewhere. A
	// server with any other trouble still takes rights back when it is asked.
	Vital bool
	// Err is the cause, for the log.
	Err error
}

// Health is how the parts of an engine are.
type Health []Condition

// Ready reports whether the engine can do what it is asked for.
func (h Health) Ready() bool {
	for _, c := range h {
		if c.Vital && c.Trouble != "" {
			return false
		}
	}
	return true
}

// healthTimeout bounds how long the database may take to be healthy.
const healthTimeout = 3 * time.Second

// Health looks at every part.
func (e *Engine) Health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	parts := map[Part]*Condition{}
	health := Health{
		{Part: PartWorkers, Vital: true, Trouble: e.workersTrouble()},
		{Part: PartDatabase, Vital: true}, {Part: PartSchema, Vital: true},
		{Part: PartClock}, {Part: PartEvidence}, {Part: PartLedger}, {Part: PartState},
	}
	for i := range health {
		parts[health[i].Part] = &health[i]
	}
	if err := e.Journal.Unsigned(); err != nil {
		parts[PartEvidence].trouble("records of evidence wait to be signed; the server's log tells why", err)
		if e.Journal.Lost() {
			parts[PartEvidence].Trouble = "the database no longer holds all evidence that was signed, and new records wait to be signed; see stint resume"
		}
	}
	if left := e.Recovery.Left(); left.Trouble() != "" {
		parts[PartLedger].trouble(left.Trouble(), left.Err)
	}
	if err := e.Journal.LedgerTrouble(); err != nil {
		parts[PartLedger].trouble("the ledger of grants cannot be written, so nothing is granted; the server's log tells why", err)
	}
	database, known, err := e.store.SchemaVersions(ctx)
	if err != nil {
		parts[PartDatabase].trouble("the database does not answer", err)
		return health
	}
	if database != known {
		parts[PartSchema].Trouble = fmt.Sprintf("the database has schema version %d and this program works with %d; run the program that brought it there", database, known)
	}
	if err := e.Journal.Read(ctx, func(tx *journal.Tx) error {
		if err := tx.ClockTrouble(); err != nil {
			parts[PartClock].trouble(err.Error(), err)
		}
		if !tx.RestoredAt.IsZero() {
			parts[PartState].Trouble = fmt.Sprintf("it is of %s or earlier, from a backup or from a standby that was behind, and was not accepted yet, so nothing is granted; see stint resume", tx.RestoredAt.UTC().Format(time.RFC3339))
		}
		return nil
	}); err != nil {
		parts[PartDatabase].trouble("the database does not answer", err)
	}
	return health
}

func (c *Condition) trouble(text string, err error) { c.Trouble, c.Err = text, err }

func (e *Engine) workersTrouble() string {
	switch {
	case e.draining.Err() != nil:
		return "the server was told to end and takes nothing up any more"
	case !e.running.Load():
		return "the engine's workers are not running"
	}
	return ""
}
