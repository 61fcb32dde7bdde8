package main

import (
	"strconv"
	"time"

	"countersign/internal/client"
)

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

type approveVerb struct {
	Request     string `arg:"" help:"The request's id (req_…)."`
	Deny        bool   `help:"Deny it. One denial is enough."`
	Note        string `help:"One line for the record."`
	PasskeyFile string `placeholder:"FILE" help:"Sign with this passkey. Without it, sign in a browser."`
	Yes         bool   `short:"y" help:"Do not ask before signing."`
}

// Help is kong's long text.
func (approveVerb) Help() string {
	return "Prints the statement exactly as it is signed. Without --passkey-file it prints the address at which to sign in a browser, and waits until that has been done."
}

// Run decides.
func (v approveVerb) Run(e *env) error {
	decision := "approval"
	if v.Deny {
		decision = "denial"
	}
	return e.decide(v.Request, decision, v.Note, v.PasskeyFile, v.Yes)
}

type reviewVerb struct {
	Request     string `arg:"" help:"The request's id (req_…)."`
	Suspicious  bool   `help:"It was not in order."`
	Note        string `help:"One line for the record."`
	PasskeyFile string `required:"" placeholder:"FILE" help:"Sign with this passkey."`
	Yes         bool   `short:"y" help:"Do not ask before signing."`
}

// Run reviews.
func (v reviewVerb) Run(e *env) error {
	decision := "review-in-order"
	if v.Suspicious {
		decision = "review-suspicious"
	}
	return e.decide(v.Request, decision, v.Note, v.PasskeyFile, v.Yes)
}

func (e *env) decide(id, decision, note, passkeyFile string, yes bool) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	if passkeyFile == "" {
		return e.decideInBrowser(c, id)
	}
	k, err := e.loadKey(passkeyFile)
	if err != nil {
		return err
	}
	p, err := c.Statement(e.ctx, id, decision)
	if err != nil {
		return err
	}
	shown := time.Now()
	if err := e.agree(p, "Sign this "+decision+"?", yes); err != nil {
		return err
	}
	if err := e.lookAt(p, shown); err != nil {
		return err
	}
	r, err := c.Decide(e.ctx, id, p, note, k)
	if err != nil {
		return err
	}
	return e.answer(r, func() { e.say("Signed. The request stands at %s.", e.bold(safe(r.Status))) })
}

// lookAt lets a critical statement lie for as long as the server asks.
func (e *env) lookAt(p client.Paper, shown time.Time) error {
	left := time.Until(shown.Add(time.Duration(p.Look) * time.Second))
	if p.Look == 0 || left <= 0 {
		return nil
	}
	e.mention("A critical request is signed no sooner than %d seconds after its statement was shown. Read it meanwhile; Ctrl-C stops.\n", p.Look)
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-e.ctx.Done():
		return e.ctx.Err()
	}
}

func (e *env) decideInBrowser(c client.Client, id string) error {
	before, err := c.Request(e.ctx, id)
	if err != nil {
		return err
	}
	e.mention("Read and sign it in your browser; this waits for %s:\n\n  %s/requests/%s/sign\n", decideLife, c.Server(), safe(id))
	r, err := e.await(c, id, func(r client.Request) bool { return !r.IsOpen() || len(r.Approvals) > len(before.Approvals) })
	if err != nil {
		return err
	}
	return e.answer(r, func() {
		if n := len(r.Approvals); n > len(before.Approvals) {
			last := r.Approvals[n-1]
			e.say("Signed: %s by %s.", safe(last.Decision), safe(last.Name))
		}
		e.say("The request stands at %s.", e.bold(safe(r.Status)))
	})
}
