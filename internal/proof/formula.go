package proof

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"countersign/internal/identity"
)

// Formula says which proofs are enough, as a list of alternatives: any one of
// them suffices, and all methods within it are needed.
//
// Every function of this package returns formulas in minimal disjunctive
// normal form: each alternative is sorted and without repetition, none
// contains another, and the alternatives are sorted. Equal formulas are
// therefore equal bytes in the ledger.
//
// An empty formula means that nothing was demanded. It is never satisfied:
// "no proof asked for" must not read as "no proof needed". An alternative
// without methods counts as absent for the same reason, and a method outside
// Specs reads as the word "unknown", which nobody can prove.
type Formula [][]Method

// set is an alternative as bits: one for each entry of Specs.
type set = uint64

// unprovable stands for every method that is not in Specs.
const unprovable set = 1 << 63

// And demands both formulas. An empty formula is the identity: And(f, nil) is
// f, which is what joining "nothing was demanded" with a demand means.
func And(f, g Formula) Formula {
	a, b := f.sets(), g.sets()
	if len(a) == 0 {
		return fromSets(b)
	}
	if len(b) == 0 {
		return fromSets(a)
	}
	return fromSets(product(a, b))
}

// Or is satisfied by what satisfies either formula. An empty formula adds no
// way of being satisfied: Or(f, nil) is f.
func Or(f, g Formula) Formula { return fromSets(append(f.sets(), g.sets()...)) }

// Satisfied reports whether the proved methods are enough. It is monotone: a
// further proof never makes it false.
func (f Formula) Satisfied(have []Method) bool {
	h := setOf(have) &^ unprovable
	return slices.ContainsFunc(f.sets(), func(s set) bool { return s&^h == 0 })
}

// Without drops every alternative that needs one of the methods. When none is
// left the result is empty and can never be satisfied; it is then for the
// caller to refuse, because And takes an empty formula as no demand.
func (f Formula) Without(unusable ...Method) Formula {
	u := setOf(unusable)
	return fromSets(slices.DeleteFunc(f.sets(), func(s set) bool { return s&u != 0 }))
}

// Remaining lists the ways that are still open after some methods have been
// proved, easiest first: fewest methods left, then the order of Specs. Methods
// within a way stand in the order of Specs. The list is empty when the formula
// is satisfied already and when it cannot be; ask Satisfied first.
func (f Formula) Remaining(have []Method) Formula {
	h := setOf(have) &^ unprovable
	var left []set
	for _, s := range f.sets() {
		switch {
		case s&^h == 0:
			return nil
		case s&unprovable == 0:
			left = append(left, s&^h)
		}
	}
	left = minimal(left)
	slices.SortFunc(left, func(a, b set) int {
		return cmp.Or(bits.OnesCount64(a)-bits.OnesCount64(b), cmp.Compare(bits.Reverse64(b), bits.Reverse64(a)))
	})
	out := make(Formula, len(left))
	for i, s := range left {
		out[i] = methodsOf(s)
	}
	return out
}

// Methods lists every method the formula mentions, sorted.
func (f Formula) Methods() []Method {
	var all set
	for _, s := range f.sets() {
		all |= s
	}
	ms := methodsOf(all)
	slices.Sort(ms)
	return ms
}

// Equal reports whether two formulas are satisfied by the same proofs.
func (f Formula) Equal(g Formula) bool {
	return slices.Equal(sorted(minimal(f.sets())), sorted(minimal(g.sets())))
}

// String is the canonical text: alternatives joined by ||, an alternative of
// several methods in parentheses unless it stands alone. An empty formula is "".
func (f Formula) String() string {
	f = fromSets(f.sets())
	var b strings.Builder
	for i, alt := range f {
		if i > 0 {
			b.WriteString(" || ")
		}
		group := len(alt) > 1 && len(f) > 1
		if group {
			b.WriteByte('(')
		}
		for j, m := range alt {
			if j > 0 {
				b.WriteString(" && ")
			}
			b.WriteString(string(m))
		}
		if group {
			b.WriteByte(')')
		}
	}
	return b.String()
}

// MarshalText gives the canonical text, so that JSON carries it as a string.
func (f Formula) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads any text that MarshalText wrote, the empty one included.
// A join of many rules may be longer than what ParseFormula accepts from a
// person, so the bounds here are wider.
func (f *Formula) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*f = nil
		return nil
	}
	g, err := parseFormula(string(text), 256<<10, 4096)
	if err != nil {
		return err
	}
	*f = g
	return nil
}

// sets drops empty alternatives and keeps the rest in their order.
func (f Formula) sets() []set {
	out := make([]set, 0, len(f))
	for _, alt := range f {
		if s := setOf(alt); s != 0 {
			out = append(out, s)
		}
	}
	return out
}

func setOf(ms []Method) set {
	var s set
	for _, m := range ms {
		s |= bit(m)
	}
	return s
}

func bit(m Method) set {
	for i := range Specs {
		if Specs[i].Method == m {
			return 1 << i
		}
	}
	return unprovable
}

func methodsOf(s set) []Method {
	out := make([]Method, 0, bits.OnesCount64(s))
	for i := range Specs {
		if s&(1<<i) != 0 {
			out = append(out, Specs[i].Method)
		}
	}
	if s&unprovable != 0 {
		out = append(out, "unknown")
	}
	return out
}

func product(a, b []set) []set {
	out := make([]set, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x|y)
		}
	}
	return out
}

