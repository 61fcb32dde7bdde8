// Package gate is the one door. Every change to a request or to the roster
// goes through a method of Gate, a file a verb: load, look up, decide, record.
// Console, API, command line and jobs all come this way, so the same rules
// hold everywhere. It is the only holder of the interface that appends events.
package gate

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/notify"
	"countersign/internal/passhash"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

// Config is what the operator decides.
type Config struct {
	Organisation string // as it stands in notices and in the founding entry
	BaseURL      string // https://countersign.example.org: every link starts with it
	LogKey       string // the ledger's verifier key, signed-note form
	RelyingParty passkey.RelyingParty
	// SecurityMail hears of repudiations, of outcomes that could not be
	// learnt, and of whatever the policy's notify sends to security; may be empty.
	SecurityMail string
	// SoftwareKeys allows passkeys that are files (package softkey) on the
	// roster: for labs and automation.
	SoftwareKeys bool
	// OIDC is what a sign-in at the provider has to show to be a proof.
	OIDC OIDC
	// DeviceCAs, where there are any, have to have certified the keys of devices.
	DeviceCAs *x509.CertPool
}

// Parts is what the gate works with.
type Parts struct {
	Store       store.Store
	Directories []directory.Directory // readers
	Sender      notify.Sender         // nil: no mail; methods that need it are not offered
	SMS, Voice  notify.Phone          // nil: that way of reaching telephones is not offered
	Provider    Provider              // nil: there is none
	Proofers    []Proofer             // of identities; empty: there are none
	Hasher      *passhash.Hasher
	Box         *sealing.Box
	Now         func() time.Time
	Log         *slog.Logger
	// Faulted hears of every rule of the policy in force that could not be
	// evaluated for a recorded decision, by the rule's name; nil: nobody does.
	Faulted func(inForce *policy.Policy, rule string)
	// Kinds says what each directory is, by its name, for those who watch it.
	Kinds map[string]string
	// Beside tells of parts that the gate itself does not call; nil: there are
	// none.
	Beside func(context.Context) []PartView
	// Words says what went wrong with a call of a part, where it knows better
	// than the gate; "" where it does not. It repeats no error's own text.
	Words func(error) string
}

// Gate is the door. Its methods are safe for concurrent use.
type Gate struct {
	cfg   Config
	store store.Store
	dirs  map[string]directory.Directory
	order []string // of directories, as configured
	mail  notify.Sender
	sms   notify.Phone
	voice notify.Phone
	sims  *sims
	hash  hasher
	box   *sealing.Box
	clock func() time.Time
	log   *slog.Logger
	hear  func(*policy.Policy, string)
	ways  map[proof.Method]way

	watchers *watchers
	looks    looks
	pulses   *pulses
	kinds    map[string]string
	beside   func(context.Context) []PartView
	settled  settled
	used     sync.Map // when a token last called, by its name

	provider Provider
	proofers []Proofer

	mu       sync.Mutex
	chain    roster.State
	annals   annals         // how the chain came to be
	policy   *policy.Policy // compiled from chain.PolicyText
	editions editions       // of the policy, as the chain tells

	bench *bench // where texts of policies are looked at

	names names // of accounts, for lists

	simulating sync.Mutex // one at a time: each plans every request of a year, twice
}

