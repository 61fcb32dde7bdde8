package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/passhash"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// A request bounds what is tried in it (package reset), and a factor what is
// tried against it. Here is what is bounded over all requests: by person and
// method, by agent, by source, and how many messages a person gets. Nothing of
// this ever closes an account, and none of it closes what cannot be guessed: a
// passkey, a device, a witness, a provider.

const shelfBound = "bound" // key: hash of what is counted; value: tally

// bound is how much of something there may be in a span of time.
type bound struct {
	most int
	in   time.Duration
}

var (
	guessesAtMethod = bound{10, 24 * time.Hour} // wrong answers to one method about one person
	guessesOfAgent  = bound{30, 24 * time.Hour} // wrong answers in requests of one agent
	guessesOfSource = bound{20, time.Hour}      // wrong answers from one network block
	sendsAnHour     = bound{5, time.Hour}       // challenges about one person that send a message
	sendsADay       = bound{20, 24 * time.Hour}
	pushesAnHour    = bound{3, time.Hour} // those that ring, or ask somebody else to act
)

// pushes are the methods that press somebody for an answer.
var pushes = []proof.Method{proof.Vouch, proof.Callback, proof.VoiceCode}

// sends reports whether a challenge by the method writes to or rings somebody.
func sends(s proof.Spec) bool { return s.Destination || s.Method == proof.Vouch }

// guessable reports whether a wrong answer to the method may be a guess. A
// signature is none, and neither is what a provider says.
func guessable(m proof.Method) bool {
	s, ok := proof.SpecOf(m)
	return ok && !s.Signed && !s.Unregistered
}

// tally is when something that is counted happened, the latest last.
type tally struct {
	Times   []time.Time `json:"times"`
	key     string
	version int64
}

func (g *Gate) tally(ctx context.Context, what string, at time.Time) (tally, error) {
	t := tally{key: hashed("countersign/bound/v1\x00" + what)}
	item, err := g.store.Item(ctx, shelfBound, t.key, at)
	if errors.Is(err, store.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return t, fmt.Errorf("gate: reading a bound: %w", err)
	}
	t.version = item.Version
	return t, unmarshal(item, &t)
}

// within counts what still lies in a bound's span.
func (t tally) within(b bound, at time.Time) int {
	n := 0
	for _, x := range t.Times {
		n += count(at.Sub(x) < b.in)
	}
	return n
}

// full is until when a bound is reached; zero while it is not.
func (t tally) full(b bound, at time.Time) time.Time {
	if t.within(b, at) < b.most {
		return time.Time{}
	}
	return t.Times[len(t.Times)-b.most].Add(b.in)
}

// plus counts one more. No more is kept than the widest bound asks for.
func (t tally) plus(at time.Time, widest bound) (tally, store.ItemChange) {
	t.Times = append(slices.Clone(t.Times), at)
	t.Times = t.Times[max(0, len(t.Times)-widest.most):]
	return t, put(shelfBound, t.key, "", t, t.version, at.Add(widest.in))
}

// counted counts one more of what is bounded, in whatever commit it is part of,
// or refuses it until there is room again.
func (g *Gate) counted(ctx context.Context, what string, most bound, at time.Time, refusal string) (store.ItemChange, error) {
	t, err := g.tally(ctx, what, at)
	if err != nil {
		return store.ItemChange{}, err
	}
	if until := t.full(most, at); !until.IsZero() {
		return store.ItemChange{}, later(reset.TooMany, until, at, refusal)
	}
	_, item := t.plus(at, most)
	return item, nil
}

// Later is a refusal for the time being: after Wait it may be another answer.
//
//nolint:errname // an answer like the refusal that it holds
type Later struct {
	*reset.Refusal
	Wait time.Duration
}

// Unwrap is the refusal.
func (l *Later) Unwrap() error { return l.Refusal }

func later(code reset.Code, until, at time.Time, format string, args ...any) error {
	when := until.Format("15:04 UTC")
	if until.Sub(at) > 12*time.Hour {
		when = roster.When(until)
	}
	return &Later{&reset.Refusal{Code: code, Msg: fmt.Sprintf(format, append(args, when)...)}, until.Sub(at)}
}

type sourceKey struct{}

