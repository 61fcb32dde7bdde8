package policy

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/yamltext"
	"countersign/internal/proof"
)

const (
	apiVersion = "countersign/v1"
	maxCount   = 10 // signatures in one role
	defaultEnd = 24 * 3600
)

// The words of a demand.
var (
	deliveryWords  = []string{"in_person", "session", "vault"}
	notifyWords    = []string{"manager", "owner_all", "security"}
	followUpWords  = []string{"revoke_sessions", "revoke_tokens", "rotate_associated"}
	approvingRoles = []string{string(identity.Manager), string(identity.ResourceOwner), string(identity.Security)}
)

// Load compiles a policy. Its error is a Problems value with every fault that
// could be found.
func Load(src []byte) (*Policy, error) {
	l := &loader{decoder: decoderOf("policy", "apiVersion: "+apiVersion)}
	l.Once = " or use `lists`"
	root := l.Parse(src, maxSource)
	if root == nil {
		return nil, l.Err()
	}
	l.policy = &Policy{source: bytes.Clone(src), hash: hashOf(src), expires: defaultEnd, coolOff: int64(proof.CoolOff.Seconds()), lists: map[string][]string{}, desks: map[string]*desk{}}
	l.document(root)
	l.weigh()
	if err := l.Err(); err != nil {
		return nil, err
	}
	l.policy.compile()
	return l.policy, nil
}

type loader struct {
	decoder
	policy *Policy
	envs   environments
	named  map[string]*condition // those read so far; nil for one with a fault
	forms  map[string]*expr.Node // theirs
	parts  int                   // of all conditions
}

// topLevel are the fields of a policy, in the order in which they need one
// another.
var topLevel = []string{"apiVersion", "name", "risk_analysis", "escalation", "eases", "accepted", "expires", "cool_off", "zone",
	"lists", "conditions", "classes", "vendors", "desks", "rules"}

// document reads the fields in the order of topLevel, which need not be the
// order in which they stand.
func (l *loader) document(root *yaml.Node) {
	values := map[string]*yaml.Node{}
	keep := func(v *yaml.Node, path string) { values[path] = v }
	want := yamltext.Fields{}
	for _, n := range topLevel {
		want[n] = keep
	}
	l.Mapping(root, "", want)
	if root.Kind != yaml.MappingNode {
		return
	}
	readers := map[string]func(v *yaml.Node, path string){
		"apiVersion": func(v *yaml.Node, path string) {
			if s, ok := l.Text(v, path); ok && s != apiVersion {
				l.Fault(v, path, "this version of the language is not known; write `%s`", apiVersion)
			}
		},
		"name":          func(v *yaml.Node, path string) { l.policy.name = l.name(v, path) },
		"risk_analysis": func(v *yaml.Node, path string) { l.policy.riskAnalysis = l.Line(v, path) },
		"escalation":    func(v *yaml.Node, path string) { l.policy.escalation = l.Line(v, path) },
		"expires":       func(v *yaml.Node, path string) { l.policy.expires = l.duration(v, path) },
		"cool_off":      func(v *yaml.Node, path string) { l.policy.coolOff = l.duration(v, path) },
		"zone":          func(v *yaml.Node, path string) { l.policy.zone = l.zoneName(v, path) },
		"eases":         l.readEases,
		"accepted":      l.readAccepted,
		"lists":         l.readLists,
		"conditions":    l.readConditions,
		"classes":       l.readClasses,
		"vendors":       l.readVendors,
		"desks":         l.readDesks,
		"rules":         l.readRules,
	}
	for _, n := range topLevel {
		if n == "conditions" {
			l.prepare(values)
		}
		if v := values[n]; v != nil {
			readers[n](v, n)
		}
	}
	for name, why := range map[string]string{
		"apiVersion":    "write `apiVersion: " + apiVersion + "`",
		"name":          "name the policy",
		"risk_analysis": "say where the risk analysis is kept (SP 800-63B-4 §4.2.1 wants one)",
		"rules":         "without rules every request is refused",
	} {
		if values[name] == nil {
			l.Fault(root, name, "the field `%s` is missing; %s", name, why)
		}
	}
}

