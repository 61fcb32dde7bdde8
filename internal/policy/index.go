package policy

import (
	"cmp"
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy/expr"
	"countersign/internal/proof"
)

// index finds the rules that facts may concern without looking at the others.
type index struct {
	rules    []*demanding // by name, so that reasons come out sorted
	words    int          // of 64 rules each
	open     []uint64     // rules without a guard
	lookups  []lookup
	actions  [][]uint64 // rules that an action does not rule out, by its place
	classes  [][]uint64 // likewise; the last is for a word that is no class
	classful []uint64   // rules that read the account's class
}

// lookup finds rules by a text of the facts.
type lookup struct {
	from   source
	list   source              // whose elements have the text; noSource for a fact that is no element's
	absent []uint64            // rules to look at when the text is absent
	rules  map[string][]uint16 // by the text, their places
}

// ruleSet holds rules by their place in the index.
type ruleSet [(maxRules + 63) / 64]uint64

func (s *ruleSet) add(i int) { s[i/64%len(s)] |= 1 << (i % 64) }

// demanding is a rule with its demand in the form in which demands are joined.
type demanding struct {
	*rule
	ways     proof.Ways
	tier     int
	needs    [3]int // by approvingRoles
	delivery uint32 // by deliveryWords; 0 when the rule does not say
	notify   uint32 // by notifyWords
	followUp uint32 // by followUpWords
	reasons  []Reason
}

func newDemanding(r *rule) *demanding {
	m := &r.demand
	d := &demanding{
		rule: r, ways: m.proofs.Ways(),
		delivery: bitsOf(deliveryWords, m.delivery), notify: bitsOf(notifyWords, m.notify), followUp: bitsOf(followUpWords, m.followUp),
	}
	if m.tier != "" {
		d.tier = m.tier.Rank()
	}
	for _, n := range m.approvals {
		i := slices.Index(approvingRoles, string(n.Role))
		d.needs[i] = max(d.needs[i], n.Count)
	}
	for _, s := range m.said {
		d.reasons = append(d.reasons, Reason{r.name, s})
	}
	return d
}

// worthLooking is how many rules a text has to concern for looking it up to
// take less time than looking at them.
const worthLooking = 4

// newIndex looks up the texts that concern so many rules at least.
func newIndex(rules []*rule, worth int) *index {
	sorted := slices.Clone(rules)
	slices.SortStableFunc(sorted, func(a, b *rule) int { return cmp.Compare(a.name, b.name) })
	sorted = slices.Compact(sorted)
	x := &index{words: (len(sorted) + 63) / 64}
	x.open, x.classful = make([]uint64, x.words), make([]uint64, x.words)
	x.actions, x.classes = tables(len(identity.Actions), x.words), tables(len(identity.Classes)+1, x.words)
	guards, uses := make([]guard, len(sorted)), map[source]int{}
	for i, r := range sorted {
		x.rules = append(x.rules, newDemanding(r))
		g, ok := guardOf(r.when.tree)
		if !ok {
			g = guard{{from: noSource}}
		}
		guards[i] = g
		for _, k := range g {
			uses[k.from]++
		}
		x.sort(i, r.when)
	}
	for i, g := range guards {
		if slices.ContainsFunc(g, func(k key) bool { return k.from == noSource || uses[k.from] < worth }) {
			x.open[i/64] |= 1 << (i % 64)
			continue
		}
		for _, k := range g {
			x.enter(i, k)
		}
	}
	return x
}

func tables(n, words int) [][]uint64 {
	t := make([][]uint64, n)
	for i := range t {
		t[i] = make([]uint64, words)
	}
	return t
}

// sort puts rule i under the actions and classes that do not rule it out.
func (x *index) sort(i int, when *condition) {
	for a := range x.actions {
		if when.only.actions&(1<<a) != 0 {
			x.actions[a][i/64] |= 1 << (i % 64)
		}
	}
	for c := range x.classes {
		if c == len(identity.Classes) && when.only.classes&(1<<30) != 0 || when.only.classes&(1<<c) != 0 {
			x.classes[c][i/64] |= 1 << (i % 64)
		}
	}
	if when.tree.Any(func(n *expr.Node) bool { return n.Op == expr.Opaque }) || when.tree.Reads("subject.class") {
		x.classful[i/64] |= 1 << (i % 64)
	}
}

func (x *index) enter(i int, k key) {
	l := slices.IndexFunc(x.lookups, func(l lookup) bool { return l.from == k.from })
	if l < 0 {
		l = len(x.lookups)
		x.lookups = append(x.lookups, lookup{from: k.from, list: listOf(k.from), absent: make([]uint64, x.words), rules: map[string][]uint16{}})
	}
	if optionalSource[k.from] {
		x.lookups[l].absent[i/64] |= 1 << (i % 64)
	}
	at := x.lookups[l].rules
	if n := len(at[k.value]); n == 0 || at[k.value][n-1] != uint16(i) {
		at[k.value] = append(at[k.value], uint16(i))
	}
}

// find gives the rules that may be other than false for the facts, before
// action and class are looked at.
func (x *index) find(e *frame, found *ruleSet) {
	copy(found[:], x.open)
	for i := range x.lookups {
		l := &x.lookups[i]
		switch l.list {
		case noSource:
			l.find(e.words(l.from, 0), found)
		case l.from:
			for _, s := range e.members(l.list) {
				l.find(s, found)
			}
		default:
			for j := range e.length(l.list) {
				l.find(e.words(l.from, j), found)
			}
		}
	}
}

func (l *lookup) find(s string, found *ruleSet) {
	for _, i := range l.rules[s] {
		found.add(int(i))
	}
	if s == "" {
		for w, b := range l.absent {
			found[w] |= b
		}
	}
}

// place finds a word's place in a list of words; beyond it when it is none.
func place[T comparable](words []T, w T) int {
	if i := slices.Index(words, w); i >= 0 {
		return i
	}
	return len(words)
}
