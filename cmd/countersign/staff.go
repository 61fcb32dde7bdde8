package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/client"
)

type signInVerb struct {
	PasskeyFile string `required:"" placeholder:"FILE" help:"Your passkey that is a file. In a browser, open the server's address instead."`
}

// Run signs in.
func (v signInVerb) Run(e *env) error {
	c, s, err := e.dial()
	if err != nil {
		return err
	}
	k, err := e.loadKey(v.PasskeyFile)
	if err != nil {
		return err
	}
	signed, err := c.SignIn(e.ctx, k)
	if err != nil {
		return err
	}
	s.Person, s.Token = string(signed.Person), signed.Token
	if err := s.save(); err != nil {
		return err
	}
	return e.answer(map[string]string{"person": string(signed.Person), "server": c.Server()}, func() {
		e.say("Signed in to %s as %s.", c.Server(), safe(signed.Person))
	})
}

type signOutVerb struct{}

// Run signs out.
func (signOutVerb) Run(e *env) error {
	c, s, err := e.dial()
	if err != nil || s.Token == "" {
		return err
	}
	err = c.As(s.Token).SignOut(e.ctx)
	if client.CodeOf(err) == "unauthenticated" {
		err = nil // it had ended already
	}
	s.Person, s.Token = "", ""
	return errors.Join(err, s.save())
}

type bundleVerb struct {
	Request string `arg:"" help:"The request's id (req_…)."`
	Output  string `short:"o" placeholder:"FILE" help:"Where to; - for standard output. REQUEST.countersign.json when absent."`
}

// Run fetches a bundle.
func (v bundleVerb) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	raw, err := c.Bundle(e.ctx, v.Request)
	if err != nil {
		return err
	}
	switch v.Output {
	case "-":
		_, err := e.out.Write(raw)
		return err
	case "":
		v.Output = filepath.Base(v.Request) + ".countersign.json"
	}
	if err := os.WriteFile(v.Output, raw, 0o600); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	e.mention("wrote %s (%d bytes)", v.Output, len(raw))
	return nil
}

type tokenVerb struct {
	Create tokenCreate `cmd:"" help:"Make an API token for an integration. It is shown once."`
	List   tokenList   `cmd:"" help:"List the integrations that were let in."`
	Revoke tokenRevoke `cmd:"" help:"Shut an integration out at once."`
}

type tokenCreate struct {
	Name   string   `arg:"" help:"The integration's name."`
	Scopes []string `arg:"" help:"What it may do: requests:open, requests:read, enrolments:write, facts:report, ledger:read."`
	Days   int      `default:"90" help:"How long it works."`

	PasskeyFile string `placeholder:"FILE" help:"Sign with this passkey. Without it, sign in a browser."`
	Yes         bool   `short:"y" help:"Do not ask before signing."`
}

// Run makes a token, once its statement is signed.
func (v tokenCreate) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	if v.PasskeyFile == "" {
		page := c.Server() + "/roster#tokens"
		return e.answer(map[string]string{"url": page}, func() { e.say("Make and sign it in your browser:\n\n  %s", safe(page)) })
	}
	k, err := e.loadKey(v.PasskeyFile)
	if err != nil {
		return err
	}
	p, err := c.TokenPaper(e.ctx, v.Name, v.Scopes, v.Days)
	if err != nil {
		return err
	}
	if err := e.agree(p, "Let this integration in?", v.Yes); err != nil {
		return err
	}
	token, err := c.CreateToken(e.ctx, p, k)
	if err != nil {
		return err
	}
	return e.answer(map[string]string{"token": token}, func() {
		e.say("%s", safe(token))
		e.mention("%s", e.dim("It is not shown again. Programs send it as Authorization: Bearer; this one takes it from COUNTERSIGN_TOKEN."))
	})
}

type tokenRevoke struct {
	Name string `arg:"" help:"The integration's name."`
}

// Run revokes a token.
func (v tokenRevoke) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	return c.RevokeToken(e.ctx, v.Name)
}

