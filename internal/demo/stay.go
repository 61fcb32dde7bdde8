package demo

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"

	"countersign/internal/app"
	"countersign/internal/client"
	"countersign/internal/notify"
)

// stay lets the audience play, and serves until they leave.
func (p *play) stay(ctx context.Context, ended <-chan struct{}) error {
	p.title("Now you")
	if err := p.act("opening the doors", func() error { return p.letIn(ctx) }); err != nil {
		return err
	}
	at := p.cfg.BaseURL + "/demo"
	p.tell("Open this in a browser and play all parts yourself, in five minutes: become the agent, the caller, the manager, security, the auditor. A panel beside each page has their security keys, telephones and mailboxes.")
	p.gap()
	p.line("   %s", p.bold(at))
	p.gap()
	if err := p.otherWays(ctx); err != nil {
		return err
	}
	p.tell("Ctrl-C ends it and removes the scratch folder.")
	p.gap()
	p.post.listen(func(m notify.Message) {
		p.line("   %s %s %s", p.dim("letter to"), m.To, p.dim("· "+m.Subject))
		if code, err := codeIn(m); err == nil {
			p.line("     code %s", p.bold(code))
		}
		if found := linkLine.FindStringSubmatch(m.Text); found != nil {
			p.line("     this wasn't me: %s", found[1])
		}
	})
	if p.o.Browse {
		p.browse(at)
	}
	select {
	case <-ctx.Done():
		p.gap()
		return nil
	case <-ended:
		return errors.New("demo: the server ended by itself")
	}
}

// letIn gives the panel a program's token, which reads and does nothing else.
func (p *play) letIn(ctx context.Context) error {
	officer := p.cast[founderLogin]
	token, err := letIn(ctx, officer.api.Watched(nil), officer.key, "demo-panel", "requests:read", "ledger:read")
	if err != nil {
		return err
	}
	// What is still on its way belongs to the play.
	for _, to := range []string{ownerMail, securityMail} {
		if _, err := p.post.await(ctx, to, about("password reset stopped")); err != nil {
			return err
		}
	}
	p.side.enter(p.api.As(token))
	return nil
}

// otherWays are the command line and a passkey of one's own.
func (p *play) otherWays(ctx context.Context) error {
	invitation, err := p.cast[founderLogin].api.Watched(nil).Invite(ctx, client.Invitee{Person: "person:you", Name: "You", Roles: yourRoles})
	if err != nil {
		return err
	}
	p.side.invitation(app.JoinLink(p.cfg.BaseURL, invitation))
	p.tell("With a passkey of your own you join the roster at")
	p.line("     %s", app.JoinLink(p.cfg.BaseURL, invitation))
	p.tell("which S. Lund and K. Voss countersign. And in another terminal:")
	p.gap()
	p.line("   export COUNTERSIGN_SERVER=%s PATH=%s:$PATH; cd %s", p.cfg.BaseURL, p.o.Folder, p.scratch)
	p.gap()
	for _, l := range [][2]string{
		{"countersign sign-in --passkey-file keys/p.cole.key", "as the agent"},
		{"countersign request open a.dahl --action unlock --via phone", ""},
		{"countersign sign-in --passkey-file keys/s.lund.key", "as the security officer"},
		{"countersign request list", ""},
		{"countersign request show --timeline " + p.reset.ID, ""},
		{"countersign ledger check", ""},
	} {
		p.line("   %-78s %s", l[0], p.dim(l[1]))
	}
	p.gap()
	p.tell("The API is described at %[1]s/api/v1/openapi.json, the ledger begins at %[1]s/ledger/checkpoint, letters appear here too as they are sent, and server.log has what the server says.", p.cfg.BaseURL)
	p.gap()
	return nil
}

// browse opens the address where there is a screen to show it on. Whoever has
// none reads it in the terminal.
func (p *play) browse(at string) {
	open := ""
	switch {
	case runtime.GOOS == "darwin":
		open = "open"
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		open = "xdg-open"
	default:
		return
	}
	if path, err := exec.LookPath(open); err == nil {
		// It outlives the play, and nobody waits for what it says.
		if c := exec.Command(path, at); c.Start() == nil { //nolint:gosec,noctx // our own address
			go func() { _ = c.Wait() }()
		}
	}
}
