package policy

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
	"countersign/internal/policy/yamltext"
)

// Eases says that the policy knowingly asks less than another.
type Eases struct {
	Since   string // the other policy's Hash
	Because string // why that is right
	What    []Eased
	Line    int // where it stands, from 1
}

// Eased is what is asked less for; an empty word stands for every one.
type Eased struct {
	Class  identity.Class
	Action identity.Action
}

// Covers reports whether asking less for the class and action is acknowledged.
func (e Eases) Covers(class identity.Class, action identity.Action) bool {
	return slices.ContainsFunc(e.What, func(w Eased) bool {
		return (w.Class == "" || w.Class == class) && (w.Action == "" || w.Action == action)
	})
}

// Accepted is a finding of `policy check` that the organisation lives with.
type Accepted struct {
	Finding string // the finding's code
	At      string // the rule, class or desk it is about; "" for all
	Because string
	Line    int // where it stands, from 1
}

// Eases is what the policy acknowledges to ask less for; false when nothing.
func (p *Policy) Eases() (Eases, bool) {
	if p.eases == nil {
		return Eases{}, false
	}
	e := *p.eases
	e.What = slices.Clone(e.What)
	return e, true
}

// Accepted lists the findings that are accepted, in the order of the text.
func (p *Policy) Accepted() []Accepted { return slices.Clone(p.accepted) }

var (
	hashShape    = regexp.MustCompile(`^sha256:[A-Za-z0-9_-]{43}$`)
	findingShape = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
)

func (l *loader) readEases(v *yaml.Node, path string) {
	e := Eases{Line: v.Line}
	seen := l.Mapping(v, path, yamltext.Fields{
		"since": func(v *yaml.Node, path string) {
			if e.Since, _ = l.Text(v, path); e.Since != "" && !hashShape.MatchString(e.Since) {
				l.Fault(v, path, "%q does not name a policy; write sha256: and its 43 characters, as `policy check` prints them", yamltext.Clip(e.Since))
			}
		},
		"because": func(v *yaml.Node, path string) { e.Because = l.Line(v, path) },
		"what": func(v *yaml.Node, path string) {
			l.Filled(v, path, func(v *yaml.Node, path string) { e.What = append(e.What, l.eased(v, path)) })
		},
	})
	l.Require(v, path, seen, "since", "because", "what")
	l.policy.eases = &e
}

// eased reads a class and an action, either of which may be a star.
func (l *loader) eased(v *yaml.Node, path string) Eased {
	s, ok := l.Text(v, path)
	if !ok {
		return Eased{}
	}
	class, action, both := strings.Cut(s, "/")
	if !both {
		l.Fault(v, path, "%q is not a class and an action; write them like standard/unlock, or */unlock for every class", yamltext.Clip(s))
		return Eased{}
	}
	return Eased{identity.Class(l.half(v, path, class, words(identity.Classes))), identity.Action(l.half(v, path, action, words(identity.Actions)))}
}

func (l *loader) half(v *yaml.Node, path, s string, allowed []string) string {
	if s == "*" {
		return ""
	}
	if !slices.Contains(allowed, s) {
		l.Fault(v, path, "unknown word `%s`; %s", yamltext.Clip(s), yamltext.Suggest(s, allowed))
	}
	return s
}

func (l *loader) readAccepted(v *yaml.Node, path string) {
	if !l.atMost(v, path, "accepted findings", maxAccepted) {
		return
	}
	l.Filled(v, path, func(v *yaml.Node, path string) {
		a := Accepted{Line: v.Line}
		seen := l.Mapping(v, path, yamltext.Fields{
			"finding": func(v *yaml.Node, path string) {
				if a.Finding, _ = l.Text(v, path); a.Finding != "" && (!findingShape.MatchString(a.Finding) || len(a.Finding) > 64) {
					l.Fault(v, path, "%q is not a finding; write its code as `policy check` prints it, in small letters with dashes", yamltext.Clip(a.Finding))
				}
			},
			"at":      func(v *yaml.Node, path string) { a.At = l.name(v, path) },
			"because": func(v *yaml.Node, path string) { a.Because = l.Line(v, path) },
		})
		l.Require(v, path, seen, "finding", "because")
		l.policy.accepted = append(l.policy.accepted, a)
	})
}
