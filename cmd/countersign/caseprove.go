package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"countersign/internal/client"
	"countersign/internal/proof/device"
)

type caseProve struct {
	Method      string `arg:"" help:"The method, such as totp, email-code, recovery-code, passkey, device, vouch or in-person; the case shows which are open."`
	Answer      string `help:"The code. Better leave it out and type it when asked."`
	PasskeyFile string `name:"passkey-file" placeholder:"FILE" help:"Your own passkey in a file, for labs and automation."`
	DeviceKey   string `name:"device-key" placeholder:"FILE" help:"This device's key."`
	Yes         bool   `short:"y" help:"Sign without asking."`
}

// Run asks for a challenge and answers it, or says who else has to.
func (v caseProve) Run(e *env) error {
	c, err := e.requester()
	if err != nil {
		return err
	}
	p, err := c.Challenge(e.ctx, strings.ReplaceAll(v.Method, "-", "_"))
	if err != nil {
		return err
	}
	e.printCard(p.Card)
	switch p.Method {
	case "passkey":
		return v.signed(e, c, p)
	case "device":
		return v.byDevice(e, c, p)
	case "vouch", "in_person":
		return e.answer(p, func() {
			e.say("%s\n\n    %s\n\n%s", handOver[p.Method], e.bold(safe(p.Code)), "Then: countersign case show")
		})
	case "callback":
		return e.answer(p, func() {
			e.say("Your telephone on record is being called. Tell the agent the code that you hear. Then: countersign case show")
		})
	case "oidc":
		return e.answer(p, func() { e.say("Open this in the browser in which you entered the case code:\n\n    %s", safe(p.Go)) })
	case "idv":
		if p.Go != "" {
			e.mention("Open this, and come back with the result that it gives you:\n\n    %s\n", safe(p.Go))
		}
	}
	return v.typed(e, c, p)
}

var handOver = map[string]string{
	"vouch":     "Whoever may vouch for you has been written to. Speak with them, face to face or by a way you both know, and tell them this code:",
	"in_person": "Show this code, and a document, to a proofing officer:",
}

// askedBy says who asks for what a card is about.
func askedBy(c client.Card) string {
	if c.Agent == "" {
		return "the self-service page"
	}
	return safe(c.Agent) + " of " + safe(c.Desk)
}

// printCard shows who asks for what, before anything is answered.
func (e *env) printCard(c client.Card) {
	e.mention("%s for %s, asked by %s, case %s.", safe(string(c.Action)), safe(c.Login), askedBy(c), safe(c.Case))
	e.mention("Two words: %s. Whoever you are dealing with can tell you the same ones.\n", e.bold(safe(c.Words)))
}

func (v caseProve) signed(e *env, c client.Client, p client.Prompt) error {
	if v.PasskeyFile == "" {
		return hinted(errors.New("a passkey of yours answers in your browser, on the page of your case"), "for a passkey in a file: --passkey-file FILE")
	}
	k, err := e.loadKey(v.PasskeyFile)
	if err != nil {
		return err
	}
	if err := e.agree(client.Paper{Statement: p.Statement}, "Sign this?", v.Yes); err != nil {
		return err
	}
	after, err := c.AnswerSigned(e.ctx, p, k)
	if err != nil {
		return err
	}
	return e.answer(after, func() { e.printCase(after) })
}

func (v caseProve) byDevice(e *env, c client.Client, p client.Prompt) error {
	if v.DeviceKey == "" {
		return hinted(errors.New("a device answers with its key"), "countersign case prove device --device-key FILE")
	}
	signer, err := loadDeviceKey(v.DeviceKey)
	if err != nil {
		return err
	}
	if err := e.agree(client.Paper{Statement: p.Statement}, "Sign this?", v.Yes); err != nil {
		return err
	}
	v.Answer, err = device.Sign(rand.Reader, signer, []byte(p.Statement))
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	return v.typed(e, c, p)
}

func (v caseProve) typed(e *env, c client.Client, p client.Prompt) (err error) {
	if v.Answer == "" {
		if v.Answer, err = e.ask(prompts[p.Method] + ": "); err != nil {
			return err
		}
	}
	after, err := c.Answer(e.ctx, p.Challenge, v.Answer)
	if err != nil {
		return err
	}
	return e.answer(after, func() { e.printCase(after) })
}

var prompts = map[string]string{
	"totp":             "The six digits your authenticator app shows now",
	"email_code":       "The code that was sent to your address on record",
	"sms_code":         "The code that was sent to your telephone on record",
	"voice_code":       "The code that you heard on your telephone on record",
	"recovery_code":    "Your recovery code",
	"recovery_contact": "The code that your recovery contact got and tells you",
	"idv":              "The provider's signed result",
}
