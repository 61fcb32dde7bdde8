package gate

import (
	"context"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// Oddity is something about a request that whoever decides about it should not
// overlook. It is read from what is on record and judges nothing: the policy
// has had its say already.
type Oddity struct {
	Kind OddityKind `json:"kind"`
	// What names it more closely: a signal's kind, a method, a status.
	What  string     `json:"what,omitempty"`
	Count int        `json:"count,omitempty"`
	At    *time.Time `json:"at,omitempty"`
}

// OddityKind is what is odd.
type OddityKind string

// The oddities, in the order in which they are told.
const (
	OddSignal     OddityKind = "signal"     // something was reported about the person; What is its kind
	OddClass      OddityKind = "class"      // the account can do much harm; What is its class
	OddState      OddityKind = "state"      // the account is not simply active; What is its status
	OddContact    OddityKind = "contact"    // a destination on record is newer than a month; What is its kind
	OddSIM        OddityKind = "sim"        // the SIM of a number on record changed within a month
	OddGuesses    OddityKind = "guesses"    // wrong answers in this request; Count of them
	OddWithheld   OddityKind = "withheld"   // a way on record was not offered; What is the method
	OddRestricted OddityKind = "restricted" // proved over the telephone network; What is the method
	OddRepeated   OddityKind = "repeated"   // Count earlier requests about the person within a week
	OddRefused    OddityKind = "refused"    // an earlier one within a month was denied, refused or stopped; What is how it ended
	OddVendor     OddityKind = "vendor"     // a vendor's desk opened it
	OddHour       OddityKind = "hour"       // opened at night or at a weekend, by the clock of the desk
	OddDevice     OddityKind = "device"     // the person works with something that is not managed or not in order
	OddNoTicket   OddityKind = "no_ticket"  // it came without a ticket
	oddHistory               = 30 * 24 * time.Hour
	oddWeek                  = 7 * 24 * time.Hour
)

// unusual is what is odd about a request on the ledger: the facts are not in
// its row.
func (g *Gate) unusual(ctx context.Context, id string) ([]Oddity, error) {
	s, err := g.load(ctx, id)
	if err != nil {
		return nil, err
	}
	return oddities(s), nil
}

// oddities reads what is odd about a request from its state alone.
func oddities(s reset.State) []Oddity {
	f := s.Facts
	out := []Oddity{}
	add := func(o Oddity) { out = append(out, o) }
	recent := func(at time.Time, span time.Duration) bool { return !at.IsZero() && f.At.Sub(at) < span }
	for _, x := range f.Signals {
		add(Oddity{Kind: OddSignal, What: x.Kind, At: &x.At})
	}
	switch s.Plan.Class {
	case identity.Privileged, identity.BreakGlass, identity.Unknown, identity.Executive:
		add(Oddity{Kind: OddClass, What: string(s.Plan.Class)})
	}
	if f.Subject.Status != "" && f.Subject.Status != "active" {
		add(Oddity{Kind: OddState, What: f.Subject.Status})
	}
	for _, c := range f.Contacts {
		if recent(c.FirstSeen, oddHistory) {
			add(Oddity{Kind: OddContact, What: c.Kind, At: &c.FirstSeen})
		}
		if c.SIMChanged != nil && recent(*c.SIMChanged, oddHistory) {
			add(Oddity{Kind: OddSIM, At: c.SIMChanged})
		}
	}
	return append(out, append(ofProofs(s), ofCircumstances(s)...)...)
}

// ofProofs is what was odd while the requester proved themselves.
func ofProofs(s reset.State) (out []Oddity) {
	wrong := 0
	for _, spec := range proof.Specs {
		wrong += s.Failures(spec.Method)
	}
	if wrong > 0 {
		out = append(out, Oddity{Kind: OddGuesses, Count: wrong})
	}
	for _, w := range s.Withheld {
		if w.Reason != reset.ChannelNotIndependent { // that is so of every call
			out = append(out, Oddity{Kind: OddWithheld, What: string(w.Method)})
		}
	}
	for _, p := range s.Proofs {
		if spec, ok := proof.SpecOf(p.Method); ok && spec.Restricted {
			out = append(out, Oddity{Kind: OddRestricted, What: string(p.Method), At: &p.At})
		}
	}
	return out
}

// ofCircumstances is what is odd about how and when it came in.
func ofCircumstances(s reset.State) (out []Oddity) {
	f, week := s.Facts, 0
	var bad *Oddity
	for _, h := range f.History {
		if f.At.Sub(h.At) < oddWeek {
			week++
		}
		switch reset.Status(h.Outcome) {
		case reset.Denied, reset.RefusedEnd, reset.Vetoed:
			if f.At.Sub(h.At) < oddHistory && (bad == nil || h.At.After(*bad.At)) {
				bad = &Oddity{Kind: OddRefused, What: h.Outcome, At: &h.At}
			}
		}
	}
	if week > 0 {
		out = append(out, Oddity{Kind: OddRepeated, Count: week})
	}
	if bad != nil {
		out = append(out, *bad)
	}
	if f.Agent.Vendor {
		out = append(out, Oddity{Kind: OddVendor})
	}
	if local, known := deskTime(s); known && oddHour(local) {
		out = append(out, Oddity{Kind: OddHour, At: &f.At})
	}
	if d := f.Device; d != nil && (d.Managed != nil && !*d.Managed || d.Compliant != nil && !*d.Compliant) {
		out = append(out, Oddity{Kind: OddDevice, At: &d.At})
	}
	if f.Request.Ticket == "" && s.Agent != "" {
		out = append(out, Oddity{Kind: OddNoTicket})
	}
	return out
}

// deskTime is when the request was opened by the clock of its desk.
func deskTime(s reset.State) (time.Time, bool) {
	if s.Facts.Request.Offset == nil {
		return time.Time{}, false
	}
	return s.OpenedAt.In(time.FixedZone(s.Facts.Request.Zone, *s.Facts.Request.Offset)), true
}

func oddHour(t time.Time) bool {
	return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday || t.Hour() < 6 || t.Hour() >= 20
}
