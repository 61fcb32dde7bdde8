package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The sentences that say what has come of it.

func expectState(p *play, a args) error {
	r, err := p.stands(a.request())
	if err == nil && r.Status != a["STATE"] {
		err = fmt.Errorf("the request stands at %s (%s)", r.Status, r.Missing)
	}
	return err
}

func expectTier(p *play, a args) error {
	r, err := p.stands(a.request())
	if err == nil && string(r.Tier) != a["TIER"] {
		err = fmt.Errorf("its tier is %s", r.Tier)
	}
	return err
}

func expectEffects(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	p.allowed = a.number()
	if p.effects != p.allowed {
		return fmt.Errorf("the directory was changed %d times", p.effects)
	}
	return nil
}

func expectSignatures(p *play, a args) error {
	r, err := p.stands(a.request())
	if err != nil {
		return err
	}
	var needs []string
	for _, n := range r.Needs {
		needs = append(needs, fmt.Sprintf("%d %s", n.Count, n.Role))
	}
	if !slices.Contains(needs, a["N"]+" "+a["ROLE"]) {
		return fmt.Errorf("it needs %s", strings.Join(needs, " and "))
	}
	return nil
}

// ways are the paths that somebody who came forward is shown.
func (p *play) ways(a args) ([]string, error) {
	api, _, err := p.claimant(a["WHO"], a.request())
	if err != nil {
		return nil, err
	}
	v, err := api.Case(p.ctx)
	var all []string
	for _, way := range v.Paths {
		all = append(all, strings.Join(way, "+"))
	}
	return all, err
}

func expectPath(p *play, a args) error {
	ways, err := p.ways(a)
	if err == nil && !slices.Contains(ways, a["PATH"]) {
		err = fmt.Errorf("the open paths are %q", ways)
	}
	return err
}

func expectNoPath(p *play, a args) error {
	ways, err := p.ways(a)
	if err == nil && slices.ContainsFunc(ways, func(w string) bool { return a["METHOD"] == "" || slices.Contains(strings.Split(w, "+"), a["METHOD"]) }) {
		err = fmt.Errorf("the open paths are %q", ways)
	}
	return err
}

func expectLetter(p *play, a args) error {
	n, err := p.count(a)
	if err == nil && n == 0 {
		err = fmt.Errorf("none has come")
	}
	return err
}

func expectNoLetter(p *play, a args) error {
	n, err := p.count(a)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d have come", n)
	}
	return err
}

// count is how many letters about the request came to an address that say
// something.
func (p *play) count(a args) (n int, err error) {
	if err := p.quiet(); err != nil {
		return 0, err
	}
	r, err := p.request(a.request())
	if err != nil {
		return 0, err
	}
	for _, m := range p.inbox.To(a["ADDRESS"]) {
		text := m.Subject + "\n" + m.Text
		if strings.Contains(text, r.code) && strings.Contains(text, a["TEXT"]) {
			n++
		}
	}
	return n, nil
}

func expectMessage(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	for _, m := range p.inbox.Messages()[p.old:] {
		if m.To == a["ADDRESS"] && strings.Contains(m.Subject+"\n"+m.Text, a["TEXT"]) {
			return nil
		}
	}
	return errors.New("none has come")
}

func expectNoMessage(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	if expectMessage(p, a) == nil {
		return errors.New("one has come")
	}
	return nil
}

func expectAlike(p *play, a args) error {
	var last []exchange
	for _, x := range slices.Backward(p.record.exchanges()) {
		if x.who == a["WHO"] && len(last) < a.number() {
			last = append(last, x)
		}
	}
	for _, x := range last {
		if x.status != last[0].status || x.kind != last[0].kind || x.body != last[0].body {
			return fmt.Errorf("one is %d %s, another %d %s", last[0].status, last[0].body, x.status, x.body)
		}
	}
	if len(last) < a.number() {
		return fmt.Errorf("there are only %d", len(last))
	}
	return nil
}
