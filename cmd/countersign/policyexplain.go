package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"countersign/internal/policy/explain"
	"countersign/internal/policy/specimen"
)

type policyExplain struct {
	File  string `arg:"" help:"The policy."`
	Facts string `arg:"" help:"The request: a specimen, or its facts as they are recorded; - for the standard input. What begins with { is the specimen itself."`
}

// Help is kong's long text.
func (policyExplain) Help() string {
	return "Says what the policy asks of one request, which rules ask it, which of their statements are true, and what would have to differ for less to be asked. A specimen says only what differs from an ordinary request, such as '{action: unlock, subject: {admin: true}}'. It exits with 0 when the policy allows the request, with 1 when it refuses it, and with 2 when something does not load."
}

// Run explains.
func (v policyExplain) Run(e *env) error {
	p, err := loadPolicy(v.File)
	if err != nil {
		return err
	}
	name, text, err := v.read(e)
	if err != nil {
		return err
	}
	f, err := specimen.Parse(text)
	if err != nil {
		return doesNotLoad(name, err)
	}
	x := explain.WithLess(p, f)
	err = e.answer(x, func() { v.print(e, x) })
	if x.Plan.Denied() {
		err = errors.Join(err, errNo)
	}
	return err
}

// read gives the request's text, and where it is from.
func (v policyExplain) read(e *env) (name string, text []byte, err error) {
	switch {
	case strings.HasPrefix(strings.TrimSpace(v.Facts), "{"):
		return "the request", []byte(v.Facts), nil
	case v.Facts == "-":
		name = "the standard input"
		text, err = io.ReadAll(io.LimitReader(e.in, specimen.MaxSize+1))
	default:
		name = v.Facts
		text, err = os.ReadFile(v.Facts)
	}
	if err != nil {
		err = fmt.Errorf("reading the request: %w", err)
	}
	return name, text, err
}

func (v policyExplain) print(e *env, x explain.Explanation) {
	if x.Plan.Denied() {
		e.say("%s\n", e.bold("The policy refuses this request."))
		v.refusals(e, x)
	} else {
		v.demands(e, x)
	}
	v.reasons(e, x)
	v.less(e, x)
}

func (v policyExplain) refusals(e *env, x explain.Explanation) {
	rows := [][]string{}
	for _, r := range x.Refused {
		rows = append(rows, []string{v.place(r.Line), safe(r.Rule), safe(r.Reason)})
	}
	e.table(rows)
	e.say("")
}

func (v policyExplain) demands(e *env, x explain.Explanation) {
	rows := [][]string{{"demand", "", "from"}, {"class", string(x.Class.Class), v.place(x.Class.Line)}}
	for _, d := range x.Demands {
		if d.Value != "none" {
			rows = append(rows, []string{d.Demand, d.Value, safe(cmp.Or(strings.Join(d.By, ", "), "(default)"))})
		}
	}
	e.table(rows)
	e.say("")
}

// place names a line of the policy.
func (v policyExplain) place(line int) string {
	if line == 0 {
		return "the policy language"
	}
	return fmt.Sprintf("%s:%d", v.File, line)
}

func (v policyExplain) reasons(e *env, x explain.Explanation) {
	e.say("%s", e.bold("Because"))
	v.reason(e, fmt.Sprintf("the class is %s", x.Class.Class), x.Class.Line, x.Class.Error, x.Class.True)
	for _, r := range x.Rules {
		v.reason(e, safe(r.Name), r.Line, r.Error, r.True)
	}
}

func (v policyExplain) reason(e *env, name string, line int, failed string, atoms []explain.Atom) {
	e.say("  %s  %s", name, e.dim(v.place(line)))
	if failed != "" {
		e.say("    %s %s", e.paint("31", "cannot be evaluated:"), safe(failed))
	}
	for _, a := range atoms {
		within := ""
		if a.Condition != "" {
			within = e.dim("  (" + safe(a.Condition) + ")")
		}
		e.say("    %s%s", safe(a.Text), within)
	}
}

// less puts together what one and the same difference would change.
func (v policyExplain) less(e *env, x explain.Explanation) {
	var never, done []string
	e.say("\n%s", e.bold("Less would be asked"))
	for _, l := range x.Less {
		key := strings.Join(append(l.If, l.RestsOn...), "\n")
		switch {
		case l.Never:
			never = append(never, l.Demand)
		case l.Unclear != "":
			e.say("  %s: it could not be found out: %s", l.Demand, safe(l.Unclear))
		case !slices.Contains(done, key):
			done = append(done, key)
			v.ifSo(e, l)
			for _, m := range x.Less {
				if !m.Never && m.Unclear == "" && strings.Join(append(m.If, m.RestsOn...), "\n") == key {
					e.say("    %s", safe(m.Change.String()))
				}
			}
		}
	}
	if len(never) > 0 {
		e.say("  whatever differs, not for %s", strings.Join(never, ", "))
	}
}

func (policyExplain) ifSo(e *env, l explain.Less) {
	var ifs []string
	for _, f := range l.If {
		ifs = append(ifs, safe(f))
	}
	e.say("  if %s", strings.Join(ifs, ", "))
	if len(l.RestsOn) > 0 {
		e.say("  and if this allows it: %s", safe(strings.Join(l.RestsOn, ", ")))
	}
}
