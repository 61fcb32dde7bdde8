package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"countersign/internal/client"
	"countersign/internal/policy"
)

type policyVerb struct {
	Check    policyCheck    `cmd:"" help:"Say whether a policy loads, or where its faults are."`
	Simulate policySimulate `cmd:"" help:"Say what another policy would have made of recorded requests."`
	Test     policyTest     `cmd:"" help:"Ask a policy about the cases written for it."`
	Publish  policyPublish  `cmd:"" help:"Put a policy up for the officers' signatures."`
}

type policyCheck struct {
	File string `arg:"" help:"The policy."`
}

type checked struct {
	File     string           `json:"file"`
	Loads    bool             `json:"loads"`
	Name     string           `json:"name,omitempty"`
	Hash     string           `json:"hash,omitempty"`
	Rules    []string         `json:"rules,omitempty"`
	Desks    []string         `json:"desks,omitempty"`
	Problems []policy.Problem `json:"problems,omitempty"`
}

// Run checks.
func (v policyCheck) Run(e *env) error {
	text, err := os.ReadFile(v.File)
	if err != nil {
		return fmt.Errorf("reading the policy: %w", err)
	}
	p, err := policy.Load(text)
	var faults policy.Problems
	switch {
	case errors.As(err, &faults):
		return errors.Join(e.answer(checked{File: v.File, Problems: faults}, func() { v.faults(e, faults) }), errNo)
	case err != nil:
		return err
	}
	c := checked{File: v.File, Loads: true, Name: p.Name(), Hash: p.Hash(), Rules: p.Rules(), Desks: p.Desks()}
	return e.answer(c, func() {
		e.say("%s loads.\n", v.File)
		var methods []string
		for _, m := range p.Methods() {
			methods = append(methods, string(m))
		}
		e.fields("name", safe(c.Name), "hash", c.Hash, "rules", safe(strings.Join(c.Rules, ", ")),
			"desks", safe(strings.Join(c.Desks, ", ")), "methods", strings.Join(methods, ", "))
	})
}

func (v policyCheck) faults(e *env, faults policy.Problems) {
	for _, f := range faults {
		e.say("%s:%s", v.File, safe(f.String()))
	}
	e.say("\n%s does not load: %d %s.", v.File, len(faults), plural(len(faults), "problem"))
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

type policyPublish struct {
	File        string `arg:"" help:"The policy."`
	PasskeyFile string `placeholder:"FILE" help:"Countersign at once with this passkey."`
	Yes         bool   `short:"y" help:"Do not ask before signing."`
}

// Run proposes.
func (v policyPublish) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(v.File)
	if err != nil {
		return fmt.Errorf("reading the policy: %w", err)
	}
	if _, err := policy.Load(text); err != nil {
		return hinted(err, "countersign policy check "+v.File)
	}
	id, err := c.Propose(e.ctx, client.Change{Kind: "publish_policy", PolicyText: string(text)})
	if err != nil {
		return err
	}
	return e.proposed(c, id, v.PasskeyFile, v.Yes)
}
