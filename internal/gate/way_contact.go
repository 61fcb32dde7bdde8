package gate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// findContacts lists the mailboxes of those whom the owner has named to help
// them (SP 800-63B-4 §4.2.1.3). One that the account itself opens is nobody
// else's.
func (g *Gate) findContacts(ctx context.Context, s reset.State, at time.Time) ([]factor, error) {
	all, err := g.factors(ctx, s.Person, proof.RecoveryContact, at)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	a, err := g.lookup(ctx, s.Subject)
	if err != nil {
		return nil, err
	}
	theirs, err := g.contacts(ctx, a, at)
	if err != nil {
		return nil, err
	}
	for i, f := range all {
		address, err := g.box.Open(f.Address)
		if err != nil {
			return nil, fmt.Errorf("gate: opening an address: %w", err)
		}
		c := contact{Contact: policy.Contact{ID: f.id, Kind: string(directory.ContactEmail)}, address: string(address)}
		if slices.ContainsFunc(theirs, func(x contact) bool { return x.Own && x.same(c) }) {
			all[i].doubt = errOwn
		}
		all[i].contact = c
	}
	return all, nil
}

// askContact writes to the contact that has been on record the longest. They
// give the code to the owner, if they are sure that it is the owner who asks.
func (g *Gate) askContact(ctx context.Context, a *asked) error {
	return g.post(ctx, a, parcel{to: a.factors[0].contact, owner: a.state.Facts.Subject.Name})
}
