// Package demo plays one reset from call to audit against the server's own HTTP
// API: the embedded store and directory on a scratch folder, software passkeys,
// and letters that are kept in memory. Everything else is the product.
//
// Each step is checked. The first that goes otherwise ends the play with an
// error that names it.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/app"
	"countersign/internal/client"
	"countersign/internal/directory/local"
)

// Options is how to play.
type Options struct {
	Out    io.Writer
	Colour bool
	// Stay: when the play is over, go on serving until the context ends.
	Stay bool
	// Days of history are played before the story, so that lists and reports
	// have something to show.
	Days int
	// Dir, if not "", is where to leave what an auditor needs.
	Dir string
	// Listen is a loopback address; "": 127.0.0.1 and any free port.
	Listen string
	// Browse: show the cast's page in a browser, where there is a screen.
	Browse bool
	// Folder is where this program is, for the commands to paste.
	Folder string
}

// patience bounds each wait of the play.
const patience = time.Minute

//go:embed policy.yaml
var policyText []byte

// play is everything at hand while it runs.
type play struct {
	*stage
	o            Options
	scratch      string
	clock        *clock
	post         *post
	app          *app.App
	cfg          app.Config
	people       *local.Directory
	api          client.Client // nobody's
	cast         map[string]*actor
	owners       map[string]*owner
	founding     string         // the founder's invitation
	ownerSession string         // of the case
	recovery     string         // the code that the owner keeps in a drawer
	reset        client.Request // the one that is carried out
	bundle       []byte
	side         *side
	ledger       map[string][]byte // as downloaded
}

// Run plays. Everything it makes is gone afterwards, except for Options.Dir.
func Run(ctx context.Context, o Options) (err error) {
	clock := &clock{back: longAgo}
	p := &play{
		stage: &stage{out: o.Out, colour: o.Colour}, o: o, clock: clock, post: newPost(clock.now),
		cast: map[string]*actor{}, owners: map[string]*owner{},
	}
	if err := checkDir(o.Dir); err != nil {
		return err
	}
	if p.scratch, err = os.MkdirTemp("", "countersign-demo-"); err != nil {
		return fmt.Errorf("demo: making a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(p.scratch)) }()
	if err := p.open(ctx); err != nil {
		return fmt.Errorf("demo: starting: %w", err)
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan struct{})
	var served error
	go func() {
		served = p.app.Run(serving)
		close(ended)
	}()
	if err = p.perform(ctx); err == nil && o.Stay {
		err = p.stay(ctx, ended)
	}
	stop()
	<-ended
	return errors.Join(err, served)
}

// open starts everything on the embedded default.
func (p *play) open(ctx context.Context) error {
	l, err := p.listener(ctx)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	files := map[string]string{
		"policy.yaml":      string(policyText),
		"countersign.yaml": fmt.Sprintf(config, port, port),
	}
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(p.scratch, name), []byte(text), 0o600))
	}
	log, errLog := os.OpenFile(filepath.Join(p.scratch, "server.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err := errors.Join(err, errLog, os.Mkdir(filepath.Join(p.scratch, "keys"), 0o700)); err != nil {
		return errors.Join(err, l.Close())
	}
	if p.cfg, _, err = app.LoadConfig(p.path("countersign.yaml"), nil); err != nil {
		return errors.Join(err, l.Close())
	}
	if err := p.inviteFounder(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	p.app, err = app.New(ctx, p.cfg, app.Options{
		Now: p.clock.now, Sender: p.post, SMS: phones{p.post, byText}, Voice: phones{p.post, byCall}, Around: p.around, Listener: l, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if p.people, err = p.app.Local("people"); err != nil {
		return err
	}
	p.api, err = client.New(p.cfg.BaseURL)
	return err
}

// config has no mail server: the letters go to the mailbox of the demo.
const config = `organisation: Example Ltd
base_url: http://localhost:%s
listen: 127.0.0.1:%s
data: data
policy: policy.yaml
security_mail: security@example.test
directories:
  - {name: people, kind: local}
signin: {software_passkeys: true}
ledger: {origin: demo.countersign.example}
`

func (p *play) path(name string) string { return filepath.Join(p.scratch, name) }

func (p *play) listener(ctx context.Context) (net.Listener, error) {
	at := p.o.Listen
	if at == "" {
		at = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(at)
	if ip, bad := netip.ParseAddr(host); err != nil || host != "localhost" && (bad != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%q is not an address of this machine alone, such as 127.0.0.1:8443; the demo speaks plain HTTP", at)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", at)
}

// perform plays the chapters.
func (p *play) perform(ctx context.Context) error {
	p.line("%s", p.bold("Countersign: one reset, from call to audit"))
	p.line("%s", p.dim("served at "+p.cfg.BaseURL+" from "+p.scratch))
	for _, chapter := range []func(context.Context) error{
		p.castAndPolicy, p.rightAnswers, p.impatience, p.proof, p.change, p.notMe, p.tampering, p.audit,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	p.gap()
	p.line("%s", p.bold("All of it went as it should."))
	if p.o.Dir == "" {
		return nil
	}
	if err := p.leave(); err != nil {
		return err
	}
	p.gap()
	p.tell("Left in %s for an auditor:", p.o.Dir)
	p.line("   countersign-verify --log-key %[1]s/log.vkey --genesis %[1]s/genesis.json %[1]s/reset.countersign.json", p.o.Dir)
	return nil
}
