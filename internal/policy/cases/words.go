package cases

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/yamltext"
	"countersign/internal/proof"
)

// setter changes one demand of a plan to the expected one.
type setter = func(*policy.Plan)

// word is one demand: how an expectation of it is read, and how it is shown.
type word struct {
	name string
	read func(r *yamltext.Reader, v *yaml.Node, path string) setter
	show func(policy.Plan) string
}

// words are the demands that a case can expect.
var words = []word{
	{"class", oneOf(identity.Classes, func(p *policy.Plan) *identity.Class { return &p.Class }), func(p policy.Plan) string { return string(p.Class) }},
	{"tier", oneOf(identity.Tiers, func(p *policy.Plan) *identity.Tier { return &p.Tier }), func(p policy.Plan) string { return string(p.Tier) }},
	{"proofs", readProofs, func(p policy.Plan) string { return orNone(p.Proofs.String()) }},
	{"approvals", readApprovals, func(p policy.Plan) string { return orNone(showNeeds(p.Approvals)) }},
	span("wait", func(p *policy.Plan) *int64 { return &p.Wait }),
	span("expires", func(p *policy.Plan) *int64 { return &p.Expires }),
	span("review", func(p *policy.Plan) *int64 { return &p.Review }),
	span("cool_off", func(p *policy.Plan) *int64 { return &p.CoolOff }),
	span("probation", func(p *policy.Plan) *int64 { return &p.Probation }),
	some("delivery", []string{"in_person", "session", "vault"}, func(p *policy.Plan) *[]string { return &p.Delivery }),
	some("notify", []string{"manager", "owner_all", "security"}, func(p *policy.Plan) *[]string { return &p.Notify }),
	some("follow_up", []string{"revoke_sessions", "revoke_tokens", "rotate_associated"}, func(p *policy.Plan) *[]string { return &p.FollowUp }),
}

// approvingRoles are those that a policy can ask signatures of.
var approvingRoles = []identity.Role{identity.Manager, identity.ResourceOwner, identity.Security}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func oneOf[T ~string](known []T, of func(*policy.Plan) *T) func(*yamltext.Reader, *yaml.Node, string) setter {
	return func(r *yamltext.Reader, v *yaml.Node, path string) setter {
		want := T(r.Word(v, path, asTexts(known)))
		return func(p *policy.Plan) { *of(p) = want }
	}
}

func asTexts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

// span is a demand in seconds, none of them being written none.
func span(name string, of func(*policy.Plan) *int64) word {
	return word{name,
		func(r *yamltext.Reader, v *yaml.Node, path string) setter {
			var want int64
			switch {
			case yamltext.Says(v, "none"):
			case v.Kind == yaml.ScalarNode && v.ShortTag() == "!!int":
				n := yamltext.Clip(v.Value)
				r.Fault(v, path, "a span of time needs a unit: write %sm, %sh or %sd, or none", n, n, n)
			default:
				want = readSpan(r, v, path)
			}
			return func(p *policy.Plan) { *of(p) = want }
		},
		func(p policy.Plan) string {
			if seconds := *of(&p); seconds != 0 {
				return yamltext.Span(seconds)
			}
			return "none"
		},
	}
}

func readSpan(r *yamltext.Reader, v *yaml.Node, path string) int64 {
	s, ok := r.Text(v, path)
	if !ok {
		return 0
	}
	seconds, err := yamltext.ParseSpan(s)
	switch {
	case err != nil:
		r.Fault(v, path, "%v", err)
	case seconds <= 0:
		r.Fault(v, path, "%s is no time at all; write none", yamltext.Clip(s))
	}
	return seconds
}

// some is a demand of several words.
func some(name string, known []string, of func(*policy.Plan) *[]string) word {
	return word{name,
		func(r *yamltext.Reader, v *yaml.Node, path string) setter {
			want := []string{}
			if !yamltext.Says(v, "none") {
				r.List(v, path, func(v *yaml.Node, path string) {
					if s := r.Word(v, path, known); s != "" {
						want = append(want, s)
					}
				})
			}
			slices.Sort(want)
			want = slices.Compact(want)
			return func(p *policy.Plan) { *of(p) = want }
		},
		func(p policy.Plan) string { return orNone(strings.Join(*of(&p), ", ")) },
	}
}

func readProofs(r *yamltext.Reader, v *yaml.Node, path string) setter {
	want := readFormula(r, v, path)
	return func(p *policy.Plan) { p.Proofs = want }
}

func readFormula(r *yamltext.Reader, v *yaml.Node, path string) proof.Formula {
	var want proof.Formula
	if s, ok := r.Text(v, path); ok {
		var err error
		want, err = proof.ParseFormula(s)
		if wrong, is := errors.AsType[*proof.SyntaxError](err); is {
			r.FaultIn(v, []rune(s), utf8.RuneCountInString(s[:min(wrong.Offset, len(s))]), path, "%s", wrong.Msg)
		}
	}
	return want
}

func readApprovals(r *yamltext.Reader, v *yaml.Node, path string) setter {
	want := []approval.Need{}
	if !yamltext.Says(v, "none") {
		r.List(v, path, func(v *yaml.Node, path string) { want = append(want, readNeed(r, v, path)) })
	}
	slices.SortFunc(want, func(a, b approval.Need) int { return strings.Compare(string(a.Role), string(b.Role)) })
	for i := 1; i < len(want); i++ {
		if want[i].Role == want[i-1].Role && want[i].Role != "" {
			r.Fault(v, path, "the role `%s` stands here twice; keep one", want[i].Role)
		}
	}
	return func(p *policy.Plan) { p.Approvals = want }
}

func readNeed(r *yamltext.Reader, v *yaml.Node, path string) approval.Need {
	var n approval.Need
	seen := r.Mapping(v, path, yamltext.Fields{
		"role":  func(v *yaml.Node, path string) { n.Role = identity.Role(r.Word(v, path, asTexts(approvingRoles))) },
		"count": func(v *yaml.Node, path string) { n.Count = r.Count(v, path, 10) },
	})
	r.Require(v, path, seen, "role", "count")
	return n
}

func showNeeds(needs []approval.Need) string {
	parts := make([]string, len(needs))
	for i, n := range needs {
		parts[i] = fmt.Sprintf("%s %d", n.Role, n.Count)
	}
	return strings.Join(parts, ", ")
}
