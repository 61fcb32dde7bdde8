package evidence

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/enrolment"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/policy"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
)

// Roots is what a verifier trusts beforehand; everything else is checked.
type Roots struct {
	Log     note.Verifier // the ledger's key
	Genesis ledger.Hash   // of the roster's founding leaf
}

// Report is the answer, with the reason of each step.
type Report struct {
	Verdict Verdict      `json:"verdict"`
	Request string       `json:"request"`
	Steps   []Step       `json:"steps"`
	State   reset.State  `json:"-"`
	Roster  roster.State `json:"-"`
	// Policy is the one in force when the request was last planned.
	Policy *policy.Policy `json:"-"`
}

// Verdict is the answer in one word.
type Verdict string

// The verdicts.
const (
	Allowed    Verdict = "allowed"
	NotAllowed Verdict = "not allowed"
	NotOrdered Verdict = "nothing ordered" // the evidence holds, but nothing was to be done
)

// Step is one thing that was checked.
type Step struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Verify replays a bundle. Every event has to be on the ledger, in its place,
// legal when it came, signed where it needs a signature by somebody the roster
// allowed at that moment, and every plan has to be what the policy in force
// demands of the recorded facts. now bounds the recorded times: evidence from
// the future is refused.
func Verify(b Bundle, roots Roots, now time.Time) Report {
	v := &verifier{bundle: b, roots: roots, now: now, policies: map[string]*policy.Policy{}, factors: map[string]enrolment.Record{}}
	r := Report{Request: b.Request, Verdict: NotAllowed}
	for _, step := range []struct {
		name string
		do   func() (string, error)
	}{
		{"checkpoint", v.checkpoint},
		{"inclusion", v.inclusion},
		{"roster", v.genesis},
		{"replay", v.replay},
		{"order", v.order},
	} {
		detail, err := step.do()
		if errors.Is(err, errNotOrdered) {
			r.Verdict = NotOrdered
			r.Steps = append(r.Steps, Step{step.name, true, err.Error()})
			break
		}
		if err != nil {
			r.Steps = append(r.Steps, v.detailed()...)
			r.Steps = append(r.Steps, Step{step.name, false, err.Error()})
			r.State, r.Roster = v.request, v.roster
			return r
		}
		r.Steps = append(r.Steps, Step{step.name, true, detail})
		if step.name == "replay" {
			r.Steps = append(r.Steps, v.detailed()...)
		}
		if step.name == "order" {
			r.Verdict = Allowed
		}
	}
	r.State, r.Roster, r.Policy = v.request, v.roster, v.policies[v.request.Policy]
	return r
}

var errNotOrdered = errors.New("nothing was ordered")

type verifier struct {
	bundle   Bundle
	roots    Roots
	now      time.Time
	tree     ledger.Checkpoint
	entries  []entry // roster and request, by position on the ledger
	roster   roster.State
	request  reset.State
	policies map[string]*policy.Policy
	factors  map[string]enrolment.Record // by id
	notes    []Step
	ordered  time.Time
}

type entry struct {
	ledger.Leaf
	private ledger.Private
}

func (v *verifier) detailed() []Step { n := v.notes; v.notes = nil; return n }

func (v *verifier) note(name, format string, args ...any) {
	v.notes = append(v.notes, Step{name, true, fmt.Sprintf(format, args...)})
}

func (v *verifier) checkpoint() (string, error) {
	if v.roots.Log == nil {
		return "", errors.New("no log key to check the checkpoint with")
	}
	tree, err := ledger.ParseCheckpoint(v.roots.Log.Name(), []byte(v.bundle.Checkpoint), note.VerifierList(v.roots.Log))
	if err != nil {
		return "", err
	}
	v.tree = tree
	return fmt.Sprintf("signed by %s, %d entries", tree.Origin, tree.Size), nil
}

