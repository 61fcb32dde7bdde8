// Package cases tests a policy with cases that read as sentences: given a
// request, expect a plan or a refusal.
//
//	cases:
//	  - case: a forgotten password asks for the authenticator, or two other things together
//	    given: {}
//	    expect: {tier: elevated, proofs: totp || (recovery_code && email_code), approvals: none}
//	  - case: chat is no way in for the vendor
//	    given: {agent: {desk: nightline}, request: {channel: chat}}
//	    expect: {refused: chat is not an intake channel for the vendor desk}
//	  - case: administrators need two signatures
//	    each: {action: [password_reset, unlock]}
//	    given: {subject: {admin: true}}
//	    expect: {class: privileged, at_least: {wait: 2h}, because: [administrators]}
//
// given is a specimen (see package specimen), and left out it is the ordinary
// request. each names facts, such as action or subject.unit, with the values
// that they take in turn: the case stands for every combination.
//
// expect says what the plan has to be: class, tier, proofs, approvals, wait,
// expires, review, cool_off, probation, delivery, notify and follow_up, each
// exactly; the same words under at_least as this or stricter; enough, proofs that
// have to be enough, each alternative of them, whatever else would be too; and
// because, rules that must be among its reasons. refused is a refusal's reason, {by: rule,
// because: reason}, a list of these, or true for any; other refusals may stand
// beside those that are named. Where nothing is said of a refusal, the request
// must not be refused.
//
// Run also tells what no case reaches: see Coverage.
package cases

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
	"countersign/internal/policy/yamltext"
)

// The bounds of a file of cases.
const (
	MaxSize  = 1 << 20 // bytes
	MaxCases = 10_000  // combinations counted one by one
)

// File is what a file of cases says, a Case for each combination of each.
type File struct {
	Cases []Case
}

// Case is one sentence about one request.
type Case struct {
	Sentence string
	With     string // the combination of each: "action: unlock"; "" without
	Line     int    // of the sentence, from 1
	Given    policy.Facts
	expect   expectation
}

// Load reads a file of cases. The error is policy.Problems: all faults at once.
func Load(text []byte) (File, error) {
	l := &loader{Reader: yamltext.Reader{What: "file of cases", Begins: "cases:"}, sentences: map[string]int{}}
	if root := l.Parse(text, MaxSize); root != nil {
		l.Require(root, "", l.Mapping(root, "", yamltext.Fields{"cases": l.readCases}), "cases")
	}
	if err := l.Err(); err != nil {
		return File{}, err
	}
	return l.file, nil
}

type loader struct {
	yamltext.Reader
	file      File
	sentences map[string]int
}

func (l *loader) readCases(v *yaml.Node, path string) {
	if v.Kind == yaml.SequenceNode && len(v.Content) == 0 {
		l.Fault(v, path, "the list is empty; say at least one thing about the policy")
	}
	l.List(v, path, l.readCase)
}

func (l *loader) readCase(v *yaml.Node, path string) {
	c := Case{Line: v.Line}
	given, each := &yaml.Node{Kind: yaml.MappingNode, Line: v.Line, Column: v.Column}, (*yaml.Node)(nil)
	seen := l.Mapping(v, path, yamltext.Fields{
		"case":   func(v *yaml.Node, path string) { c.Line, c.Sentence = v.Line, l.sentence(v, path) },
		"given":  func(v *yaml.Node, _ string) { given = v },
		"each":   func(v *yaml.Node, _ string) { each = v },
		"expect": func(v *yaml.Node, path string) { c.expect = l.expectation(v, path) },
	})
	l.Require(v, path, seen, "case", "expect")
	for _, combination := range l.combinations(each, yamltext.Below(path, "each")) {
		if len(l.file.Cases) == MaxCases {
			l.Fault(v, path, "with this case there are more than %d; test less at once", MaxCases)
			return
		}
		c.With = combination.text()
		c.Given = specimen.Read(&l.Reader, l.joined(given, combination, path), yamltext.Below(path, "given"))
		l.file.Cases = append(l.file.Cases, c)
	}
}

func (l *loader) sentence(v *yaml.Node, path string) string {
	s := l.Line(v, path)
	if first := l.sentences[s]; first > 0 && s != "" {
		l.Fault(v, path, "this sentence stands here twice (first on line %d); say in what the cases differ", first)
	}
	l.sentences[s] = v.Line
	return s
}

// String is the sentence, with its combination when there is one.
func (c Case) String() string {
	if c.With == "" {
		return c.Sentence
	}
	return fmt.Sprintf("%s (%s)", c.Sentence, c.With)
}
