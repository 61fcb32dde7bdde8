package main

import (
	"errors"
	"fmt"
	"os"

	"countersign/internal/policy"
	"countersign/internal/policy/diff"
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
