package console

import (
	"net/http"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/identity"
)

type policyDiffPage struct {
	Tab      string
	Old, New string // hashes
	Editions []gate.PolicyEdition
	Diff     *gate.PolicyDiff
}

// policyDiff compares two policies that were in force: without more words, the
// one in force with the one before it.
func (c *console) policyDiff(w http.ResponseWriter, r *http.Request, v visitor) error {
	view, err := c.Gate.Policy(r.Context(), v.Caller, "")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	p := policyDiffPage{Tab: "diff", Editions: view.Editions, Old: q.Get("old"), New: q.Get("new")}
	if p.New == "" {
		p.New = view.Policy
	}
	if p.Old == "" && len(p.Editions) > 1 {
		p.Old = p.Editions[1].Policy
	}
	if p.Old == "" {
		return c.showPolicy(w, r, v, http.StatusOK, "policy_diff", msg("Compare policies"), p, nil)
	}
	then, err := c.Gate.Policy(r.Context(), v.Caller, p.New)
	if err != nil {
		return err
	}
	if _, err := c.Gate.Policy(r.Context(), v.Caller, p.Old); err != nil {
		return err
	}
	d, err := c.Gate.DiffPolicies(r.Context(), v.Caller, p.Old, then.Text)
	if err != nil {
		said := slip(err)
		if said == nil {
			return err
		}
		return c.showPolicy(w, r, v, said.Status, "policy_diff", msg("Compare policies"), p, said)
	}
	p.Diff = &d
	return c.showPolicy(w, r, v, http.StatusOK, "policy_diff", msg("Compare policies"), p, nil)
}

// alike are changes that differ in what is asked for alone.
type alike struct {
	gate.PolicyDifference
	Actions []identity.Action
}

// Every reports whether it is so whatever is asked for.
func (a alike) Every() bool { return len(a.Actions) == len(identity.Actions) }

// together puts into one line what would be said once for every action.
func together(changes []gate.PolicyDifference) []alike {
	var out []alike
	for _, c := range changes {
		i := slices.IndexFunc(out, func(a alike) bool {
			return a.Class == c.Class && a.Was == c.Was && a.Demand == c.Demand && a.Direction == c.Direction && a.Old == c.Old && a.New == c.New &&
				a.Acknowledged == c.Acknowledged && len(a.RestsOn)+len(c.RestsOn) == 0
		})
		if i < 0 {
			out = append(out, alike{PolicyDifference: c})
			i = len(out) - 1
		}
		out[i].Actions = append(out[i].Actions, c.Action)
	}
	return out
}