// minimal keeps the alternatives that contain no other.
func minimal(ss []set) []set {
	if len(ss) < 2 {
		return ss
	}
	slices.SortFunc(ss, func(a, b set) int {
		return cmp.Or(bits.OnesCount64(a)-bits.OnesCount64(b), cmp.Compare(a, b))
	})
	kept := ss[:0:0]
	for _, s := range slices.Compact(ss) {
		if !slices.ContainsFunc(kept, func(k set) bool { return k&^s == 0 }) {
			kept = append(kept, s)
		}
	}
	return kept
}

func sorted(ss []set) []set {
	slices.Sort(ss)
	return ss
}

func fromSets(ss []set) Formula {
	ss = minimal(ss)
	if len(ss) == 0 {
		return nil
	}
	f := make(Formula, len(ss))
	for i, s := range ss {
		f[i] = methodsOf(s)
		slices.Sort(f[i])
	}
	slices.SortFunc(f, slices.Compare)
	return f
}

// SyntaxError says where in a formula's text the fault is and the way out.
type SyntaxError struct {
	Offset int // in bytes
	Msg    string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("proof: formula, byte %d: %s", e.Offset, e.Msg)
}

// ParseFormula reads method names joined by && and ||, with parentheses; &&
// binds tighter. The text may have 4 KiB, parentheses 32 levels deep and 256
// minimal alternatives. Every error is a *SyntaxError.
func ParseFormula(s string) (Formula, error) { return parseFormula(s, 4<<10, 256) }

const maxDepth = 32

func parseFormula(s string, maxLen, maxAlts int) (Formula, error) {
	if len(s) > maxLen {
		return nil, &SyntaxError{maxLen, fmt.Sprintf("the formula is longer than %d bytes", maxLen)}
	}
	p := &parser{src: s, maxAlts: maxAlts}
	ss, err := p.or(0)
	if err == nil && p.peek() != "" {
		err = p.unexpected("expected && or || or the end")
	}
	if err != nil {
		return nil, err
	}
	return fromSets(ss), nil
}

type parser struct {
	src     string
	pos     int
	maxAlts int
}

func (p *parser) or(depth int) ([]set, error) {
	return p.chain("||", func() ([]set, error) { return p.and(depth) },
		func(a, b []set) []set { return append(a, b...) })
}

func (p *parser) and(depth int) ([]set, error) {
	return p.chain("&&", func() ([]set, error) { return p.operand(depth) }, product)
}

func (p *parser) chain(op string, next func() ([]set, error), merge func(a, b []set) []set) ([]set, error) {
	all, err := next()
	for err == nil && p.peek() == op {
		at := p.pos
		p.pos += len(op)
		var more []set
		if more, err = next(); err != nil {
			break
		}
		if all = minimal(merge(all, more)); len(all) > p.maxAlts {
			return nil, &SyntaxError{at, fmt.Sprintf("the formula has more than %d alternatives; ask for fewer combinations", p.maxAlts)}
		}
	}
	return all, err
}

func (p *parser) operand(depth int) ([]set, error) {
	word := p.peek()
	switch {
	case word == "(" && depth == maxDepth:
		return nil, &SyntaxError{p.pos, fmt.Sprintf("parentheses are more than %d levels deep", maxDepth)}
	case word == "(":
		p.pos++
		ss, err := p.or(depth + 1)
		if err == nil && p.peek() != ")" {
			err = p.unexpected("expected )")
		}
		p.pos++
		return ss, err
	case word == "" || !isLetter(word[0]):
		return nil, p.unexpected("expected a proof method or (")
	}
	b := bit(Method(word))
	if b == unprovable {
		return nil, p.unknown(word)
	}
	p.pos += len(word)
	return []set{b}, nil
}

// peek skips white space and gives the next word or sign without taking it;
// "" at the end.
func (p *parser) peek() string {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
	rest := p.src[p.pos:]
	switch {
	case rest == "":
		return ""
	case strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"):
		return rest[:2]
	case !isLetter(rest[0]):
		return rest[:1]
	}
	n := 1
	for n < len(rest) && (isLetter(rest[n]) || rest[n] >= '0' && rest[n] <= '9') {
		n++
	}
	return rest[:n]
}

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func (p *parser) unexpected(want string) error {
	switch word := p.peek(); word {
	case "":
		return &SyntaxError{p.pos, want + " but the formula ends here"}
	case "&", "|":
		return &SyntaxError{p.pos, fmt.Sprintf("%s; write %s%s", want, word, word)}
	case "and", "or", "AND", "OR":
		return &SyntaxError{p.pos, want + "; write && for and, || for or"}
	case "!":
		return &SyntaxError{p.pos, "a formula cannot say not; list the methods that are enough"}
	default:
		return &SyntaxError{p.pos, fmt.Sprintf("%s, found %q", want, word)}
	}
}

func (p *parser) unknown(word string) error {
	names := make([]string, len(Specs))
	for i := range Specs {
		names[i] = string(Specs[i].Method)
	}
	hint := "; the methods are " + strings.Join(names, ", ")
	if n := identity.Nearest(word, names); n != "" {
		hint = fmt.Sprintf("; did you mean %s?", n)
	}
	if len(word) > 40 {
		word = word[:40] + "…"
	}
	return &SyntaxError{p.pos, fmt.Sprintf("unknown proof method %q%s", word, hint)}
}
