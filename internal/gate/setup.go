package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
	"countersign/policies"
)

// SetupStep is one step from an empty server to the first reset.
type SetupStep string

// The steps, in their order.
const (
	StepLogKey     SetupStep = "log_key"
	StepFounded    SetupStep = "founded"
	StepSecond     SetupStep = "second_officer"
	StepDirectory  SetupStep = "directory"
	StepMail       SetupStep = "mail"
	StepPolicy     SetupStep = "policy"
	StepDesk       SetupStep = "desk"
	StepFirstReset SetupStep = "first_reset"
)

// SetupSteps lists every step, in order.
var SetupSteps = []SetupStep{StepLogKey, StepFounded, StepSecond, StepDirectory, StepMail, StepPolicy, StepDesk, StepFirstReset}

// SetupView is how far a server is from its first reset. All of it is worked
// out from what there is: nothing is kept for it.
type SetupView struct {
	Done  bool            `json:"done"` // every step is
	Steps []SetupStepView `json:"steps" nullable:"false"`

	LogKey  string `json:"log_key"` // verifies the ledger's checkpoints
	Genesis string `json:"genesis"` // the founding entry's fingerprint

	Founder   string    `json:"founder"`
	FoundedAt time.Time `json:"founded_at"`

	Officers int `json:"officers"`
	Invited  int `json:"officers_invited"`  // their link has not been opened yet
	Proposed int `json:"officers_proposed"` // they came, and wait for signatures

	Directories []TestedPart `json:"directories" nullable:"false"`
	Mail        *TestedPart  `json:"mail,omitempty"` // absent: no mail server is configured

	Policy     string `json:"policy"`                // the name of the one in force
	PolicyHash string `json:"policy_hash"`           //
	Ready      string `json:"ready,omitempty"`       // it is this ready-made one, unchanged
	PolicyOpen string `json:"policy_open,omitempty"` // a proposal of another that waits for signatures

	Agents int      `json:"agents"`
	Desks  []string `json:"desks" nullable:"false"` // that agents belong to

	FirstReset string `json:"first_reset,omitempty"` // a request that was carried out
}

// SetupStepView is how one step stands.
type SetupStepView struct {
	Step SetupStep `json:"step"`
	Done bool      `json:"done"`
}

// TestedPart is a part that has to have been tested.
type TestedPart struct {
	Name   string    `json:"name"`
	Test   *TestView `json:"test,omitempty"`     // the last one
	LastOK bool      `json:"answered,omitempty"` // it answered since the server began
}

// OK reports whether the part is known to have worked.
func (t TestedPart) OK() bool { return t.LastOK || t.Test != nil && t.Test.OK }

// Founded reports whether the roster stands. It is for anybody to know: before,
// nothing can be done here.
func (g *Gate) Founded(ctx context.Context) (bool, error) {
	_, _, err := g.rules(ctx)
	if errors.Is(err, errNotFounded) {
		return false, nil
	}
	if errors.Is(err, ErrPolicy) {
		return true, nil
	}
	return err == nil, err
}

// Setup tells those with oversight how far the server is from its first reset.
func (g *Gate) Setup(ctx context.Context, c Caller) (SetupView, error) {
	if ok, err := g.audits(ctx, c); err != nil || !ok {
		return SetupView{}, errors.Join(err, ErrForbidden)
	}
	return g.setup(ctx)
}

// SetupDone reports whether every step is done. It is asked for every page that
// an officer looks at: it is worked out again only when the ledger has grown,
// and once it was true it stays so until the server stops.
func (g *Gate) SetupDone(ctx context.Context) bool {
	if g.settled.done.Load() {
		return true
	}
	signed, err := g.store.Checkpoint(ctx)
	if err != nil {
		return false
	}
	if last := g.settled.last.Swap(string(signed)); last == string(signed) {
		return false
	}
	v, err := g.setup(ctx)
	if err == nil && v.Done {
		g.settled.done.Store(true)
	}
	return err == nil && v.Done
}

// settled remembers what SetupDone found, and at which checkpoint.
type settled struct {
	done atomic.Bool
	last atomic.Value
}

