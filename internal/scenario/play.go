package scenario

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/softkey"
)

// step is how long each line takes on the server's clock.
const step = 10 * time.Second

// play is one script under way.
type play struct {
	*house
	ctx      context.Context
	script   Script
	without  int // the line left out; -1: none
	lax      bool
	people   map[string]*person
	requests map[string]*ticket
	tokens   map[string]string // of integrations, by name
	given    []given
	begun    time.Time // when the script begins, on the server's clock
	down     bool      // the directory cannot be read
	refused  []refusal // what was refused so far
	seen     map[string]string
	effects  int
	old      int // messages that came before the story began
	allowed  int // by the last "expect effects"
	secrets  []secret
}

// person is anybody who takes part.
type person struct {
	name     string
	id       identity.PersonID
	account  identity.AccountID
	contacts []directory.Contact
	manager  string
	password string // the present one, as far as its owner knows
	old      string // the one before
	locked   bool
	groups   []string
	unit     string
	starts   *time.Duration // the first day, from the beginning of the script
	seed     []byte         // of the app
	drawer   string         // a recovery code
	passkey  *softkey.Key   // of their own, not of the roster
	lost     *softkey.Key   // the one before
	device   *ecdsa.PrivateKey
	trusted  string              // the mailbox of a recovery contact
	added    []directory.Contact // what they registered for themselves
	stays    bool                // they keep the next session of their own open
	kept     string              // its token

	roles    []identity.Role
	desk     string
	key      softkey.Key
	staff    client.Client
	signedIn time.Time

	cases map[string]*claim // by request
}

// ticket is a request that was opened, and what its opener was told.
type ticket struct{ id, code, subject string }

// claim is how somebody came forward with a case code.
type claim struct {
	token     string
	about     *ticket
	challenge string
	method    string
	prompt    prompt
	last      answer
}

// given is something that has been so for a time when a script begins.
type given struct {
	ago time.Duration
	do  func() error
}

// refusal is a call that was refused, for the oracle.
type refusal struct {
	line Line
	code string
	who  string
	it   string // the request it was about
}

// secret is what nobody but its owner may see.
type secret struct{ what, text string }

// refusedBy gives a refusal that does not come over the API the same form.
func refusedBy(code string) error { return &client.Problem{Code: code, Detail: code} }

// Play plays a script, and asks the oracle. The error tells the line.
func (s *Stage) Play(t testing.TB, script Script) error {
	t.Helper()
	p, err := s.begin(t, script, -1)
	if err != nil {
		return err
	}
	if err := p.act(); err != nil {
		return err
	}
	return p.judge()
}

// PlayWithout leaves one line of an honest recovery out, and wants nothing to
// come of it.
func (s *Stage) PlayWithout(t testing.TB, script Script, line int) error {
	t.Helper()
	p, err := s.begin(t, script, line)
	if err != nil {
		return err
	}
	if err := p.act(); err != nil {
		return err
	}
	return p.nothingDone()
}

func (s *Stage) begin(t testing.TB, script Script, without int) (*play, error) {
	h, key, err := s.open(t, script.Policy)
	if err != nil {
		return nil, err
	}
	p := &play{
		house: h, ctx: t.Context(), script: script, without: without, tokens: map[string]string{},
		people: map[string]*person{}, requests: map[string]*ticket{}, seen: map[string]string{},
	}
	olive := p.person("olive")
	olive.key, olive.roles = key, []identity.Role{identity.Officer, identity.Auditor}
	return p, nil
}

func (p *play) person(name string) *person {
	if p.people[name] == nil {
		p.people[name] = &person{name: name, id: identity.PersonID("staff:" + name), cases: map[string]*claim{}}
	}
	return p.people[name]
}

// act sets up what is given and goes through the lines.
func (p *play) act() error {
	lines := p.script.Lines
	i := 0
	for ; i < len(lines) && lines[i].form.given; i++ {
		if err := lines[i].form.do(p, lines[i].args); err != nil {
			return p.at(lines[i], err)
		}
	}
	if err := p.settle(); err != nil {
		return err
	}
	for ; i < len(lines); i++ {
		if i == p.without {
			p.lax = true
			continue
		}
		if err := p.line(lines[i]); err != nil && !p.lax {
			return err
		}
	}
	return p.quiet()
}

