package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/store"
)

// PartKind is what sort of part something is that the server works with.
type PartKind string

// The kinds of part.
const (
	PartDirectory PartKind = "directory"
	PartMail      PartKind = "mail"
	PartSMS       PartKind = "sms"
	PartVoice     PartKind = "voice"
	PartProvider  PartKind = "provider" // the organisation's sign-in
	PartProofing  PartKind = "proofing" // of identities, by somebody else
	PartPolicy    PartKind = "policy"   // the operator's file beside the policy in force
)

// PartKinds lists every kind.
var PartKinds = []PartKind{PartDirectory, PartMail, PartSMS, PartVoice, PartProvider, PartProofing, PartPolicy}

// PartState is how a part stands.
type PartState string

// The states.
const (
	PartOK      PartState = "ok"
	PartWarning PartState = "warning" // it works; somebody should look
	PartFailing PartState = "failing" // what was last tried failed
	PartUnused  PartState = "unused"  // nothing has been asked of it since the server began
)

// PartStates lists every state.
var PartStates = []PartState{PartOK, PartWarning, PartFailing, PartUnused}

// PartView is one part as real traffic and probes told of it. No field repeats
// what a part itself said in an error.
type PartView struct {
	Kind       PartKind          `json:"kind"`
	Name       string            `json:"name"`
	Type       string            `json:"type,omitempty"` // of a directory: activedirectory, ldap, local
	State      PartState         `json:"state"`
	Detail     string            `json:"detail,omitempty"`
	Can        []identity.Action `json:"can,omitempty"` // what a directory can do
	Calls      int               `json:"calls"`         // since the server began
	Failures   int               `json:"failures"`
	LastOK     *time.Time        `json:"last_ok,omitempty"`
	LastFailed *time.Time        `json:"last_failed,omitempty"`
	Failure    string            `json:"failure,omitempty"`  // the last one, in words
	Usual      int64             `json:"usual_ms,omitempty"` // the middle of what the last calls took
	Off        *int64            `json:"clock_ms,omitempty"` // how far its clock is ahead of ours, where it tells
	Test       *TestView         `json:"test,omitempty"`     // the last that somebody asked for
}

// PartsView is everything the server works with.
type PartsView struct {
	At     time.Time   `json:"at"`
	Since  time.Time   `json:"since"` // when the server began; calls are counted from here
	Parts  []PartView  `json:"parts" nullable:"false"`
	Ledger LedgerPart  `json:"ledger"`
	Store  StorePart   `json:"store"`
	Jobs   []QueueView `json:"jobs" nullable:"false"`
	Stuck  []StuckView `json:"stuck" nullable:"false"`
	Tests  []string    `json:"tests" nullable:"false"` // what the caller may test: directory/NAME, mail/self, mail/security
}

// LedgerPart is where the ledger stands.
type LedgerPart struct {
	Origin  string     `json:"origin"`
	Key     string     `json:"key"` // what others check its checkpoints with
	Entries uint64     `json:"entries"`
	Signed  *time.Time `json:"signed,omitempty"` // the newest entry and the checkpoint over it
}

// StorePart is how the store is.
type StorePart struct {
	State PartState `json:"state"`
	Size  int64     `json:"size"` // bytes; -1: not known
	Free  int64     `json:"free"` // bytes left where it grows; -1: not known
}

// QueueView is how the jobs of one kind stand.
type QueueView struct {
	Kind     string     `json:"kind"`
	Waiting  int        `json:"waiting"`
	Oldest   *time.Time `json:"oldest,omitempty"` // when the first of those waiting was due
	Running  int        `json:"running"`
	Later    int        `json:"later"`
	Retrying int        `json:"retrying"`
	GivenUp  int        `json:"given_up"`
}

// StuckView is a job that was tried in vain.
type StuckView struct {
	Kind     string     `json:"kind"`
	Request  string     `json:"request,omitempty"` // the one it belongs to
	Attempts int        `json:"attempts"`
	Max      int        `json:"max"`
	Since    time.Time  `json:"since"`
	Last     *time.Time `json:"last,omitempty"`
	Next     *time.Time `json:"next,omitempty"` // absent: it was given up
}

// Parts tells those with oversight, and tokens that read the ledger, how
// everything is that the server works with.
func (g *Gate) Parts(ctx context.Context, c Caller) (PartsView, error) {
	ok, err := g.audits(ctx, c)
	if err != nil {
		return PartsView{}, err
	}
	if !ok {
		return PartsView{}, ErrForbidden
	}
	v := PartsView{At: g.now(), Since: g.pulses.since, Parts: []PartView{}, Jobs: []QueueView{}, Stuck: []StuckView{}, Tests: []string{}}
	down := g.pulses.ping(ctx, g.inOrder())
	for _, p := range g.pulses.all {
		one := p.View()
		if p.kind == PartDirectory {
			one = g.directoryPart(one, down)
		}
		v.Parts = append(v.Parts, one)
	}
	if g.beside != nil {
		v.Parts = append(v.Parts, g.beside(ctx)...)
	}
	slices.SortStableFunc(v.Parts, func(a, b PartView) int {
		return cmp.Compare(slices.Index(PartKinds, a.Kind), slices.Index(PartKinds, b.Kind))
	})
	if err := g.lastTests(ctx, v.Parts); err != nil {
		return v, err
	}
	if v.Ledger, err = g.ledgerPart(ctx); err != nil {
		return v, err
	}
	v.Tests = g.Testable(ctx, c)
	return v, g.storePart(ctx, &v)
}

