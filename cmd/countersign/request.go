package main

import (
	"errors"
	"fmt"
	"strings"

	"countersign/internal/client"
	"countersign/internal/identity"
)

type requestOpen struct {
	Login     string `arg:"" help:"The account's exact login."`
	Action    string `short:"a" default:"password_reset" help:"What is to be done: password_reset, unlock, … (${default})."`
	Via       string `required:"" help:"How the caller came: phone, chat, email, self_service, walk_in or ticket."`
	Ticket    string `help:"The ticket's number."`
	Directory string `help:"The account's directory, where there is more than one."`
}

// Run opens a request.
func (v requestOpen) Run(e *env) error {
	action, err1 := identity.ParseAction(v.Action)
	via, err2 := identity.ParseIntakeChannel(v.Via)
	if err := errors.Join(err1, err2); err != nil {
		return usage{errors.New(strings.ReplaceAll(err.Error(), "identity: ", ""))}
	}
	c, err := e.staff()
	if err != nil {
		return err
	}
	r, err := c.Open(e.ctx, client.Wish{Directory: v.Directory, Login: v.Login, Action: action, Channel: via, Ticket: v.Ticket})
	if err != nil {
		return err
	}
	return e.answer(r, func() {
		e.printRequest(r)
		e.say("\nRead the case code to the caller: %s. They prove themselves with it, in their own browser or with countersign case claim.", e.bold(safe(r.Case)))
	})
}

type requestLookUp struct {
	Login     string `arg:"" help:"The account's exact login; a part of one finds nothing."`
	Directory string `help:"Look in this directory alone."`
}

// Run finds an account.
func (v requestLookUp) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	out, err := c.LookUp(e.ctx, v.Directory, v.Login)
	if err != nil {
		return err
	}
	return e.answer(out, func() {
		for _, a := range out.Accounts {
			e.fields("login", safe(a.Login), "name", safe(a.Name), "account", safe(a.Account), "class", safe(a.Class), "can be opened", words(a.Actions))
			for _, o := range a.Open {
				e.say("Open already: case %s, %s, %s (%s).", e.bold(safe(o.Case)), safe(o.Action), safe(o.Status), safe(o.ID))
			}
			if a.Elsewhere {
				e.say("A request that is not of your desk is open for it.")
			}
		}
		for _, d := range out.Silent {
			e.mention("The directory %s did not answer.", safe(d))
		}
	})
}

type requestShow struct {
	Request  string `arg:"" help:"The request's id (req_…)."`
	Timeline bool   `help:"Show every event, as it stands on the ledger."`
}

// Run shows a request.
func (v requestShow) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	if v.Timeline {
		return v.timeline(e, c)
	}
	r, err := c.Request(e.ctx, v.Request)
	if err != nil {
		return err
	}
	return e.answer(r, func() { e.printRequest(r) })
}

func (v requestShow) timeline(e *env, c client.Client) error {
	all, err := c.Timeline(e.ctx, v.Request)
	if err != nil {
		return err
	}
	return e.answer(all, func() {
		rows := [][]string{{"entry", "at", "event", "by"}}
		for _, m := range all {
			rows = append(rows, []string{itoa(m.Seq), when(m.At), safe(m.Type), safe(m.Actor)})
		}
		e.table(rows)
	})
}

func (e *env) printRequest(r client.Request) {
	e.say("%s  %s of %s (%s)\n", e.bold(safe(r.Status)), safe(r.Action), safe(r.Subject.Login), safe(r.Subject.Name))
	var proved, wait string
	for _, p := range r.Proved {
		proved += safe(p.Method) + " at " + when(p.At) + "  "
	}
	if r.WaitUntil != nil {
		wait = when(*r.WaitUntil)
	}
	pairs := []string{"request", safe(r.ID), "case", safe(r.Case), "two words", safe(r.Words), "account", safe(r.Subject.Account),
		"class, tier", safe(r.Class) + ", " + safe(r.Tier), "came by", safe(r.Channel), "ticket", safe(r.Ticket),
		"desk", strings.TrimSpace(safe(r.Desk) + " " + safe(r.Agent)), "opened", when(r.OpenedAt), "ends", when(r.ExpiresAt),
		"proved", strings.TrimSpace(proved), "waits until", wait, "missing", safe(r.Missing)}
	for _, a := range r.Approvals {
		note := ""
		if !a.Counts {
			note = " (of an earlier statement: does not count)"
		}
		pairs = append(pairs, "signed", safe(a.Decision)+" by "+safe(a.Name)+" as "+words(a.Roles)+" at "+when(a.At)+note)
	}
	e.fields(append(pairs, outcome(r)...)...)
	e.printSteps(r.Progress)
}