func (l *loader) readRules(v *yaml.Node, path string) {
	if len(v.Content) > maxRules {
		l.Fault(v, path, "the policy has %d rules; at most %d are allowed", len(v.Content), maxRules)
		return
	}
	lines := map[string]int{}
	l.Filled(v, path, func(v *yaml.Node, path string) {
		r := &rule{line: v.Line}
		seen := l.Mapping(v, path, yamltext.Fields{
			"rule":   func(v *yaml.Node, path string) { r.name = l.name(v, path) },
			"when":   func(v *yaml.Node, path string) { r.when = l.condition(v, path, l.envs.rule) },
			"demand": func(v *yaml.Node, path string) { r.demand = l.demand(v, path) },
			"deny":   func(v *yaml.Node, path string) { r.deny = l.refusal(v, path) },
		})
		l.Require(v, path, seen, "rule")
		l.requireCondition(v, path, seen, "when")
		if (seen["demand"] == nil) == (seen["deny"] == nil) && v.Kind == yaml.MappingNode {
			l.Fault(v, path, "a rule needs either `demand` or `deny`, and not both")
		}
		if first, twice := lines[r.name]; twice && r.name != "" {
			l.Fault(v, path, "the rule `%s` stands here twice (first on line %d); give it another name", r.name, first)
		}
		lines[r.name] = v.Line
		l.policy.rules = append(l.policy.rules, r)
	})
}

// refusal reads a rule's reason. It must not read like a condition that failed,
// so that the two can be told apart in a plan for ever.
func (l *loader) refusal(v *yaml.Node, path string) string {
	s := l.Line(v, path)
	if isFailure(s) {
		l.Fault(v, path, "this is what a plan says of a condition that failed; say in other words why the rule refuses")
	}
	return s
}

func (l *loader) demand(v *yaml.Node, path string) demand {
	var d demand
	seen := l.Mapping(v, path, yamltext.Fields{
		"tier":      func(v *yaml.Node, path string) { d.tier = identity.Tier(l.Word(v, path, words(identity.Tiers))) },
		"proofs":    func(v *yaml.Node, path string) { d.proofs = l.formula(v, path) },
		"approvals": func(v *yaml.Node, path string) { d.approvals = l.approvals(v, path) },
		"wait":      func(v *yaml.Node, path string) { d.wait = l.duration(v, path) },
		"cool_off": func(v *yaml.Node, path string) {
			if d.coolOff = l.duration(v, path); d.coolOff > 0 && d.coolOff < l.policy.coolOff {
				l.Fault(v, path, "a rule can only lengthen the cool-off, which is %s; lower the policy's own `cool_off` first", inWords(l.policy.coolOff))
			}
		},
		"expires": func(v *yaml.Node, path string) {
			if d.expires = l.duration(v, path); d.expires > max(l.policy.expires, 1) {
				l.Fault(v, path, "a rule can only shorten the life of a request, which is %s; raise the policy's own `expires` first", inWords(l.policy.expires))
			}
		},
		"delivery":  func(v *yaml.Node, path string) { d.delivery = l.words(v, path, slices.Clone(deliveryWords)) },
		"notify":    func(v *yaml.Node, path string) { d.notify = l.words(v, path, slices.Clone(notifyWords)) },
		"follow_up": func(v *yaml.Node, path string) { d.followUp = l.words(v, path, slices.Clone(followUpWords)) },
		"review":    func(v *yaml.Node, path string) { d.review = l.duration(v, path) },
		"probation": func(v *yaml.Node, path string) { d.probation = l.duration(v, path) },
	})
	if len(v.Content) == 0 && v.Kind == yaml.MappingNode {
		l.Fault(v, path, "the demand is empty; say what the rule asks for or take the rule out")
	}
	for name := range seen {
		d.said = append(d.said, name)
	}
	slices.Sort(d.said)
	return d
}

func (l *loader) approvals(v *yaml.Node, path string) []approval.Need {
	var needs []approval.Need
	l.Filled(v, path, func(v *yaml.Node, path string) {
		need := approval.Need{Count: 1}
		seen := l.Mapping(v, path, yamltext.Fields{
			"role": func(v *yaml.Node, path string) {
				need.Role = identity.Role(l.Word(v, path, slices.Clone(approvingRoles)))
			},
			"count": func(v *yaml.Node, path string) { need.Count = l.Count(v, path, maxCount) },
		})
		l.Require(v, path, seen, "role", "count")
		if slices.ContainsFunc(needs, func(n approval.Need) bool { return n.Role == need.Role }) {
			l.Fault(v, path, "the role `%s` stands here twice; keep the larger count", need.Role)
		}
		needs = append(needs, need)
	})
	return needs
}

func words[T ~string](ts []T) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = string(t)
	}
	return out
}

func inWords(seconds int64) string {
	switch {
	case seconds%86400 == 0:
		return fmt.Sprintf("%dd", seconds/86400)
	case seconds%3600 == 0:
		return fmt.Sprintf("%dh", seconds/3600)
	case seconds%60 == 0:
		return fmt.Sprintf("%dm", seconds/60)
	}
	return fmt.Sprintf("%ds", seconds)
}
