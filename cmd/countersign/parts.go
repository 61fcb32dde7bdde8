package main

import (
	"strconv"
	"time"

	"countersign/internal/client"
)

type partsVerb struct {
	Show      partsShow      `cmd:"" default:"1" help:"Show how everything is that the server works with."`
	Directory partsDirectory `cmd:"" help:"Look an account up, to see that a directory is read as it was meant."`
	Mail      partsMail      `cmd:"" help:"Send a test letter to your own address or to security."`
}

type partsShow struct{}

// Run shows the parts.
func (partsShow) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	p, err := c.Parts(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(p, func() { e.printParts(p) })
}

func (e *env) printParts(p client.Parts) {
	rows := [][]string{{"part", "name", "state", "last success", "last failure", "usual"}}
	for _, one := range p.Parts {
		usual := ""
		if one.LastOK != nil {
			usual = strconv.FormatInt(one.Usual, 10) + " ms"
		}
		rows = append(rows, []string{safe(one.Kind), safe(one.Name), safe(one.State), moment(one.LastOK), moment(one.LastFailed), usual})
	}
	e.table(rows)
	for _, one := range p.Parts {
		if words := one.Detail; words != "" {
			e.say("\n%s %s: %s", safe(one.Kind), safe(one.Name), safe(words))
		} else if one.State == "failing" {
			e.say("\n%s %s: %s", safe(one.Kind), safe(one.Name), safe(one.Failure))
		}
	}
	e.say("")
	e.fields("entries", strconv.FormatUint(p.Ledger.Entries, 10), "last signed", moment(p.Ledger.Signed), "store", safe(p.Store.State), "counted since", when(p.Since))
	e.printJobs(p)
}

func (e *env) printJobs(p client.Parts) {
	if len(p.Jobs) > 0 {
		rows := [][]string{{"jobs", "waiting", "oldest", "tried again", "given up"}}
		for _, q := range p.Jobs {
			rows = append(rows, []string{safe(q.Kind), strconv.Itoa(q.Waiting), moment(q.Oldest), strconv.Itoa(q.Retrying), strconv.Itoa(q.GivenUp)})
		}
		e.say("")
		e.table(rows)
	}
	for _, s := range p.Stuck {
		next := "given up"
		if s.Next != nil {
			next = "again at " + when(*s.Next)
		}
		e.say("\n%s %s: tried %d times since %s, %s", safe(s.Kind), safe(s.Request), s.Attempts, when(s.Since), next)
	}
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return when(*t)
}

type partsDirectory struct {
	Name  string `arg:"" help:"The directory's name."`
	Login string `arg:"" optional:"" help:"Whose account to look up; your own when absent."`
}

// Run tests a directory.
func (v partsDirectory) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	t, err := c.TestDirectory(e.ctx, v.Name, v.Login)
	if err != nil {
		return err
	}
	return e.tested(t, func() {
		a := t.Account
		e.fields("account", safe(a.Account), "person", safe(a.Person), "login", safe(a.Login), "name", safe(a.Name), "status", safe(a.Status),
			"manager", strconv.FormatBool(a.Manager), "mail addresses", strconv.Itoa(a.Mails), "telephones", strconv.Itoa(a.Phones), "groups", strconv.Itoa(a.Groups))
		e.say("\nCompare this with what you know of the account. Nothing was changed.")
	})
}

type partsMail struct {
	To string `enum:"self,security" default:"self" help:"self or security."`
}

// Run tests the mail server.
func (v partsMail) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	t, err := c.TestMail(e.ctx, v.To)
	if err != nil {
		return err
	}
	return e.tested(t, func() { e.say("The mail server took the letter. See whether it arrives.") })
}

// tested says what came of a test, and fails when it failed.
func (e *env) tested(t client.Test, passed func()) error {
	err := e.answer(t, func() {
		if !t.OK {
			e.say("It failed: %s.", safe(t.Failure))
			return
		}
		passed()
	})
	if err == nil && !t.OK {
		err = errNo
	}
	return err
}
