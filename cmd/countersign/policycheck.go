package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"countersign/internal/policy"
	"countersign/internal/policy/lint"
	"countersign/internal/proof"
)

type policyCheck struct {
	File   string `arg:"" help:"The policy."`
	Strict bool   `help:"Warnings count as errors."`
	Config string `short:"c" placeholder:"FILE" help:"The server's configuration, to look also for what this site could never satisfy."`
}

type checked struct {
	File     string         `json:"file"`
	Loads    bool           `json:"loads"`
	Name     string         `json:"name,omitempty"`
	Hash     string         `json:"hash,omitempty"`
	Rules    []string       `json:"rules,omitempty"`
	Desks    []string       `json:"desks,omitempty"`
	Methods  []proof.Method `json:"methods,omitempty"`
	Errors   int            `json:"errors"`
	Warnings int            `json:"warnings"`
	Notes    int            `json:"notes"`
	Accepted int            `json:"accepted"`
	Findings []lint.Finding `json:"findings"`
}

// Run checks.
func (v policyCheck) Run(e *env) error {
	text, err := os.ReadFile(v.File)
	if err != nil {
		return fmt.Errorf("reading the policy: %w", err)
	}
	site, err := v.site(e)
	if err != nil {
		return err
	}
	c := checked{File: v.File}
	p, err := policy.Load(text)
	var faults policy.Problems
	switch {
	case errors.As(err, &faults):
		c.Findings = lint.Problems(faults)
	case err != nil:
		return err
	default:
		c.Loads, c.Name, c.Hash = true, p.Name(), p.Hash()
		c.Rules, c.Desks, c.Methods = p.Rules(), p.Desks(), p.Methods()
		c.Findings = lint.Policy(p, site)
	}
	c.count()
	err = e.answer(c, func() { v.show(e, c) })
	if c.Errors > 0 || v.Strict && c.Warnings > 0 {
		return errors.Join(err, errNo)
	}
	return err
}

// site is what is known of where the policy is to be used.
func (v policyCheck) site(e *env) (lint.Site, error) {
	site := lint.Site{Zone: func(name string) bool {
		_, err := time.LoadLocation(name)
		return err == nil
	}}
	if v.Config == "" {
		return site, nil
	}
	cfg, err := onServer{v.Config}.load(e)
	if err != nil {
		return lint.Site{}, err
	}
	can := cfg.Offers()
	site.Methods, site.Delivery, site.FollowUps = can.Methods, can.Delivery, can.FollowUps
	return site, nil
}

func (c *checked) count() {
	for _, f := range c.Findings {
		switch {
		case f.Accepted != "":
			c.Accepted++
		case f.Severity == lint.Error:
			c.Errors++
		case f.Severity == lint.Warning:
			c.Warnings++
		default:
			c.Notes++
		}
	}
}

func (v policyCheck) show(e *env, c checked) {
	wide := 0
	where := make([]string, len(c.Findings))
	for i, f := range c.Findings {
		where[i] = v.File + ":"
		if f.Line > 0 {
			where[i] += fmt.Sprintf("%d:%d:", f.Line, f.Column)
		}
		wide = max(wide, len(where[i]))
	}
	for i, f := range c.Findings {
		e.say("%-*s %s", wide, safe(where[i]), safe(f.Text()))
		switch f.Example {
		case "":
		case "{}":
			e.say("    %s", e.dim("for example an ordinary request"))
		default:
			e.say("    %s", e.dim("for example "+safe(f.Example)))
		}
		if f.Accepted != "" {
			e.say("    accepted because %s", safe(f.Accepted))
		}
	}
	if len(c.Findings) > 0 {
		e.say("")
	}
	if !c.Loads {
		e.say("%s does not load: %d %s.", v.File, c.Errors, plural(c.Errors, "problem"))
		return
	}
	e.say("%s loads: %s.\n", v.File, c.totals())
	var methods []string
	for _, m := range c.Methods {
		methods = append(methods, string(m))
	}
	e.fields("name", safe(c.Name), "hash", c.Hash, "rules", safe(strings.Join(c.Rules, ", ")),
		"desks", safe(strings.Join(c.Desks, ", ")), "methods", strings.Join(methods, ", "))
}

func (c checked) totals() string {
	var parts []string
	for _, t := range []struct {
		n    int
		word string
	}{{c.Errors, "error"}, {c.Warnings, "warning"}, {c.Notes, "note"}} {
		parts = append(parts, fmt.Sprintf("%d %s", t.n, plural(t.n, t.word)))
	}
	if c.Accepted > 0 {
		parts = append(parts, fmt.Sprintf("%d accepted", c.Accepted))
	}
	return strings.Join(parts, ", ")
}