// inclusion checks every leaf against the checkpoint, then orders them all.
func (v *verifier) inclusion() (string, error) {
	for _, list := range []struct {
		stream  string
		entries []Entry
	}{{roster.Stream, v.bundle.Roster}, {v.bundle.Request, v.bundle.Events}} {
		for i, e := range list.entries {
			leaf, err := v.included(e)
			if err != nil {
				return "", fmt.Errorf("%s entry %d: %w", list.stream, i+1, err)
			}
			if leaf.Stream != list.stream || leaf.Version != uint64(i)+1 {
				return "", fmt.Errorf("%s entry %d: is %s/%d", list.stream, i+1, leaf.Stream, leaf.Version)
			}
			v.entries = append(v.entries, entry{leaf, e.Private})
		}
	}
	slices.SortFunc(v.entries, func(a, b entry) int { return cmp.Compare(a.Seq, b.Seq) })
	if err := v.enrolments(); err != nil {
		return "", err
	}
	proved := len(v.entries) + len(v.bundle.Enrolments)
	return fmt.Sprintf("%d of %d entries proved to be on the ledger", proved, v.tree.Size), nil
}

func (v *verifier) included(e Entry) (ledger.Leaf, error) {
	leaf, err := ledger.ParseLeaf(e.Leaf)
	if err != nil {
		return leaf, err
	}
	proof := make([]ledger.Hash, len(e.Proof))
	for i, h := range e.Proof {
		proof[i] = ledger.Hash(h)
	}
	if leaf.At.After(v.now.Add(5 * time.Minute)) {
		return leaf, fmt.Errorf("is dated %s, in the future", leaf.At.Format(time.RFC3339))
	}
	if err := ledger.CheckInclusion(proof, v.tree.Size, v.tree.Root, leaf.Seq, leaf.Hash()); err != nil {
		return leaf, fmt.Errorf("was changed, or is not on this ledger: %w", err)
	}
	return leaf, nil
}

func (v *verifier) genesis() (string, error) {
	i := slices.IndexFunc(v.entries, func(e entry) bool { return e.Stream == roster.Stream })
	if i < 0 {
		return "", errors.New("the bundle has no roster")
	}
	if v.entries[i].Hash() != v.roots.Genesis {
		return "", errors.New("the roster does not begin with the founding entry you trust")
	}
	return "begins with the founding entry you trust", nil
}

// replay folds roster and request together in the order of the ledger, so each
// event is judged by the roster and the policy of its moment.
func (v *verifier) replay() (string, error) {
	for _, e := range v.entries {
		var err error
		if e.Stream == roster.Stream {
			err = v.replayRoster(e)
		} else {
			err = v.replayEvent(e)
		}
		if err != nil {
			return "", fmt.Errorf("entry %d, %s (%s): %w", e.Seq, e.Type, e.At.Format(time.RFC3339), err)
		}
	}
	return fmt.Sprintf("%d events of the request and %d of the roster are legal", len(v.bundle.Events), len(v.bundle.Roster)), nil
}

func (v *verifier) replayRoster(e entry) error {
	next, err := roster.Evolve(v.roster, e.Leaf, e.private)
	if err != nil {
		return err
	}
	if next.Version == 1 && !v.trusts(next.Log) {
		return errors.New("the roster was founded for another ledger")
	}
	v.roster = next
	return nil
}

// trusts reports whether the log key in the founding entry is the trusted one.
func (v *verifier) trusts(key string) bool {
	k, err := note.NewVerifier(key)
	return err == nil && k.Name() == v.roots.Log.Name() && k.KeyHash() == v.roots.Log.KeyHash()
}

func (v *verifier) replayEvent(e entry) error {
	body, erased, err := reset.Decode(e.Type, e.Body, e.private)
	if err != nil {
		return err
	}
	if err := v.judge(body, erased, e); err != nil {
		return err
	}
	next, err := reset.Fold(v.request, e.Leaf, e.private)
	if err != nil {
		return err
	}
	v.request = next
	return nil
}

// judge checks what the fold cannot know: policy, roster and signatures.
func (v *verifier) judge(body reset.Event, erased []string, e entry) error {
	switch b := body.(type) {
	case reset.Opened:
		if slices.Contains(erased, "facts") {
			return errors.New("its facts were erased, so its plan cannot be computed again")
		}
		return v.opened(b)
	case reset.Replanned:
		if slices.Contains(erased, "facts") {
			return errors.New("its facts were erased, so its plan cannot be computed again")
		}
		plan, err := v.plan(b.Policy, b.Facts)
		if err != nil {
			return err
		}
		return samePlan(b.Plan, policy.Join(v.request.Plan, plan))
	case reset.Proved:
		return v.proved(b, e.Seq)
	case reset.Voted:
		return v.voted(b)
	case reset.Reviewed:
		return v.reviewed(b)
	case reset.Ordered:
		v.ordered = e.At
		return v.standing()
	}
	return nil
}