type enrolVerb struct {
	Totp         enrolTotp         `cmd:"" name:"totp" help:"An authenticator app."`
	RecoveryCode enrolRecoveryCode `cmd:"" name:"recovery-code" help:"A code to be kept on paper."`
	Device       enrolDevice       `cmd:"" name:"device" help:"A managed device, by its public key."`
	IDV          enrolIDV          `cmd:"" name:"idv" help:"Whom the provider of identity proofing knows."`
}

// Help is kong's long text.
func (enrolVerb) Help() string {
	return "Needs an API token with the scope enrolments:write in COUNTERSIGN_TOKEN: no member of staff can register a factor for somebody else. What is printed is for the account's owner alone."
}

type enrolMethod struct {
	Login     string `arg:"" help:"The account's login."`
	Directory string `help:"Its directory, where there is more than one."`
	Label     string `help:"What the owner will know it by."`
}

type enrolTotp struct{ enrolMethod }

// Run enrols an authenticator app.
func (v enrolTotp) Run(e *env) error { return v.enrol(e, client.Registering{Method: "totp"}) }

type enrolRecoveryCode struct{ enrolMethod }

// Run enrols a recovery code.
func (v enrolRecoveryCode) Run(e *env) error {
	return v.enrol(e, client.Registering{Method: "recovery_code"})
}

type enrolDevice struct {
	enrolMethod
	Key string `required:"" placeholder:"FILE" help:"Its public key, or a certificate of the configured authority, in PEM; - for standard input. Never a private key."`
}

// Run enrols a device. A private key is not sent: whoever has put one here has
// shown it to one program too many already, and to no server.
func (v enrolDevice) Run(e *env) error {
	text, err := e.readKey(v.Key)
	if err != nil {
		return err
	}
	return v.enrol(e, client.Registering{Method: "device", Key: string(text)})
}

const maxPublicKey = 16 << 10

func (e *env) readKey(path string) ([]byte, error) {
	from := e.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading the key: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxPublicKey+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the key: %w", err)
	case len(text) > maxPublicKey:
		return nil, fmt.Errorf("%s is longer than %d bytes: that is no public key", safe(path), maxPublicKey)
	case bytes.Contains(text, []byte("PRIVATE KEY")):
		return nil, hinted(fmt.Errorf("%s holds a private key; it was not sent anywhere", safe(path)), "register the public half, as “countersign device key” prints it")
	}
	return text, nil
}

type enrolIDV struct {
	enrolMethod
	Subject string `required:"" placeholder:"ID" help:"What the provider calls the person; with several providers ISSUER, a space, and the id."`
}

// Run enrols whom a provider of identity proofing knows.
func (v enrolIDV) Run(e *env) error {
	return v.enrol(e, client.Registering{Method: "idv", Subject: v.Subject})
}

func (v enrolMethod) enrol(e *env, r client.Registering) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	r.Directory, r.Login, r.Label = v.Directory, v.Login, v.Label
	f, err := c.Register(e.ctx, r)
	if err != nil {
		return err
	}
	return e.answer(f, func() {
		e.fields("method", safe(f.Method), "address", safe(f.URI), "code", safe(f.Code), "counts from", when(f.UsableAt))
	})
}

type requestVerb struct {
	LookUp   requestLookUp   `cmd:"" name:"look-up" help:"Find the account of somebody who asks. It is counted and noted on the ledger."`
	Open     requestOpen     `cmd:"" help:"Open a request."`
	Show     requestShow     `cmd:"" help:"Show a request."`
	List     requestList     `cmd:"" help:"List the requests you may see, newest first."`
	Cancel   requestCancel   `cmd:"" help:"End a request that has not been dispatched."`
	Callback requestCallback `cmd:"" help:"Enter the code that came back over the call to the number on record."`
}

const decideLife = 15 * time.Minute

// await waits until somebody has decided.
func (e *env) await(c client.Client, id string, done func(client.Request) bool) (client.Request, error) {
	ctx, cancel := context.WithTimeout(e.ctx, decideLife)
	defer cancel()
	return c.Wait(ctx, id, done)
}
