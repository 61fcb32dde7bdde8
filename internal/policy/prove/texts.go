package prove

import (
	"cmp"
	"math/big"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// together is a set of texts that the model wants equal, and what it wants of
// them.
type together struct {
	refs  []ref
	same  []*atom // by which they are
	is    *atom   // a constant they are
	atoms []*atom
}

// chooseTexts finds a text for every text fact that the query speaks of. The
// clause, if any, is one that no request breaks and the model does.
func (m *meant) chooseTexts() []Lit {
	groups, of := m.togethers()
	for _, a := range m.atoms {
		if a.kind == isSame && m.is(a) == false && m.speaks(a.ref) && m.speaks(a.other) && of[a.ref] == of[a.other] {
			clause := []Lit{a.lit}
			for _, s := range of[a.ref].same {
				clause = append(clause, s.lit.Not())
			}
			return clause
		}
	}
	var chosen []*together
	for _, g := range groups {
		text, kept := m.choose(g, chosen, of)
		if !kept {
			for _, r := range g.refs {
				m.setText(r, text)
			}
		}
		for _, r := range g.refs {
			m.texts[r] = text
		}
		chosen = append(chosen, g)
	}
	return nil
}

// speaks reports whether the text is there for the model to speak of.
func (m *meant) speaks(r ref) bool { return m.exists(r) && !m.absent(r) }

func (m *meant) setText(r ref, text string) {
	if textLists[r.path] == nil && textFacts[r.path].at != nil {
		*textFacts[r.path].at(&m.f, r.place-1) = text
	}
}

// togethers sorts the texts that the query speaks of. Those of the calendar are
// not chosen but follow from the time.
func (m *meant) togethers() ([]*together, map[ref]*together) {
	of := map[ref]*together{}
	var order []ref
	add := func(r ref) *together {
		if !m.speaks(r) || textFacts[r.path].at == nil {
			return nil
		}
		if of[r] == nil {
			of[r] = &together{refs: []ref{r}}
			order = append(order, r)
		}
		return of[r]
	}
	for _, a := range m.atoms {
		switch {
		case a.kind == isText || a.kind == isCall:
			if g := add(a.ref); g != nil {
				g.atoms = append(g.atoms, a)
			}
		case a.kind == isThere:
			add(a.ref)
		case a.kind == atMost && a.term.parts[0].quantity.kind == length && len(a.term.parts) == 1:
			if g := add(a.term.parts[0].quantity.ref); g != nil {
				g.atoms = append(g.atoms, a)
			}
		case a.kind == isSame:
			add(a.ref)
			add(a.other)
		}
	}
	for _, a := range m.atoms {
		if a.kind != isSame || !m.is(a) || of[a.ref] == nil || of[a.other] == nil {
			continue
		}
		x, y := of[a.ref], of[a.other]
		if x != y {
			x.refs, x.atoms, x.same = append(x.refs, y.refs...), append(x.atoms, y.atoms...), append(x.same, y.same...)
			for _, r := range y.refs {
				of[r] = x
			}
		}
		x.same = append(x.same, a)
	}
	// Who asks, or acts, is changed sooner than whose account it is.
	slices.SortStableFunc(order, func(a, b ref) int { return subjectFirst(a) - subjectFirst(b) })
	var groups []*together
	for _, r := range order {
		if g := of[r]; !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups, of
}

func subjectFirst(r ref) int {
	if strings.HasPrefix(r.path, "subject.") {
		return 0
	}
	return 1
}

// choose finds a text that fits, the one there is if it does.
func (m *meant) choose(g *together, chosen []*together, of map[ref]*together) (string, bool) {
	var apart []string
	for _, a := range m.atoms {
		if a.kind == isSame && !m.is(a) {
			for _, pair := range [][2]ref{{a.ref, a.other}, {a.other, a.ref}} {
				if of[pair[0]] == g && slices.Contains(chosen, of[pair[1]]) {
					apart = append(apart, m.texts[pair[1]])
				} else if of[pair[0]] == g && of[pair[1]] == nil {
					if t, there := m.near.text(pair[1]); there {
						apart = append(apart, t)
					}
				}
			}
		}
	}
	fits := func(t string) bool {
		return !slices.Contains(apart, t) && !slices.ContainsFunc(g.atoms, func(a *atom) bool { return m.is(a) != fitsText(a, t) })
	}
	for i, r := range g.refs {
		if t, there := m.near.text(r); there && fits(t) {
			return t, i == 0 && len(g.refs) == 1
		}
	}
	for _, t := range m.candidates(g) {
		if t != "" && fits(t) {
			return t, false
		}
	}
	t, _ := m.near.text(g.refs[0])
	return cmp.Or(t, "other"), false
}

func fitsText(a *atom, t string) bool {
	switch a.kind {
	case isText:
		return t == a.text
	case isCall:
		is, _ := callText(a.call, t, a.text)
		return is
	}
	return big.NewInt(characters(t)).Cmp(a.num) <= 0
}

// usual are texts to try for a fact of which nothing is asked but that it is
// none of those.
var usual = map[string][]string{
	"action":           actionWords,
	"request.channel":  {"self_service", "phone", "chat", "email", "walk_in", "ticket"},
	"subject.status":   {"active", "disabled", "expired"},
	"location.country": {"ZZ", "XX", "QQ", "AA", "QM", "XA", "XB", "XC"},
	"history.action":   actionWords,
	"contacts.kind":    {"email", "phone"},
	"subject.id":       {"corp/2", "corp/3"},
}

// candidates are texts that could fit: what is asked for, alone and strung
// together, and made longer.
func (m *meant) candidates(g *together) []string {
	var begin, middle, end, whole []string
	for _, r := range g.refs {
		whole = append(whole, usual[r.path]...)
	}
	long := 0
	for _, a := range g.atoms {
		switch {
		case a.kind == isText && m.is(a):
			return []string{a.text}
		case a.kind == atMost && !m.is(a) && a.num.IsInt64() && a.num.Int64() < 1024:
			long = max(long, int(a.num.Int64())+1)
		case a.kind != isCall || !m.is(a):
		case a.call == "startsWith":
			begin = append(begin, a.text)
		case a.call == "endsWith":
			end = append(end, a.text)
		case a.call == "contains":
			middle = append(middle, a.text)
		default:
			whole = append(whole, samples(a.text)...)
		}
	}
	word := strings.TrimPrefix(g.refs[0].path, "subject.")
	word = word[strings.LastIndexByte(word, '.')+1:]
	if len(begin)+len(middle)+len(end) == 0 {
		whole = append(whole, friendly(word)...)
	}
	for _, b := range append(longest(begin), "") {
		for _, c := range append(longest(end), "") {
			for _, filler := range []string{"", "x", "1", "other", "-"} {
				whole = append(whole, overlap(b, c), b+strings.Join(middle, "")+filler+c, b+filler+strings.Join(middle, filler)+filler+c)
			}
		}
	}
	whole = append(whole, friendly(word)...)
	for _, t := range slices.Clone(whole) {
		if short := long - utf8.RuneCountInString(t); short > 0 {
			whole = append(whole, t+strings.Repeat("x", short), strings.Repeat("x", short)+t)
			if b := longest(begin); len(b) > 0 && strings.HasPrefix(t, b[0]) {
				whole = append(whole, b[0]+strings.Repeat("x", short)+t[len(b[0]):])
			}
		}
	}
	return append(whole, "a", "1", "A", "é")
}

// friendly are texts that are nobody's.
func friendly(word string) []string {
	var out []string
	for i := 1; i <= 9; i++ {
		out = append(out, "other "+word+" "+strconv.Itoa(i))
	}
	return append(out, word+"1", word+"2")
}

func longest(all []string) []string {
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// overlap strings two texts together so that what one ends and the other begins
// with stands there once.
func overlap(a, b string) string {
	for n := min(len(a), len(b)); n > 0; n-- {
		if strings.HasSuffix(a, b[:n]) {
			return a + b[n:]
		}
	}
	return a + b
}

// samples are a few texts that match a regular expression.
func samples(pattern string) []string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	var out []string
	for variant := range 6 {
		var b strings.Builder
		sample(re, variant, &b)
		out = append(out, b.String())
	}
	return out
}

func sample(re *syntax.Regexp, variant int, b *strings.Builder) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		if n := len(re.Rune) / 2; n > 0 {
			pair := variant % n
			b.WriteRune(re.Rune[2*pair] + rune(variant)%(re.Rune[2*pair+1]-re.Rune[2*pair]+1))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte("ax1A-z"[variant%6])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		least := map[syntax.Op]int{syntax.OpPlus: 1, syntax.OpRepeat: re.Min}[re.Op]
		n := least + variant%3
		if re.Op == syntax.OpQuest {
			n = variant % 2
		}
		if re.Op == syntax.OpRepeat && re.Max >= 0 {
			n = min(n, re.Max)
		}
		for range min(n, 64) {
			sample(re.Sub[0], variant, b)
		}
	case syntax.OpAlternate:
		sample(re.Sub[variant%len(re.Sub)], variant/len(re.Sub), b)
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			sample(sub, variant, b)
		}
	}
}