func (v *verifier) opened(o reset.Opened) error {
	if o.Agent != "" {
		m, ok := v.roster.Members[o.Agent]
		if !ok || !m.Has(identity.Agent) || m.Desk != o.Desk {
			return fmt.Errorf("agent %s was not on the roster at desk %q", o.Agent, o.Desk)
		}
	}
	plan, err := v.plan(o.Policy, o.Facts)
	if err != nil {
		return err
	}
	if err := samePlan(o.Plan, plan); err != nil {
		return err
	}
	v.note("plan", "%s for a %s account at tier %s, policy %s", o.Action, plan.Class, plan.Tier, o.Policy)
	return nil
}

// plan computes a plan again with the policy that was in force.
func (v *verifier) plan(hash string, facts policy.Facts) (policy.Plan, error) {
	if hash != v.roster.Policy {
		return policy.Plan{}, fmt.Errorf("policy %s was not in force; %s was", hash, v.roster.Policy)
	}
	p, ok := v.policies[hash]
	if !ok {
		var err error
		if p, err = policy.Load([]byte(v.roster.PolicyText)); err != nil {
			return policy.Plan{}, fmt.Errorf("the policy in force does not load: %w", err)
		}
		v.policies[hash] = p
	}
	staff := v.roster.StaffRoles(facts.Subject.Person)
	if !slices.Equal(staff, facts.Subject.Staff) {
		return policy.Plan{}, fmt.Errorf("the facts say the subject holds roles %v; the roster says %v", facts.Subject.Staff, staff)
	}
	return p.Plan(facts), nil
}

func samePlan(recorded, computed policy.Plan) error {
	a, err1 := ledger.Marshal(recorded)
	b, err2 := ledger.Marshal(computed)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("the recorded plan is not what the policy demands: recorded %s, computed %s", a, b)
	}
	return nil
}

func (v *verifier) voted(b reset.Voted) error {
	decision := reset.Approve
	if b.Deny {
		decision = reset.Deny
	}
	if err := v.signed(b.Person, decision, b.Assertion); err != nil {
		return err
	}
	if r := v.roster.Lacks(b.Person, b.Roles, b.Person == v.request.Manager); r != "" {
		return fmt.Errorf("%s did not hold the role %s", b.Person, r)
	}
	words := make([]string, len(b.Roles))
	for i, r := range b.Roles {
		words[i] = string(r)
	}
	v.note(string(decision), "signed by %s as %s", b.Person, strings.Join(words, " and "))
	return nil
}

func (v *verifier) reviewed(b reset.Reviewed) error {
	decision := reset.InOrder
	if b.Verdict != "in_order" {
		decision = reset.Suspect
	}
	m := v.roster.Members[b.Person]
	if !m.Has(identity.Reviewer) && !m.Has(identity.Security) {
		return fmt.Errorf("%s did not hold a reviewer's role", b.Person)
	}
	return v.signed(b.Person, decision, b.Assertion)
}

// signed checks a signature over the statement as it stands at this event.
func (v *verifier) signed(p identity.PersonID, d reset.Decision, a passkey.Assertion) error {
	text, err := v.request.Statement(d)
	if err != nil {
		return err
	}
	if err := v.roster.Verify(p, text.Challenge(), a); err != nil {
		return fmt.Errorf("the %s by %s: %w", d, p, err)
	}
	return nil
}

// standing checks, at the order, that every signer still held the role.
func (v *verifier) standing() error {
	for _, vote := range v.request.Votes {
		if r := v.roster.Lacks(vote.Person, vote.Roles, vote.Person == v.request.Manager); r != "" {
			return fmt.Errorf("%s no longer held the role %s when the order was committed", vote.Person, r)
		}
	}
	return nil
}

func (v *verifier) order() (string, error) {
	s := v.request
	switch {
	case s.Order != nil:
		return fmt.Sprintf("%s of %s, attempt %d, was allowed (%s)", s.Order.Action, s.Order.Subject, s.Order.Attempt, s.Status()), nil
	case v.ordered.IsZero():
		return "", fmt.Errorf("%w: the request stands at %s", errNotOrdered, s.Status())
	default:
		return fmt.Sprintf("an order of %s was allowed; the request stands at %s", v.ordered.Format(time.RFC3339), s.Status()), nil
	}
}
