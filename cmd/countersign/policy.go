package main

import (
	"fmt"
	"os"

	"countersign/internal/client"
	"countersign/internal/policy"
)

type policyVerb struct {
	Check    policyCheck    `cmd:"" help:"Say whether a policy loads, or where its faults are."`
	Diff     policyDiff     `cmd:"" help:"Say of which requests another policy asks less, more or something else."`
	Explain  policyExplain  `cmd:"" help:"Say what a policy asks of one request, and why."`
	Prove    policyProve    `cmd:"" help:"Decide statements about a policy for every possible request."`
	Simulate policySimulate `cmd:"" help:"Say what another policy would have made of recorded requests."`
	Test     policyTest     `cmd:"" help:"Ask a policy about the cases written for it."`
	Publish  policyPublish  `cmd:"" help:"Put a policy up for the officers' signatures."`
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
