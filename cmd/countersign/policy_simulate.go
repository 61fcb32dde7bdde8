package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"countersign/internal/client"
)

type policySimulate struct {
	New   string `arg:"" help:"The policy to simulate."`
	Since string `default:"30d" placeholder:"SPAN" help:"How far back to go: 12h, 30d, 8w; at most 366d (${default})."`
}

// Help is kong's long text.
func (policySimulate) Help() string {
	return "Plans every recorded request again, from the facts recorded when it was opened: under the policy in force, and under NEW. Nothing is changed. It exits with 0 when nothing would be eased, newly allowed or newly refused, with 1 when something would, and with 2 when that could not be computed for all of them. It is for those with oversight, and for tokens with the scope ledger:read."
}

// Run simulates.
func (v policySimulate) Run(e *env) error {
	span, err := spanOf(v.Since)
	if err != nil {
		return usage{err}
	}
	p, err := loadPolicy(v.New)
	if err != nil {
		return unsaid{err}
	}
	c, err := e.staff()
	if err != nil {
		return err
	}
	now := time.Now()
	s, err := c.Simulate(e.ctx, string(p.Source()), now.Add(-span), now)
	if err != nil {
		return unsaid{err}
	}
	return errors.Join(e.answer(s, func() { v.print(e, s) }), verdictOf(s))
}

// verdictOf is the exit code's reason. Something that is certainly eased,
// allowed or refused outweighs what cannot be known of others.
func verdictOf(s client.Simulation) error {
	switch {
	case s.Total.Eased+s.Total.Allowed+s.Total.Refused > 0:
		return errNo
	case s.Erased > 0:
		return unsaid{fmt.Errorf("the facts of %d %s were erased, so nothing can be said of %s", s.Erased, plural(s.Erased, "request"), map[bool]string{true: "it", false: "them"}[s.Erased == 1])}
	}
	return nil
}

// spanOf reads 12h, 30d or 8w.
func spanOf(text string) (time.Duration, error) {
	for unit, long := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if days, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseUint(days, 10, 10)
			if err != nil || n == 0 {
				return 0, fmt.Errorf("%q is not a span of time; write it like 12h, 30d or 8w", text)
			}
			return time.Duration(n) * long, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a span of time; write it like 12h, 30d or 8w", text)
	}
	return d, nil
}

func (v policySimulate) print(e *env, s client.Simulation) {
	e.fields("in force", safe(s.InForce), "new", safe(s.New), "opened", when(s.Since)+" to "+when(s.Until))
	e.say("")
	rows := [][]string{append([]string{""}, tallied...), tallyRow("all requests", s.Total)}
	for _, by := range []struct {
		name, none string
		groups     []client.Group
	}{{"class", "", s.Classes}, {"desk", "(no desk)", s.Desks}, {"hour", "", s.Hours}} {
		if len(by.groups) > 0 {
			rows = append(rows, []string{"by " + by.name})
		}
		for _, g := range by.groups {
			name := safe(g.Name)
			if name == "" {
				name = by.none
			}
			rows = append(rows, tallyRow("  "+name, g.Tally))
		}
	}
	e.table(rows)
	for _, of := range []struct {
		kind string
		ids  []string
	}{{"newly refused", s.Examples.Refused}, {"eased", s.Examples.Eased}, {"newly allowed", s.Examples.Allowed}, {"tightened", s.Examples.Tightened}, {"delayed", s.Examples.Delayed}} {
		if len(of.ids) > 0 {
			e.say("\n%s, for example:\n  %s", of.kind, safeLines(strings.Join(of.ids, "\n  ")))
		}
	}
	v.conclude(e, s)
}

func (v policySimulate) conclude(e *env, s client.Simulation) {
	if s.Erased > 0 {
		e.say("\n%d %s could not be planned again, because the facts were erased; no count above holds them.", s.Erased, plural(s.Erased, "request"))
	}
	switch {
	case s.Total.Eased+s.Total.Allowed+s.Total.Refused > 0:
		e.say("\n%s", e.paint("31", fmt.Sprintf("%s would newly refuse %d and ask less of %d.", v.New, s.Total.Refused, s.Total.Eased+s.Total.Allowed)))
	case s.Total.Requests > 0:
		e.say("\n%s", e.paint("32", fmt.Sprintf("%s would ease nothing and refuse nothing new.", v.New)))
	default:
		e.say("\nThere is nothing to plan again in this span of time.")
	}
}

// tallied are the headings of a tally's columns.
var tallied = []string{"requests", "refused", "allowed", "eased", "tightened", "delayed", "unchanged"}

// tallyRow sets the numbers under the right ends of their headings.
func tallyRow(name string, t client.Tally) []string {
	row := []string{name}
	for i, n := range []int{t.Requests, t.Refused, t.Allowed, t.Eased, t.Tightened, t.Delayed, t.Unchanged} {
		text := "-"
		if n > 0 {
			text = strconv.Itoa(n)
		}
		row = append(row, fmt.Sprintf("%*s", len(tallied[i]), text))
	}
	return row
}