// marks stand before the steps of a checklist.
var marks = map[string]string{"done": "[x]", "current": "[>]", "refused": "[!]", "off": "[-]"}

// printSteps writes the plan as a checklist.
func (e *env) printSteps(steps []client.Step) {
	for _, s := range steps {
		mark := marks[s.State]
		if mark == "" {
			mark = "[ ]"
		}
		what := strings.ReplaceAll(s.Step, "_", " ")
		switch {
		case s.Role != "":
			what = fmt.Sprintf("%d of %d signatures: %s", s.Have, s.Count, safe(s.Role))
		case s.What != "":
			what += ": " + safe(s.What)
		}
		if s.At != nil {
			what += ", " + when(*s.At)
		} else if s.Until != nil {
			what += ", until " + when(*s.Until)
		}
		e.say("  %s %s", mark, what)
	}
}

func outcome(r client.Request) []string {
	var pairs []string
	if r.Receipt != nil {
		pairs = append(pairs, "outcome", safe(r.Receipt.Outcome), "old credential", safe(r.Receipt.OldCredential))
		for _, n := range r.Receipt.Notes {
			pairs = append(pairs, "note", safe(n))
		}
	}
	for _, f := range r.FollowUps {
		pairs = append(pairs, "follow-up", strings.TrimSpace(safe(f.Kind)+": "+safe(f.Outcome)+" "+safe(f.Note)))
	}
	if r.ReviewOwed {
		pairs = append(pairs, "review", "owed")
	}
	if r.Probation != nil {
		pairs = append(pairs, "probation", "until "+when(*r.Probation))
	}
	if len(r.Reasons) > 0 {
		pairs = append(pairs, "reasons", safe(string(r.Reasons)))
	}
	return pairs
}

type requestList struct {
	Status []string `help:"Only these statuses."`
	Action string   `help:"Only this action."`
	Desk   string   `help:"Only those of this desk."`
	Case   string   `help:"The one with this case code."`
	Mine   bool     `help:"Only those that wait for your signature."`
	Limit  int      `default:"25" help:"How many, at most 100 (${default})."`
	After  string   `placeholder:"REQUEST" help:"Go on after this request."`
}

// Run lists requests.
func (v requestList) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	page, err := c.List(e.ctx, client.Filter{Statuses: v.Status, Action: identity.Action(v.Action), Desk: v.Desk, Case: v.Case, Mine: v.Mine, Limit: v.Limit, Cursor: v.After})
	if err != nil {
		return err
	}
	return e.answer(page, func() {
		if len(page.Requests) == 0 {
			e.mention("There are none.")
			return
		}
		rows := [][]string{{"request", "case", "status", "action", "tier", "opened", "account"}}
		for _, r := range page.Requests {
			rows = append(rows, []string{safe(r.ID), safe(r.Case), safe(r.Status), safe(r.Action), safe(r.Tier), when(r.OpenedAt), safe(r.Account)})
		}
		e.table(rows)
		if page.Next != "" {
			e.mention("%s", e.dim("There are more: --after "+safe(page.Next)))
		}
	})
}

type requestCancel struct {
	Request string `arg:"" help:"The request's id (req_…)."`
}

// Run cancels a request.
func (v requestCancel) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	r, err := c.Cancel(e.ctx, v.Request)
	if err != nil {
		return err
	}
	return e.answer(r, func() { e.say("%s is %s.", safe(r.ID), safe(r.Status)) })
}

type requestCallback struct {
	Request string `arg:"" help:"The request's id (req_…)."`
	Code    string `arg:"" help:"The code that the requester heard on the call and has read back to you."`
}

// Run enters the code of a call back.
func (v requestCallback) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	r, err := c.Callback(e.ctx, v.Request, v.Code)
	if err != nil {
		return err
	}
	return e.answer(r, func() { e.say("That is the code. The request stands at %s.", e.bold(safe(r.Status))) })
}
