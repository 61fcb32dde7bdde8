package main

import (
	"countersign/internal/client"
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

// Help is kong's long text.
func (policyPublish) Help() string {
	return "Proposes the policy to the server, which compares it with the one in force: a policy that asks less has to say so under `eases`. It takes effect when officers have countersigned it, and each of them is shown what it changes. It exits with 0 when it is proposed, or signed with --passkey-file; with 1 when the server says no; and with 2 when it does not load or the server cannot be asked."
}

// Run proposes.
func (v policyPublish) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	p, err := loadPolicy(v.File)
	if err != nil {
		return err
	}
	id, err := c.Propose(e.ctx, client.Change{Kind: "publish_policy", PolicyText: string(p.Source())})
	if err != nil {
		return err
	}
	return e.proposed(c, id, v.PasskeyFile, v.Yes)
}
