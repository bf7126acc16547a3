package operations

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// matter is what takes two people: grants whose rights are no longer to be taken
// back.
type matter struct {
	kind    governance.ProposalKind
	subject string
	given   []grants.Stored
}

// gain are the humans who answer for the holders of the grants: they keep a right
// by it.
func (m matter) gain(ctx context.Context, tx *journal.Tx) ([]governance.IdentityID, error) {
	var people []governance.IdentityID
	for _, g := range m.given {
		person, err := declared.Person(ctx, tx, g.Identity)
		if err != nil {
			return nil, err
		}
		answers := g.Identity
		if person != nil {
			answers = person.Root()
		}
		if !slices.Contains(people, answers) {
			people = append(people, answers)
		}
	}
	return people, nil
}

// propose notes what one person wants done that takes two.
func (o *Operations) propose(ctx context.Context, tx *journal.Tx, by journal.Actor, m matter, reason string) (governance.Proposal, error) {
	proposal, problems := governance.Propose(m.kind, m.subject, by.Identity, by.Makers, reason, tx.Now)
	if err := fault.FromProblems("proposal", problems); err != nil {
		return proposal, err
	}
	gain, err := m.gain(ctx, tx)
	if err != nil {
		return proposal, err
	}
	first, err := o.hand(ctx, tx, by.Identity, by.Makers)
	if err != nil {
		return proposal, err
	}
	if err := first.MaySpeak(gain, tx.Now); err != nil {
		return proposal, &fault.Error{Code: fault.Forbidden, Message: err.Error(), Err: err}
	}
	body, err := json.Marshal(proposal)
	if err != nil {
		return proposal, fmt.Errorf("encode proposal: %w", err)
	}
	n, err := tx.PutProposal(ctx, sqlc.PutProposalParams{
		Kind: string(m.kind), Subject: m.subject, LapsesAt: store.Micros(proposal.LapsesAt), Body: string(body), Now: store.Micros(tx.Now),
	})
	if err != nil {
		return proposal, fmt.Errorf("propose %s of %s: %w", m.kind, m.subject, err)
	}
	if n == 0 {
		if proposal, err = proposed(ctx, tx, m.kind, m.subject); err != nil {
			return proposal, err
		}
		return proposal, fault.New(fault.Conflict, "%s has proposed it already; another person confirms it with --confirm until %s, then it lapses", proposal.By, proposal.LapsesAt.UTC().Format(time.RFC3339))
	}
	return proposal, nil
}

// confirm takes the proposal that another person has made.
func (o *Operations) confirm(ctx context.Context, tx *journal.Tx, by journal.Actor, m matter) (governance.Proposal, error) {
	proposal, err := proposed(ctx, tx, m.kind, m.subject)
	if err != nil {
		return proposal, err
	}
	gain, err := m.gain(ctx, tx)
	if err != nil {
		return proposal, err
	}
	first, err := o.hand(ctx, tx, proposal.By, proposal.Makers)
	if err != nil {
		return proposal, err
	}
	second, err := o.hand(ctx, tx, by.Identity, by.Makers)
	if err != nil {
		return proposal, err
	}
	if err := proposal.MaySecond(first, second, gain, tx.Now); err != nil {
		return proposal, &fault.Error{Code: fault.Forbidden, Message: err.Error(), Err: err}
	}
	return proposal, take(ctx, tx, proposal)
}

// withdraw takes a proposal back. Nothing is given up by that, so it takes no
// second person, nor the one who proposed it.
func (o *Operations) withdraw(ctx context.Context, by journal.Actor, kind governance.ProposalKind, subject, object, record string) (governance.Proposal, error) {
	var proposal governance.Proposal
	err := o.Journal.Write(ctx, by, func(tx *journal.Tx) (err error) {
		if proposal, err = proposed(ctx, tx, kind, subject); err != nil {
			return err
		}
		if err := take(ctx, tx, proposal); err != nil {
			return err
		}
		return tx.Record(record, object, subject, evidence.Fields{"proposed_by": proposal.By, "why": evidence.Private(proposal.Reason)})
	})
	return proposal, err
}

// proposed reads the proposal that waits for a second person.
func proposed(ctx context.Context, tx *journal.Tx, kind governance.ProposalKind, subject string) (governance.Proposal, error) {
	body, err := tx.GetProposal(ctx, sqlc.GetProposalParams{Kind: string(kind), Subject: subject, Now: store.Micros(tx.Now)})
	if errors.Is(err, sql.ErrNoRows) {
		return governance.Proposal{}, fault.New(fault.Conflict, "nobody has proposed it in the last %s; propose it with --reason, and have another person confirm it", governance.Duration(governance.ProposalLapses))
	}
	if err != nil {
		return governance.Proposal{}, fmt.Errorf("read proposal: %w", err)
	}
	return decodeProposal(body)
}

// take has a proposal wait no more.
func take(ctx context.Context, tx *journal.Tx, p governance.Proposal) error {
	n, err := tx.DeleteProposal(ctx, sqlc.DeleteProposalParams{Kind: string(p.Kind), Subject: p.Subject})
	if err != nil {
		return fmt.Errorf("take the proposal of %s: %w", p.Subject, err)
	}
	if n == 0 {
		return fault.New(fault.Conflict, "somebody else has confirmed or withdrawn it at the same moment")
	}
	return nil
}

func decodeProposal(body string) (governance.Proposal, error) {
	var p governance.Proposal
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		return p, fmt.Errorf("stored proposal: %w", err)
	}
	return p, nil
}

// hand is a person as far as it matters for what takes two.
func (o *Operations) hand(ctx context.Context, tx *journal.Tx, id governance.IdentityID, makers governance.Makers) (governance.Hand, error) {
	row, err := tx.GetIdentity(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return governance.Hand{}, fault.New(fault.Forbidden, "identity %s is no longer declared", id)
	}
	if err != nil {
		return governance.Hand{}, fmt.Errorf("read identity %s: %w", id, err)
	}
	person, err := declared.PersonFrom(row)
	if err != nil {
		return governance.Hand{}, err
	}
	set, err := o.Declared.Set(ctx, tx)
	if err != nil {
		return governance.Hand{}, err
	}
	return governance.Hand{Person: *person, Bootstrap: row.Bootstrap, Makers: makers, Delegators: set.StandsInFor(id, tx.Now)}, nil
}