// From returns a context that knows where a caller comes from: a network block
// as package signin counts them, or "". Wrong answers are counted by it, and
// who asks for hashes takes turns by it.
func From(ctx context.Context, source string) context.Context {
	return passhash.For(context.WithValue(ctx, sourceKey{}, source), "from "+source)
}

func sourceOf(ctx context.Context) string {
	source, _ := ctx.Value(sourceKey{}).(string)
	return source
}

func ofMethod(p identity.PersonID, m proof.Method) string {
	return "method\x00" + string(m) + "\x00" + string(p)
}
func ofAgent(p identity.PersonID) string  { return "agent\x00" + string(p) }
func ofSource(source string) string       { return "source\x00" + source }
func ofSends(p identity.PersonID) string  { return "sent\x00" + string(p) }
func ofPushes(p identity.PersonID) string { return "pushed\x00" + string(p) }

// sourceOpen refuses a source from which too many wrong answers came.
func (g *Gate) sourceOpen(ctx context.Context, at time.Time) error {
	source := sourceOf(ctx)
	if source == "" {
		return nil
	}
	t, err := g.tally(ctx, ofSource(source), at)
	if err != nil {
		return err
	}
	if until := t.full(guessesOfSource, at); !until.IsZero() {
		return later(reset.TooMany, until, at, "too many wrong answers came from your network; try again after %s")
	}
	return nil
}

// askable refuses a challenge whatever its method: because of where it is
// asked from, or of whose request it is. It looks at nothing on record, so it
// answers alike for everybody.
func (g *Gate) askable(ctx context.Context, s reset.State, at time.Time) error {
	if err := g.sourceOpen(ctx, at); err != nil || s.Agent == "" {
		return err
	}
	t, err := g.tally(ctx, ofAgent(s.Agent), at)
	if err != nil {
		return err
	}
	if until := t.full(guessesOfAgent, at); !until.IsZero() {
		return later(reset.TooMany, until, at, "requests of this agent cannot be proved before %s; ask for another agent, or follow the documented escalation")
	}
	return nil
}

// methodOpen refuses a method that was answered wrongly too often about the
// person, whatever the request. Their other methods stay open.
func (g *Gate) methodOpen(ctx context.Context, s reset.State, m proof.Method, at time.Time) error {
	if !guessable(m) {
		return nil
	}
	t, err := g.tally(ctx, ofMethod(s.Person, m), at)
	if err != nil {
		return err
	}
	if until := t.full(guessesAtMethod, at); !until.IsZero() {
		return later(reset.MethodLocked, until, at, "%s is closed for this account's owner after too many wrong answers; use another method, or wait until %s", m)
	}
	return nil
}

// answerable refuses an answer that must not even be compared. A witness's
// code is bounded by its request alone, and by where it comes from.
func (g *Gate) answerable(ctx context.Context, s reset.State, m proof.Method, at time.Time) error {
	if err := g.sourceOpen(ctx, at); err != nil {
		return err
	}
	return g.methodOpen(ctx, s, m, at)
}

// sending counts a challenge that sends a message, or refuses it. nth is which
// message within the hour it is.
func (g *Gate) sending(ctx context.Context, s reset.State, m proof.Method, at time.Time) (nth int, counted []store.ItemChange, err error) {
	if spec, _ := proof.SpecOf(m); !sends(spec) {
		return 0, nil, nil
	}
	sent, err := g.tally(ctx, ofSends(s.Person), at)
	if err != nil {
		return 0, nil, err
	}
	hour, day := sent.full(sendsAnHour, at), sent.full(sendsADay, at)
	nth = sent.within(sendsAnHour, at) + 1
	_, item := sent.plus(at, sendsADay)
	counted = append(counted, item)
	if slices.Contains(pushes, m) {
		pushed, err := g.tally(ctx, ofPushes(s.Person), at)
		if err != nil {
			return 0, nil, err
		}
		if until := pushed.full(pushesAnHour, at); until.After(hour) {
			hour = until
		}
		_, item := pushed.plus(at, pushesAnHour)
		counted = append(counted, item)
	}
	switch {
	case !day.IsZero() && day.After(hour):
		return 0, nil, later(reset.TooMany, day, at, "too many messages were sent to you in the last day; use another method or wait until %s")
	case !hour.IsZero():
		return 0, nil, later(reset.TooMany, hour, at, "too many messages were sent to you in the last hour; use another method or wait until %s")
	}
	return nth, counted, nil
}