// New opens the door on a store. It replays the roster, verifying it.
func New(ctx context.Context, cfg Config, p Parts) (*Gate, error) {
	heard := heard{p.Store, &watchers{}}
	g := &Gate{cfg: cfg, store: heard, watchers: heard.watchers, mail: p.Sender, hash: hasher{p.Hasher}, box: p.Box, clock: p.Now, log: p.Log, hear: p.Faulted,
		sms: p.SMS, voice: p.Voice, provider: p.Provider, proofers: p.Proofers, dirs: map[string]directory.Directory{}}
	g.feel(p)
	g.sims = newSIMs(g.now, p.SMS, p.Voice)
	g.bench = newBench()
	if g.hear == nil {
		g.hear = func(*policy.Policy, string) {}
	}
	for _, d := range p.Directories {
		if _, dup := g.dirs[d.Name()]; dup {
			return nil, fmt.Errorf("gate: two directories are named %q", d.Name())
		}
		g.dirs[d.Name()] = g.pulses.feel(d)
		g.order = append(g.order, d.Name())
	}
	g.ways = g.makeWays()
	if _, _, err := g.rules(ctx); err != nil && !errors.Is(err, errNotFounded) {
		return nil, err
	}
	if err := g.recount(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// now is the server's clock at the ledger's precision.
func (g *Gate) now() time.Time { return g.clock().UTC().Truncate(time.Millisecond) }

func newID(kind string) string { return kind + "_" + uuid.Must(uuid.NewV7()).String() }

func salt() (s [32]byte) {
	_, _ = rand.Read(s[:]) // never fails: crypto/rand aborts the program instead
	return s
}

var errNotFounded = &Fault{Code: "not_founded", Msg: "the roster has not been founded yet; run `countersign roster init` and use the invitation it prints"}

// rules returns the roster and the policy in force, catching up with the
// ledger. What is already folded stays folded. Both come from one entry of the
// ledger: a policy that does not load is never replaced by an earlier one,
// which is no longer in force, but refuses everything that needs a policy.
func (g *Gate) rules(ctx context.Context) (roster.State, *policy.Policy, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	records, err := g.store.After(ctx, roster.Stream, g.chain.Version)
	if err != nil {
		return roster.State{}, nil, fmt.Errorf("gate: reading the roster: %w", err)
	}
	for _, r := range records {
		next, err := roster.Evolve(g.chain, r.Leaf, r.Private)
		if err != nil {
			return roster.State{}, nil, fmt.Errorf("gate: the roster on the ledger does not verify: %w", err)
		}
		g.editions = g.editions.follow(g.chain, next, r)
		g.annals = g.annals.follow(g.chain, next, r)
		g.chain = next
	}
	if !g.chain.Founded() {
		return roster.State{}, nil, errNotFounded
	}
	if g.policy == nil || g.policy.Hash() != g.chain.Policy {
		p, err := LoadPolicy([]byte(g.chain.PolicyText))
		if err != nil {
			return roster.State{}, nil, fmt.Errorf("%w: %w", ErrPolicy, err)
		}
		g.policy = p
	}
	return g.chain, g.policy, nil
}

// load folds a request from the ledger.
func (g *Gate) load(ctx context.Context, id string) (reset.State, error) {
	records, err := g.store.Stream(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && records[0].Type != (reset.Opened{}).Type() {
		return reset.State{}, ErrNoRequest
	}
	if err != nil {
		return reset.State{}, fmt.Errorf("gate: reading %s: %w", id, err)
	}
	return Fold(records)
}

// Fold replays a request's records.
func Fold(records []store.Record) (reset.State, error) {
	var s reset.State
	for _, r := range records {
		next, err := reset.Fold(s, r.Leaf, r.Private)
		if err != nil {
			return s, fmt.Errorf("gate: replaying %s/%d: %w", r.Stream, r.Version, err)
		}
		s = next
	}
	return s, nil
}

// RowOf is the read row of a state: a pure function, so that the ledger's
// check can rebuild it.
func RowOf(s reset.State) (*store.Row, error) {
	state, err := ledger.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("gate: writing the state of %s: %w", s.ID, err)
	}
	return &store.Row{
		ID: s.ID, Subject: s.Subject, Person: s.Person, Action: s.Action, Status: string(s.Status()),
		Tier: s.Plan.Tier, Desk: s.Desk, Agent: s.Agent, Case: s.Case, Opened: s.OpenedAt, Changed: s.ChangedAt,
		Version: s.Version, State: state,
	}, nil
}

// FoldRow rebuilds the read row of a stream, or nil where it has none: the
// fold that store.Check compares with.
func FoldRow(stream string, records []store.Record) (*store.Row, error) {
	if len(records) == 0 || records[0].Type != (reset.Opened{}).Type() {
		return nil, nil
	}
	s, err := Fold(records)
	if err != nil {
		return nil, err
	}
	return RowOf(s)
}

// besides is what a commit carries along with its events.
type besides struct {
	jobs  []store.Job
	items []store.ItemChange
	rests []store.Footing
}

// footing ties a commit to the roster it was decided on. A change that lands
// in between would leave on the ledger what no auditor can retrace: the commit
// conflicts, and the decision is made anew.
func footing(chain roster.State) []store.Footing {
	return []store.Footing{{Stream: roster.Stream, Version: chain.Version}}
}

// commit records events of one request, with the read row and whatever the
// new state calls for.
func (g *Gate) commit(ctx context.Context, before, after reset.State, actor string, events []reset.Event, more besides) error {
	if len(events) == 0 && len(more.items) == 0 && len(more.jobs) == 0 {
		return nil
	}
	c := store.Commit{Stream: after.ID, Expect: before.Version, Actor: actor, At: after.ChangedAt, Items: more.items, Rests: more.rests}
	for _, e := range events {
		open, private, err := ledger.Seal(e, salt)
		if err != nil {
			return fmt.Errorf("gate: writing %s: %w", e.Type(), err)
		}
		c.Events = append(c.Events, store.Draft{Type: e.Type(), Open: open, Private: private})
	}
	var err error
	if len(events) > 0 {
		if c.Row, err = RowOf(after); err != nil {
			return err
		}
	}
	if c.Counts, err = countEvents(before, events, after.ChangedAt); err != nil {
		return fmt.Errorf("gate: counting %s: %w", after.ID, err)
	}
	c.Jobs = append(more.jobs, entailed(before, after)...)
	if _, err := g.store.Commit(ctx, c); err != nil {
		return fmt.Errorf("gate: recording %s: %w", after.ID, err)
	}
	return nil
}

// change is the shape of nearly every verb: load, decide, record; once more
// from the start when somebody else was faster. decide may return both a
// command's refusal and a trace to record.
func (g *Gate) change(ctx context.Context, id, actor string, decide func(s reset.State, at time.Time) (reset.Command, besides, error)) (reset.State, error) {
	for try := 0; ; try++ {
		before, err := g.load(ctx, id)
		if err != nil {
			return before, err
		}
		at := g.now()
		cmd, more, err := decide(before, at)
		if err != nil {
			return before, err
		}
		events, after, refusal := reset.Decide(before, cmd, at)
		if refusal != nil && len(events) == 0 {
			return before, refusal
		}
		err = g.commit(ctx, before, after, actor, events, more)
		if errors.Is(err, store.ErrConflict) {
			if try < 8 {
				continue
			}
			err = ErrBusy
		}
		if err != nil {
			return before, err
		}
		return after, refusal
	}
}

// entailed lists the jobs a new state calls for.
func entailed(before, after reset.State) []store.Job {
	var jobs []store.Job
	add := func(kind string, at time.Time, unique string) {
		args, _ := json.Marshal(JobArgs{Request: after.ID})
		jobs = append(jobs, store.Job{Kind: kind, Args: args, RunAt: at, Unique: unique})
	}
	stamp := fmt.Sprintf("%s/%d", after.ID, after.Version)
	switch status := after.Status(); {
	case status == reset.Ready && after.Attempts > 0:
		// The last order was found not applied: give the directory a moment.
		add(JobAuthorise, after.ChangedAt.Add(time.Duration(after.Attempts)*10*time.Second), stamp)
	case status == reset.Ready:
		add(JobAuthorise, time.Time{}, stamp)
	case status == reset.Waiting && after.WaitFrom != nil:
		add(JobAuthorise, after.WaitUntil(), stamp)
	case status == reset.OrderedUp && (before.Order == nil || before.Order.Order != after.Order.Order):
		add(JobDispatch, time.Time{}, after.Order.Order)
	}
	if after.IsOpen() && !after.ExpiresAt().Equal(before.ExpiresAt()) {
		add(JobExpire, after.ExpiresAt(), stamp)
	}
	return append(jobs, notices(before, after)...)
}

// The kinds of jobs and their arguments.
const (
	JobAuthorise = "authorise"
	JobDispatch  = "dispatch"
	JobExpire    = "expire"
	JobNotice    = "notice"
	JobLetter    = "letter"
	JobFollowUp  = "follow_up"
	JobSelf      = "self_service"
	JobReport    = "caller_report"
)

// JobArgs are the arguments of every job: ids only, never a secret.
type JobArgs struct {
	Request string `json:"request,omitempty"`
	Notice  string `json:"notice,omitempty"`
	Contact string `json:"contact,omitempty"`
	Letter  string `json:"letter,omitempty"`
	Errand  string `json:"errand,omitempty"`
}

// system is the actor of what happens by itself.
const system = "system"
