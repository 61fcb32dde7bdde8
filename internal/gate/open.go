package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/reset"
)

// Wish is what a desk or an integration asks for. There is no field for a
// tier, a class, a destination or an urgency: those are computed or on record.
type Wish struct {
	Directory string
	Login     string
	Action    identity.Action
	Channel   identity.Channel
	Ticket    string
}

func (w Wish) check() error {
	if _, err := identity.ParseAction(string(w.Action)); err != nil {
		return unfit("identity", err)
	}
	if _, err := identity.ParseIntakeChannel(string(w.Channel)); err != nil {
		return unfit("identity", err)
	}
	if err := identity.CheckLine(w.Ticket, 100); err != nil {
		return invalid("ticket: " + err.Error())
	}
	if err := identity.CheckLine(w.Login, 256); err != nil || w.Login == "" {
		return invalid("login: empty, too long, or with characters that no login has")
	}
	return nil
}

// Open opens a request: the account is looked up, the facts are gathered, the
// policy decides, and all of it is recorded. Towards the desk an unknown
// account, one out of reach and one the policy refuses answer alike with
// ErrNotAvailable; the ledger has the difference.
func (g *Gate) Open(ctx context.Context, c Caller, w Wish) (View, error) {
	ask := asking{action: w.Action, channel: w.Channel, ticket: w.Ticket}
	switch {
	case c.Token != "":
		if !c.has(ScopeOpen) {
			return View{}, ErrForbidden
		}
	default:
		m, _, err := g.member(ctx, c)
		if err != nil {
			return View{}, err
		}
		if !m.Has(identity.Agent) {
			return View{}, ErrForbidden
		}
		if err := g.trusted(ctx, m.Person); err != nil {
			return View{}, err
		}
		ask.agent, ask.desk = m.Person, m.Desk
	}
	if err := w.check(); err != nil {
		return View{}, err
	}
	d, err := g.directory(w.Directory)
	if err != nil {
		return View{}, err
	}
	if w.Action != identity.InitialEnrolment && !slices.Contains(d.Can(), w.Action) {
		return View{}, invalid(fmt.Sprintf("directory %q cannot do %s", d.Name(), w.Action))
	}
	a, err := g.find(ctx, d, w.Login)
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
		return View{}, g.missed(ctx, c, w, ask.desk)
	}
	if err != nil {
		return View{}, err
	}
	return g.open(ctx, c, a, ask)
}

func (g *Gate) open(ctx context.Context, c Caller, a directory.Account, ask asking) (View, error) {
	var after reset.State
	// A conflict: the case code was taken, or the roster or the policy changed.
	err := g.again(func() (err error) {
		after, err = g.begin(ctx, c, a, ask, besides{})
		return err
	})
	if err != nil {
		return View{}, err
	}
	if after.Status() == reset.RefusedEnd {
		g.log.Warn("request refused", "request", after.ID, "actor", c.actor(), "reasons", after.Why)
		return View{}, ErrNotAvailable
	}
	return g.view(ctx, c, after)
}

// begin gathers the facts, has the policy decide, and records the outcome, with
// whatever else has to be kept if it is.
func (g *Gate) begin(ctx context.Context, c Caller, a directory.Account, ask asking, more besides) (reset.State, error) {
	before := reset.State{ID: newID("req")}
	chain, pol, err := g.rules(ctx)
	if err != nil {
		return before, err
	}
	f, err := g.facts(ctx, a, ask, chain, pol, g.now())
	if err != nil {
		return before, err
	}
	cmd := reset.Open{Case: newCase(), Facts: f, Policy: pol.Hash(), Plan: pol.Plan(f)}
	events, after, err := reset.Decide(before, cmd, f.At)
	if err != nil {
		return before, errors.Join(err, g.note(ctx, c, Barred{a.ID, ask.action, reset.CodeOf(err), ask.desk}, "barred"))
	}
	if events, after, err = g.notOffered(ctx, events, after); err != nil {
		return after, err
	}
	if err := g.commit(ctx, before, after, c.actor(), events, besides{jobs: more.jobs, items: more.items, rests: footing(chain)}); err != nil {
		return after, err
	}
	g.faults(after.ID, pol, cmd.Plan)
	return after, nil
}

