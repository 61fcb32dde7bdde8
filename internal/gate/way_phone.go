package gate

import (
	"context"
	"time"

	"countersign/internal/directory"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// Whether a call is forwarded, or a number is one of an Internet telephone,
// nobody tells: a code by telephone shows who answers the number, wherever
// that is. That is why these methods are restricted, have a ceiling, and never
// stand alone in a policy.

func isPhone(c contact) bool { return c.Kind == string(directory.ContactPhone) }

// findPhones lists the telephones on record. Those that the request could use
// otherwise are looked at: one whose SIM has changed counts as on record since
// then, and one of which nobody can tell is not believed.
func (g *Gate) findPhones(m proof.Method) func(context.Context, reset.State, time.Time) ([]factor, error) {
	return func(ctx context.Context, s reset.State, at time.Time) ([]factor, error) {
		all, err := g.destinations(ctx, s, at, isPhone)
		if err != nil {
			return nil, err
		}
		var numbers []string
		for _, f := range all {
			if s.Usable(m, f.id, f.since, at) == nil {
				numbers = append(numbers, f.contact.address)
			}
		}
		changes := g.sims.changes(ctx, numbers)
		for i, f := range all {
			c, asked := changes[f.contact.address]
			switch {
			case !asked:
			case c.err != nil:
				g.log.Warn("it cannot be told when a SIM changed; the number is not used", "request", s.ID, "contact", f.id, "error", c.err)
				all[i].doubt = errSuspect
			case c.at.After(f.since):
				all[i].since = c.at
				if all[i].young(s) {
					all[i].doubt = errSuspect
				}
			}
		}
		return all, nil
	}
}

func (g *Gate) askSMS(ctx context.Context, a *asked) error {
	return g.post(ctx, a, parcel{to: a.factors[0].contact, way: waySMS})
}

func (g *Gate) askVoice(ctx context.Context, a *asked) error {
	return g.post(ctx, a, parcel{to: a.factors[0].contact, way: wayVoice})
}
