package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"countersign/internal/client"
	"countersign/internal/policy"
	"countersign/internal/policy/diff"
	"countersign/internal/roster"
)

type policyDiff struct {
	Old string `arg:"" help:"The policy as it was."`
	New string `arg:"" help:"The policy as it is to be."`
}

// Help is kong's long text.
func (policyDiff) Help() string {
	return "Says of which requests the new policy asks less, more or something else, with one request of each kind as a witness; it looks at every possible request. It exits with 0 when nothing is eased, or the new policy acknowledges it under `eases`; with 1 when it asks less, or something else, and does not say so; and with 2 when a policy does not load or not everything could be decided."
}

type compared struct {
	Eased bool `json:"eased"` // and not acknowledged
	diff.Report
}

// Run compares.
func (v policyDiff) Run(e *env) error {
	before, err := loadPolicy(v.Old)
	if err != nil {
		return err
	}
	after, err := loadPolicy(v.New)
	if err != nil {
		return err
	}
	r := diff.Policies(before, after)
	err = e.answer(compared{r.Eased(), r}, func() {
		e.say("%s", safeLines(r.Text()))
		if r.Eased() {
			e.say("\nTo acknowledge it, say so in %s:\n\n%s", v.New, safeLines(r.Acknowledgement()))
		}
	})
	switch {
	case r.Eased():
		return errors.Join(err, errNo)
	case len(r.Unclear) > 0:
		return errors.Join(err, errors.New("not everything could be decided"))
	}
	return err
}

// compare shows an officer what the policy they are to sign changes. It is
// computed here, from the texts that the statement names: the server's word for
// it is not needed.
func (e *env) compare(p client.Paper) error {
	for name, text := range map[string]string{"policy": p.Policy.New, "replaces": p.Policy.Old} {
		if !strings.Contains(string(p.Statement), "\n"+name+": "+roster.HashPolicy(text)+"\n") {
			return fmt.Errorf("the policy that the server sent is not the one that the statement names under `%s`; it is not signed", name)
		}
	}
	before, err := policy.Load([]byte(p.Policy.Old))
	if err != nil {
		return fmt.Errorf("the policy in force does not load here: %w", err)
	}
	after, err := policy.Load([]byte(p.Policy.New))
	if err != nil {
		return fmt.Errorf("the policy to be signed does not load here: %w", err)
	}
	text := diff.Policies(before, after).Text()
	e.mention("%s\n%s\n", e.dim("--- what it changes ---"), safeLines(text))
	if p.Policy.Diff != "" && p.Policy.Diff != text {
		e.mention("The server found something else, which the statement names under `diff`; it may run another version:\n%s\n", safeLines(p.Policy.Diff))
	}
	return nil
}

// loadPolicy reads a policy that has to load.
func loadPolicy(file string) (*policy.Policy, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	p, err := policy.Load(text)
	if err != nil {
		return nil, hinted(doesNotLoad(file, err), "countersign policy check "+file)
	}
	return p, nil
}
