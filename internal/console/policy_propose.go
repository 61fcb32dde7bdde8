package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/internal/gate"
	"countersign/internal/roster"
)

type policyReview struct {
	Tab        string
	Text       string
	Base       string
	InForce    string
	Diff       *gate.PolicyDiff
	Same       bool // nothing of the text differs
	Statements []bothWays
	NotProved  *trouble
	Days       string // of the simulation
	Simulation *gate.Simulation
	NotPlayed  *trouble
	MayPropose bool
}

// Stale reports whether another policy came into force meanwhile.
func (p policyReview) Stale() bool { return p.Base != p.InForce }

// Tallies are the simulation's totals under their names.
func (p policyReview) Tallies() []tallied {
	t := p.Simulation.Total
	return []tallied{{msg("newly refused"), t.Refused}, {msg("newly allowed"), t.Allowed}, {msg("asked less"), t.Eased}, {msg("asked more"), t.Tightened}, {msg("made to wait longer"), t.Delayed}, {msg("as before"), t.Unchanged}}
}

type tallied struct {
	Label message
	Count int
}

// bothWays is a statement about the new policy, and what came of it for the
// one in force.
type bothWays struct {
	gate.PolicyStatement
	Was string
}

// Odd are the statements that do not hold, or came out otherwise before.
func (p policyReview) Odd() []bothWays {
	return slices.DeleteFunc(slices.Clone(p.Statements), bothWays.even)
}

// Even are those that hold now as before.
func (p policyReview) Even() []bothWays {
	return slices.DeleteFunc(slices.Clone(p.Statements), func(b bothWays) bool { return !b.even() })
}

func (b bothWays) even() bool { return b.Outcome == "holds" && b.Was == "holds" }

// reviewTime is how long all of a review may take: less than a page may.
const reviewTime = 50 * time.Second

// review shows what a policy would change: in words, by what is proved of both,
// and, when that was asked for, to the requests of the last days.
func (c *console) review(w http.ResponseWriter, r *http.Request, v visitor, text string, alert *trouble) error {
	ctx, cancel := context.WithTimeout(r.Context(), reviewTime)
	defer cancel()
	d, err := c.Gate.DiffPolicies(ctx, v.Caller, "", text)
	if err != nil {
		no := slip(err)
		if no == nil {
			return err
		}
		if codeOf(err) == "invalid" {
			return c.checked(w, r, v, text, nil)
		}
		return c.checked(w, r, v, text, no)
	}
	p := policyReview{Tab: "edit", Text: text, Base: r.PostForm.Get("base"), InForce: d.Old, Diff: &d, Same: d.Old == d.New,
		Days: r.PostForm.Get("days"), MayPropose: mayPropose(v.Me)}
	if !p.Same {
		c.proveBoth(ctx, v, &p)
		c.play(ctx, v, &p)
	}
	status := http.StatusOK
	if alert != nil {
		status = alert.Status
	}
	return c.showPolicy(w, r, v, status, "policy_review", msg("What the policy would change"), p, alert)
}

func (c *console) proveBoth(ctx context.Context, v visitor, p *policyReview) {
	then, err := c.Gate.ProvePolicy(ctx, v.Caller, p.Text, "")
	if err != nil {
		p.NotProved = said(err)
		return
	}
	was := map[string]string{}
	if now, err := c.Gate.ProvePolicy(ctx, v.Caller, "", ""); err == nil {
		for _, s := range now.Statements {
			was[s.Name] = string(s.Outcome)
		}
	}
	for _, s := range then.Statements {
		p.Statements = append(p.Statements, bothWays{s, was[s.Name]})
	}
}

// play simulates the last days, where somebody asked for it.
func (c *console) play(ctx context.Context, v visitor, p *policyReview) {
	days, err := strconv.ParseUint(p.Days, 10, 9)
	if err != nil || days == 0 || days > 366 {
		p.Days = ""
		return
	}
	s, err := c.Gate.SimulateLately(ctx, v.Caller, p.Text, time.Duration(days)*24*time.Hour)
	if err != nil {
		p.NotPlayed = said(err)
		return
	}
	p.Simulation = &s
}

// said is slip for a part of a page: whatever went wrong, the rest is shown.
func said(err error) *trouble {
	if t := slip(err); t != nil {
		return t
	}
	t := describe(err)
	return &t
}

// policyPropose puts what was reviewed up for the officers' signatures, and
// leads to the first one. What was compared with a policy that is no longer in
// force is compared again first.
func (c *console) policyPropose(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	text := lines(r.PostForm.Get("policy_text"))
	view, err := c.Gate.Policy(r.Context(), v.Caller, "")
	if err != nil {
		return err
	}
	if r.PostForm.Get("compared") != view.Policy {
		return c.review(w, r, v, text, &trouble{http.StatusConflict, msg("Another policy came into force"), msg("Nothing was proposed. Below is what yours would change now; look at it again.")})
	}
	id, err := c.Gate.ProposeChange(r.Context(), v.Caller, roster.Proposed{Kind: roster.PublishPolicy, PolicyText: text})
	if err != nil {
		no := slip(err)
		if no == nil {
			return err
		}
		return c.review(w, r, v, text, no)
	}
	http.Redirect(w, r, "/roster/proposals/"+id+"/sign", http.StatusSeeOther)
	return nil
}
