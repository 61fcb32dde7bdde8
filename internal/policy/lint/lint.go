// Package lint says what is wrong with a policy that loads: what it can never
// do, where it asks for less than the norms want, what it demands that nobody
// could give, and what it forgot.
//
// Questions about requests (can this rule ever apply, is one e-mail ever enough
// for an administrator) are decided by package prove over every possible
// request, and a finding that rests on one shows it.
//
// Codes are stable: a policy accepts a finding by its code, in `accepted`. The
// table of kinds is the whole list, and docs/policy-findings.md is written from
// it.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // do not put the policy in force
	Warning Severity = "warning" // somebody should decide that this is meant
	Note    Severity = "note"    // worth knowing
)

// Severities lists them, worst first.
var Severities = []Severity{Error, Warning, Note}

// Finding is one thing that is wrong with a policy, and where.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Line     int      `json:"line"`              // from 1; 0 when it is of the whole text
	Column   int      `json:"column"`            // in characters, from 1
	Path     string   `json:"path,omitempty"`    // rules[3].demand.proofs
	At       string   `json:"at,omitempty"`      // the rule, class, desk, vendor, list or condition it is about
	Section  string   `json:"section,omitempty"` // the norm's section, where one rules
	Message  string   `json:"message"`
	Way      string   `json:"way_out"`
	// Example is a request that shows it, as specimen writes requests on a line.
	Example string `json:"example,omitempty"`
	// Accepted is why the policy lives with the finding; "" when it does not.
	Accepted string `json:"accepted,omitempty"`
}

// Counts reports whether the finding stands: it is of this severity and the
// policy does not accept it.
func (f Finding) Counts(as Severity) bool { return f.Severity == as && f.Accepted == "" }

// Text is the finding on a line, without its place.
func (f Finding) Text() string {
	var b strings.Builder
	b.WriteString(string(f.Severity) + ": ")
	if f.At == "" && f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	if f.Way != "" && f.Accepted == "" {
		b.WriteString("; " + f.Way)
	}
	if f.Section != "" {
		b.WriteString(" (" + f.Section + ")")
	}
	return b.String() + " [" + f.Code + "]"
}

// Policy looks a policy over, for the site it is to be used at. Equal policies and sites give equal findings, in the order of
// the text. Notes and warnings that the policy accepts are among them, with
// the reason.
func Policy(p *policy.Policy, site Site) []Finding {
	c := &check{policy: p, logic: p.Logic(), text: parse(p.Source()), site: site}
	c.model = newModel(p, c.logic)
	for _, look := range []func(){
		c.wording, c.names, c.absences,
		c.reaches, c.swallowed, c.refused, c.desks,
		c.formulas, c.strength, c.circumstances,
		c.approvals, c.aftermath, c.reactions,
		c.ability,
	} {
		look()
	}
	for _, why := range c.model.unclear[:min(len(c.model.unclear), atMost)] {
		c.say("cannot-tell", "", c.text.key("rules"), "some questions about requests have no answer: %s", why)
	}
	return finish(p, c.text, c.found)
}

type check struct {
	policy *policy.Policy
	logic  policy.Logic
	text   source
	site   Site
	model  *model
	met    []*meeting // by rule; nil for one that no request is known to meet
	found  []Finding
}

// say notes a finding of a kind. Its way out is the kind's.
func (c *check) say(code, at string, where place, format string, args ...any) *Finding {
	k := kindOf(code)
	c.found = append(c.found, Finding{
		Code: code, Severity: k.Severity, Line: where.line, Column: where.column, Path: where.path, At: at,
		Section: k.Section, Message: fmt.Sprintf(format, args...), Way: k.Way,
	})
	return &c.found[len(c.found)-1]
}

// shows adds the request that shows the finding.
func (f *Finding) shows(request policy.Facts) { f.Example = specimen.Line(request) }

// finish puts findings in order and marks those that the policy accepts.
func finish(p *policy.Policy, t source, found []Finding) []Finding {
	found = accept(p.Accepted(), t, found)
	rank := func(f Finding) int { return slices.Index(Severities, f.Severity) }
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(found, func(a, b Finding) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Code == b.Code && a.Message == b.Message
	})
}

func list[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}
