package main

import (
	"errors"
	"path"
	"strings"

	"countersign/internal/client"
)

type caseVerb struct {
	Claim  caseClaim  `cmd:"" help:"Come forward with the case code that the helpdesk read out."`
	Show   caseShow   `cmd:"" help:"Show your case, and the ways to prove yourself that are open."`
	Prove  caseProve  `cmd:"" help:"Prove yourself by one of the methods."`
	Secret caseSecret `cmd:"" help:"Show the new secret, once."`
	Cancel caseCancel `cmd:"" help:"End your own request, once you have proved yourself."`
	NotMe  caseNotMe  `cmd:"" name:"not-me" help:"Stop a request by the link of its notice: this wasn't me."`
}

type caseClaim struct {
	Code string `arg:"" help:"The case code, such as K4TN-7RWX."`
}

// Run claims a case.
func (v caseClaim) Run(e *env) error {
	c, s, err := e.dial()
	if err != nil {
		return err
	}
	token, view, err := c.Claim(e.ctx, v.Code)
	if err != nil {
		return err
	}
	s.Case = token
	if err := s.save(); err != nil {
		return err
	}
	return e.answer(view, func() { e.printCase(view) })
}

func (e *env) printCase(v client.Case) {
	e.say("%s  %s, case %s\n", e.bold(safe(v.Status)), safe(v.Action), safe(v.Case))
	wait := ""
	if v.WaitUntil != nil {
		wait = when(*v.WaitUntil)
	}
	pairs := []string{"account", safe(v.Card.Login), "asked by", askedBy(v.Card), "two words", safe(v.Card.Words), "ends", when(v.ExpiresAt), "waits until", wait, "proved", words(v.Proved)}
	for i, p := range v.Paths {
		lead := "prove"
		if i > 0 {
			lead = "   or"
		}
		pairs = append(pairs, lead, strings.Join(strings.Fields(words(p)), " and "))
	}
	e.fields(pairs...)
	switch {
	case v.Status == "proving" && len(v.Paths) == 0:
		e.say("No way to prove yourself is open here.")
		if v.Escalation != "" {
			e.say("%s", safe(v.Escalation))
		} else {
			e.say("Ask the helpdesk for the documented escalation.")
		}
	case v.Secret:
		e.say("\nThe new secret is ready: countersign case secret")
	}
}

type caseShow struct{}

// Run shows the case.
func (caseShow) Run(e *env) error {
	c, err := e.requester()
	if err != nil {
		return err
	}
	v, err := c.Case(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(v, func() { e.printCase(v) })
}

type caseSecret struct{}

// Run shows the secret.
func (caseSecret) Run(e *env) error {
	c, err := e.requester()
	if err != nil {
		return err
	}
	s, err := c.Secret(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(s, func() {
		e.fields("new password", safe(s.Password), "new recovery code", safe(s.RecoveryCode))
		e.mention("%s", e.dim("It is not shown again. You will be asked to choose another password when you sign in."))
	})
}

type caseCancel struct{}

// Run cancels.
func (caseCancel) Run(e *env) error {
	c, err := e.requester()
	if err != nil {
		return err
	}
	v, err := c.CancelCase(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(v, func() { e.say("The case is %s.", safe(v.Status)) })
}

type caseNotMe struct {
	Link string `arg:"" help:"The link, or what stands at its end."`
}

// Run repudiates.
func (v caseNotMe) Run(e *env) error {
	server, token := "", v.Link
	if before, after, ok := strings.Cut(v.Link, "/not-me/"); ok {
		server, token = before, path.Base(after)
	}
	if e.server == "" {
		e.server = server
	}
	c, _, err := e.dial()
	if err != nil {
		return err
	}
	if token == "" {
		return usage{errors.New("the link has no end")}
	}
	if err := c.Repudiate(e.ctx, token); err != nil {
		return err
	}
	return e.answer(map[string]bool{"repudiated": true}, func() {
		e.say("Thank you. The request is stopped if it was not carried out already, and nothing else happens to the account until somebody has looked into it.")
	})
}