func (g *Gate) setup(ctx context.Context) (SetupView, error) {
	chain, inForce, err := g.rules(ctx)
	if err != nil {
		return SetupView{}, err
	}
	v := SetupView{LogKey: g.cfg.LogKey, Genesis: chain.Genesis, Directories: []TestedPart{}, Desks: []string{},
		Policy: inForce.Name(), PolicyHash: inForce.Hash()}
	v.peopled(chain)
	v.ruled(chain, g.now())
	g.mu.Lock()
	if len(g.annals.entries) > 0 {
		v.Founder, v.FoundedAt = g.annals.entries[0].Name, g.annals.entries[0].At
	}
	g.mu.Unlock()
	for _, step := range []func(context.Context, *SetupView) error{g.setupInvited, g.setupTested, g.setupFirst} {
		if err := step(ctx, &v); err != nil {
			return v, err
		}
	}
	v.judge()
	return v, nil
}

// peopled takes down who is on the roster.
func (v *SetupView) peopled(chain roster.State) {
	for _, m := range chain.Members {
		v.Officers += count(m.Has(identity.Officer))
		if m.Has(identity.Agent) {
			v.Agents++
			v.Desks = append(v.Desks, m.Desk)
		}
	}
	slices.Sort(v.Desks)
	v.Desks = slices.Compact(v.Desks)
}

// ruled takes down what waits for signatures, and whether the policy is still
// the one it began with.
func (v *SetupView) ruled(chain roster.State, now time.Time) {
	for id, o := range chain.Proposals {
		if !now.Before(o.Until) {
			continue
		}
		v.Proposed += count(o.Kind == roster.AddMember && slices.Contains(o.Roles, identity.Officer))
		if o.Kind == roster.PublishPolicy {
			v.PolicyOpen = max(v.PolicyOpen, id) // the newest: ids are time-ordered
		}
	}
	for _, r := range policies.All {
		if roster.HashPolicy(r.Text()) == chain.Policy {
			v.Ready = r.Name
		}
	}
}

func (g *Gate) setupInvited(ctx context.Context, v *SetupView) error {
	items, err := g.store.Shelf(ctx, shelfInvitation, g.now(), maxShown)
	if err != nil {
		return fmt.Errorf("gate: reading invitations: %w", err)
	}
	for _, item := range items {
		var i invitation
		if err := unmarshal(item, &i); err != nil {
			return err
		}
		v.Invited += count(!i.Another && !i.Founding && slices.Contains(i.Roles, identity.Officer))
	}
	return nil
}

func (g *Gate) setupTested(ctx context.Context, v *SetupView) error {
	var parts []PartView
	for _, p := range g.pulses.all {
		if p.kind == PartDirectory || p.kind == PartMail {
			parts = append(parts, p.View())
		}
	}
	if err := g.lastTests(ctx, parts); err != nil {
		return err
	}
	for _, p := range parts {
		one := TestedPart{p.Name, p.Test, p.LastOK != nil}
		if p.Kind == PartMail {
			v.Mail = &one
			continue
		}
		v.Directories = append(v.Directories, one)
	}
	return nil
}

func (g *Gate) setupFirst(ctx context.Context, v *SetupView) error {
	rows, err := g.store.Rows(ctx, store.RowQuery{Statuses: []string{string(reset.Done)}, Limit: 1})
	if err != nil {
		return fmt.Errorf("gate: looking for a request that was carried out: %w", err)
	}
	if len(rows) > 0 {
		v.FirstReset = rows[0].ID
	}
	return nil
}

func (v *SetupView) judge() {
	untried := slices.ContainsFunc(v.Directories, func(t TestedPart) bool { return !t.OK() })
	done := map[SetupStep]bool{
		StepLogKey: v.LogKey != "", StepFounded: true, StepSecond: v.Officers > 1,
		StepDirectory: len(v.Directories) > 0 && !untried, StepMail: v.Mail != nil && v.Mail.OK(),
		StepPolicy: v.Ready == "", StepDesk: v.Agents > 0, StepFirstReset: v.FirstReset != "",
	}
	v.Done = true
	for _, s := range SetupSteps {
		v.Steps = append(v.Steps, SetupStepView{s, done[s]})
		v.Done = v.Done && done[s]
	}
}

// ReadyPolicies lists the ready-made policies, which are no secret.
func (g *Gate) ReadyPolicies() []policies.Ready { return policies.All }

// ReadyPolicy is the text of a ready-made policy, for those who may change the
// one in force.
func (g *Gate) ReadyPolicy(ctx context.Context, c Caller, name string) (string, error) {
	if _, _, err := g.governor(ctx, c); err != nil {
		return "", err
	}
	r, ok := policies.Find(name)
	if !ok {
		return "", &Fault{"not_found", "there is no ready-made policy of that name"}
	}
	return r.Text(), nil
}