// directoryPart joins what reads told of a directory with whether it answers
// now.
func (g *Gate) directoryPart(v PartView, down map[string]probe) PartView {
	v.Type, v.Can = g.kinds[v.Name], g.dirs[v.Name].Can()
	switch p := down[v.Name]; {
	case p.failure != "":
		v.State, v.Detail = PartFailing, p.failure
	case v.State == PartFailing || v.State == PartUnused:
		v.State = PartOK // it answers with the configured rights at this moment
	}
	return v
}

func (g *Gate) ledgerPart(ctx context.Context) (LedgerPart, error) {
	origin, _, _ := strings.Cut(g.cfg.LogKey, "+")
	out := LedgerPart{Origin: origin, Key: g.cfg.LogKey}
	signed, err := g.store.Checkpoint(ctx)
	if err != nil {
		return out, fmt.Errorf("gate: reading the checkpoint: %w", err)
	}
	if out.Entries, err = g.checkpointSize(signed); err != nil || out.Entries == 0 {
		return out, err
	}
	last, err := g.store.Records(ctx, out.Entries-1, 1)
	if err == nil && len(last) == 1 {
		out.Signed = momentOf(last[0].At)
	}
	return out, err
}

func (g *Gate) storePart(ctx context.Context, v *PartsView) error {
	c, takes, err := g.pulses.condition(ctx, g.store)
	if err != nil {
		return fmt.Errorf("gate: looking at the store: %w", err)
	}
	v.Store = StorePart{State: PartOK, Size: c.Size, Free: c.Free}
	switch {
	case !takes:
		v.Store.State = PartFailing
	case c.Free >= 0 && c.Free < scarce:
		v.Store.State = PartWarning
	}
	for _, q := range c.Queues {
		v.Jobs = append(v.Jobs, QueueView{q.Kind, q.Waiting, momentOf(q.Oldest), q.Running, q.Later, q.Retrying, q.GivenUp})
	}
	for _, s := range c.Stuck {
		var args JobArgs
		_ = json.Unmarshal(s.Args, &args) // one that does not read belongs to no request
		v.Stuck = append(v.Stuck, StuckView{s.Kind, args.Request, s.Attempts, s.Max, s.Since, momentOf(s.Last), momentOf(s.Next)})
	}
	return nil
}

// scarce is how little room calls for a look: a ledger never shrinks.
const scarce = 1 << 30

// inOrder are the directories as they are configured.
func (g *Gate) inOrder() []directory.Directory {
	var out []directory.Directory
	for _, name := range g.order {
		out = append(out, g.dirs[name])
	}
	return out
}

// probe is what came of asking a part whether it answers.
type probe struct{ failure string }

const (
	probedFor = 10 * time.Second // how long an answer is believed
	probeWait = 3 * time.Second  // how long it may take
)

// probes are the last answers. Whoever comes while they are being asked for
// waits for the same ones.
type probes struct {
	mu   sync.Mutex
	at   time.Time
	dirs map[string]probe

	cond  store.Condition
	takes bool
	seen  time.Time
}

// ping asks each directory whether it answers with the configured rights.
func (ps *pulses) ping(ctx context.Context, dirs []directory.Directory) map[string]probe {
	ps.probes.mu.Lock()
	defer ps.probes.mu.Unlock()
	if ps.probes.dirs != nil && ps.now().Sub(ps.probes.at).Abs() < probedFor {
		return ps.probes.dirs
	}
	// Whoever asks first may go away before the answer; the next one wants it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeWait)
	defer cancel()
	found := make([]probe, len(dirs))
	var wait sync.WaitGroup
	for i, d := range dirs {
		wait.Go(func() {
			if err := d.Ping(ctx); err != nil {
				found[i].failure = ps.words(err)
			}
		})
	}
	wait.Wait()
	ps.probes.dirs, ps.probes.at = map[string]probe{}, ps.now()
	for i, d := range dirs {
		ps.probes.dirs[d.Name()] = found[i]
	}
	return ps.probes.dirs
}

// condition asks the store how it is, and whether it takes writes.
func (ps *pulses) condition(ctx context.Context, s store.Store) (store.Condition, bool, error) {
	ps.probes.mu.Lock()
	defer ps.probes.mu.Unlock()
	if !ps.probes.seen.IsZero() && ps.now().Sub(ps.probes.seen).Abs() < probedFor/2 {
		return ps.probes.cond, ps.probes.takes, nil
	}
	c, err := s.Condition(ctx)
	if err != nil {
		return c, false, err
	}
	ps.probes.cond, ps.probes.takes, ps.probes.seen = c, s.Ping(ctx) == nil, ps.now()
	return c, ps.probes.takes, nil
}

// Testable lists what the caller may test: directory/NAME, mail/self where
// their own address can be on record, and mail/security.
func (g *Gate) Testable(ctx context.Context, c Caller) []string {
	out := []string{}
	m, err := g.tester(ctx, c)
	if err != nil {
		return out
	}
	for _, name := range g.order {
		out = append(out, tested(PartDirectory, name))
	}
	if _, own := g.dirs[identity.AccountID(m.Person).Directory()]; own && g.mail != nil {
		out = append(out, tested(PartMail, string(MailSelf)))
	}
	if g.cfg.SecurityMail != "" && g.mail != nil {
		out = append(out, tested(PartMail, string(MailSecurity)))
	}
	return out
}

// lastTests adds to each part the last test that somebody asked for.
func (g *Gate) lastTests(ctx context.Context, parts []PartView) error {
	items, err := g.store.Shelf(ctx, shelfTested, g.now(), 100)
	if err != nil {
		return fmt.Errorf("gate: reading tests: %w", err)
	}
	for _, i := range items {
		var t TestView
		if err := unmarshal(i, &t); err != nil {
			return err
		}
		at := slices.IndexFunc(parts, func(p PartView) bool { return tested(p.Kind, p.Name) == i.Key })
		if at >= 0 {
			parts[at].Test = &t
		}
	}
	return nil
}