// settle lets time pass from the founding to now, doing everything on its day.
func (p *play) settle() error {
	if err := p.staffRoster(); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	p.begun = p.clock.now().Add(past)
	slices.SortStableFunc(p.given, func(a, b given) int { return cmp.Compare(b.ago, a.ago) })
	for _, g := range p.given {
		if at := p.begun.Add(-g.ago); at.After(p.clock.now()) {
			p.clock.move(at.Sub(p.clock.now()))
		}
		if err := g.do(); err != nil {
			return fmt.Errorf("setting up: %w", err)
		}
	}
	p.clock.move(p.begun.Sub(p.clock.now()))
	err := p.quiet()
	p.effects, p.old = 0, len(p.inbox.Messages()) // what was given is nobody's doing
	return err
}

// quiet waits until the server has done what it had to do, and counts what was
// changed in the directory meanwhile.
func (p *play) quiet() error {
	if err := p.queue.settle(); err != nil {
		return err
	}
	n, err := p.look()
	p.effects += n
	return err
}

// look reads every account and says how many differ from the last look.
func (p *play) look() (changed int, err error) {
	if p.down {
		return 0, nil // what was changed is seen when it can be read again
	}
	for name, who := range p.people {
		if who.account == "" {
			continue
		}
		now, err := p.queue.account(who.account.Object())
		if err != nil {
			return 0, err
		}
		if before, known := p.seen[name]; known && before != now {
			changed++
		}
		p.seen[name] = now
	}
	return changed, nil
}

// behind does something at the directory that is not the server's doing.
func (p *play) behind(do func() error) error {
	if err := p.quiet(); err != nil {
		return err
	}
	err := do()
	if _, e := p.look(); e != nil {
		return e
	}
	return err
}

// line plays one line, and repeats a refused call.
func (p *play) line(l Line) error {
	if len(l.Body) > 0 {
		for range l.args.number() {
			for _, inner := range l.Body {
				if err := p.line(inner); err != nil {
					return err
				}
			}
		}
		return nil
	}
	p.clock.move(step)
	err := l.form.do(p, l.args)
	if l.refusal == "" || p.lax {
		return p.at(l, err)
	}
	if err := wants(err, l.refusal); err != nil {
		return p.at(l, err)
	}
	it, about := "", l.args.request()
	if l.args["OTHER"] != "" {
		about = "it"
	}
	if r := p.requests[about]; r != nil {
		it = r.id
	}
	p.refused = append(p.refused, refusal{l, l.refusal, cmp.Or(l.args["WHO"], l.args["STAFF"], l.args["SYSTEM"]), it})
	if l.once || l.refusal == "answer_refused" {
		return nil
	}
	if err := wants(l.form.do(p, l.args), l.refusal); err != nil {
		return p.at(l, fmt.Errorf("the same again: %w", err))
	}
	return nil
}

// wants compares a refusal with the one that a script expects.
func wants(err error, code string) error {
	switch got := client.CodeOf(err); {
	case err == nil:
		return fmt.Errorf("it was allowed; it should have been refused as %s", code)
	case got == "":
		return err
	case got != code:
		return fmt.Errorf("it was refused as %s; it should have been as %s (%w)", got, code, err)
	}
	return nil
}

// Failure is a script that went otherwise than it says.
type Failure struct {
	File string
	Line int // 0: the oracle, after the last line
	Err  error
}

func (f *Failure) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s.txt: afterwards: %v", f.File, f.Err)
	}
	return fmt.Sprintf("%s.txt:%d: %v", f.File, f.Line, f.Err)
}

// Unwrap is for errors.As.
func (f *Failure) Unwrap() error { return f.Err }

func (p *play) at(l Line, err error) error {
	var already *Failure
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &Failure{p.script.File, l.Number, fmt.Errorf("%s: %w", l.Text, err)}
}