// notOffered adds, for every method that the plan could be satisfied by, what
// is on record and will not be offered, and why.
func (g *Gate) notOffered(ctx context.Context, events []reset.Event, s reset.State) ([]reset.Event, reset.State, error) {
	if !s.IsOpen() {
		return events, s, nil
	}
	for _, m := range s.Plan.Proofs.Methods() {
		_, _, withheld, err := g.openWay(ctx, s, m, s.ChangedAt)
		if err != nil && reset.CodeOf(err) == "" {
			return events, s, err
		}
		for _, w := range withheld {
			more, next, err := reset.Decide(s, reset.Record{Event: w}, s.ChangedAt)
			if err != nil {
				return events, s, err
			}
			events, s = append(events, more...), next
		}
	}
	return events, s, nil
}

// faults tells of the rules that could not be evaluated, once a decision that
// they denied is recorded. A reason names facts and never their values.
func (g *Gate) faults(request string, pol *policy.Policy, p policy.Plan) {
	for _, d := range pol.Faults(p) {
		g.log.Warn("a rule could not be evaluated, so it denies", "request", request, "policy", pol.Hash(), "rule", d.Rule, "reason", d.Reason)
		g.hear(pol, d.Rule)
	}
}

// Barred is the ledger's note of a request that could not even be opened: an
// agent asking about themselves, say.
type Barred struct {
	Account identity.AccountID `json:"account"`
	Action  identity.Action    `json:"action"`
	Why     reset.Code         `json:"why"`
	Desk    string             `json:"desk,omitempty"`
}

// Missed is the ledger's note of a look-up that found nobody: reconnaissance
// leaves a trace, and the answer waits for a durable write as a refusal does.
type Missed struct {
	Directory string `json:"directory"`
	Login     string `json:"login" ledger:"private"`
	Action    string `json:"action"`
	Desk      string `json:"desk,omitempty"`
}

// missesOfCaller is how many look-ups of one caller that find nobody are too
// many for mistyped logins.
var missesOfCaller = bound{6, time.Hour}

// missed notes a look-up that found nobody and counts it. However often it
// happens the answer stays the same; from missesOfCaller on security hears of it.
func (g *Gate) missed(ctx context.Context, c Caller, w Wish, desk string) error {
	note := Missed{w.Directory, w.Login, string(w.Action), desk}
	err := g.noteCounted(ctx, c, note, "missed", func() (besides, error) { return g.countMiss(ctx, c, g.now()) })
	if err != nil {
		return err
	}
	return ErrNotAvailable
}

// noteCounted notes what is counted, and tries again where the same caller was
// counted meanwhile.
func (g *Gate) noteCounted(ctx context.Context, c Caller, note any, kind string, count func() (besides, error)) error {
	for try := 0; ; try++ {
		more, err := count()
		if err == nil {
			err = g.noteWith(ctx, c, note, kind, more)
		}
		if !errors.Is(err, ErrBusy) || try == 5 {
			return err
		}
	}
}

func (g *Gate) countMiss(ctx context.Context, c Caller, at time.Time) (more besides, err error) {
	about := "missed\x00" + c.actor()
	t, err := g.tally(ctx, about, at)
	if err != nil {
		return more, err
	}
	what := fmt.Sprintf("%s asked within an hour for %d accounts or more that there are not, or that are not for their desk.\nSomebody may be finding out who has an account here.",
		identity.Line(c.actor(), 100), missesOfCaller.most)
	return more, g.count(ctx, &more, t, missesOfCaller, about, what, at)
}

// count adds one to a tally, and tells security once there are as many as the
// bound.
func (g *Gate) count(ctx context.Context, more *besides, t tally, b bound, about, what string, at time.Time) error {
	t, item := t.plus(at, b)
	more.items = append(more.items, item)
	if t.full(b, at).IsZero() {
		return nil
	}
	return g.alarm(ctx, more, about, reset.State{}, what, at)
}

// newCase makes a public case code: eight letters and digits without those
// that are mistaken for each other. It names a case over the telephone and
// opens nothing by itself.
func newCase() string {
	const letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	var b [8]byte
	for i := range b {
		for {
			_, _ = rand.Read(b[i : i+1])
			if int(b[i]) < 256/len(letters)*len(letters) {
				b[i] = letters[int(b[i])%len(letters)]
				break
			}
		}
	}
	return string(b[:4]) + "-" + string(b[4:])
}
