package gate

import (
	"context"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/change"
	"countersign/internal/policy/diff"
)

// PolicyDiff is what one policy changes against another.
type PolicyDiff struct {
	Old     string             `json:"old" doc:"the policies' hashes"`
	New     string             `json:"new"`
	Changes []PolicyDifference `json:"changes" nullable:"false" doc:"what asks less comes first"`
	Unclear []string           `json:"unclear,omitempty" doc:"what could not be decided; there may be more changes"`
	Because string             `json:"because,omitempty" doc:"the reason the new policy gives for asking less"`
	Way     *PolicyWording     `json:"escalation,omitempty" doc:"the way out that people are told, when it is worded otherwise"`
	Effect  string             `json:"effect" doc:"in one line"`
	Text    string             `json:"text" doc:"in words, as those who sign are shown it"`
	// Eased: it asks less of somebody, or something else, and does not say so.
	// Such a policy cannot be proposed.
	Eased           bool   `json:"eased" doc:"it asks less, or something else, and does not acknowledge it; then it cannot be proposed"`
	Acknowledgement string `json:"acknowledgement,omitempty" doc:"what to add to the policy if that is meant"`
}

// PolicyDifference is one demand that requests of one kind meet otherwise.
type PolicyDifference struct {
	Class        identity.Class   `json:"class" doc:"under the new policy"`
	Was          identity.Class   `json:"was,omitempty" doc:"under the old one, when that is another"`
	Action       identity.Action  `json:"action"`
	Demand       string           `json:"demand" doc:"request, tier, proofs, approvals, wait, …"`
	Direction    change.Direction `json:"direction" enum:"less,more,else"`
	Old          string           `json:"old"`
	New          string           `json:"new"`
	Given        string           `json:"given" doc:"a request for which that is so, as a specimen of one line"`
	RestsOn      []string         `json:"rests_on,omitempty"`
	Acknowledged bool             `json:"acknowledged,omitempty"`
}

// PolicyWording is a text before and after.
type PolicyWording struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// DiffPolicies says of which requests the policy asks less, more or something
// else than another does. old is a text, or the hash of a policy that was in
// force; empty, it is the one in force.
func (g *Gate) DiffPolicies(ctx context.Context, c Caller, old, text string) (PolicyDiff, error) {
	inForce, err := g.policyReader(ctx, c)
	if err != nil {
		return PolicyDiff{}, err
	}
	all := g.policyEditions()
	if i, ok := all.of(old); ok {
		old = all[i].text
	}
	return atBench(ctx, g.bench, c, "diff", func(context.Context) (PolicyDiff, error) {
		before, err := loadOr(inForce, old)
		if err != nil {
			return PolicyDiff{}, err
		}
		after, err := loadOr(inForce, text)
		if err != nil {
			return PolicyDiff{}, err
		}
		return differing(before, after), nil
	})
}

func differing(before, after *policy.Policy) PolicyDiff {
	r := diff.Policies(before, after)
	d := PolicyDiff{Old: r.Old, New: r.New, Changes: []PolicyDifference{}, Unclear: r.Unclear, Because: r.Because, Way: (*PolicyWording)(r.Escalation),
		Effect: r.Effect(), Text: r.Text(), Eased: r.Eased()}
	for _, f := range r.Findings {
		d.Changes = append(d.Changes, PolicyDifference{f.Class, f.Was, f.Action, f.Demand, f.Direction, f.Old, f.New, f.Given, f.RestsOn, f.Acknowledged})
	}
	if d.Eased {
		d.Acknowledgement = r.Acknowledgement()
	}
	return d
}
