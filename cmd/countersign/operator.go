package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"countersign/internal/app"
	"countersign/internal/identity"
)

type ledgerVerb struct {
	Check  ledgerCheck  `cmd:"" help:"Rebuild everything from the events and say what differs."`
	Proof  ledgerProof  `cmd:"" help:"Prove that entries are on the ledger."`
	Export ledgerExport `cmd:"" help:"Write the ledger as C2SP tlog-tiles."`
}

// Help is kong's long text.
func (ledgerVerb) Help() string {
	return "These read the data folder itself, beside a running server or without one."
}

type ledgerCheck struct{ onServer }

type checkedLedger struct {
	Ledger      string   `json:"ledger"`
	Entries     uint64   `json:"entries"`
	Root        string   `json:"root"`
	Streams     int      `json:"streams"`
	Rows        int      `json:"rows"`
	OK          bool     `json:"ok"`
	Differences []string `json:"differences"`
	More        int      `json:"more,omitempty"`
}

// Run checks the ledger.
func (v ledgerCheck) Run(e *env) error {
	cfg, err := v.load(e)
	if err != nil {
		return err
	}
	r, err := app.CheckLedger(e.ctx, cfg)
	if err != nil {
		return err
	}
	c := checkedLedger{cfg.Ledger.Origin, r.Checkpoint.Size, r.Checkpoint.Root.String(), r.Streams, r.Rows, r.OK(), append([]string{}, r.Differences...), r.More}
	err = e.answer(c, func() {
		e.fields("ledger", safe(c.Ledger), "entries", itoa(c.Entries), "root", c.Root, "streams", strconv.Itoa(c.Streams), "requests", strconv.Itoa(c.Rows))
		for _, d := range c.Differences {
			e.say("\n%s %s", e.paint("31", "differs:"), brief(d))
		}
		switch {
		case c.OK:
			e.say("\n%s", e.paint("32", "Everything is as the events and the signed checkpoint say."))
		case c.More > 0:
			e.say("\nand %d more", c.More)
		}
	})
	if err == nil && !c.OK {
		err = errNo
	}
	return err
}

// brief keeps a row's whole state, which --json has, off the screen.
func brief(difference string) string {
	const most = 300
	if text := identity.Line(difference, most); text != safe(difference) {
		return text + "…"
	}
	return safe(difference)
}

type ledgerProof struct {
	onServer
	What string `arg:"" help:"An entry's number, or a request's id (req_…)."`
}

// Run proves entries.
func (v ledgerProof) Run(e *env) error {
	cfg, err := v.load(e)
	if err != nil {
		return err
	}
	var proofs []app.Proof
	if seq, bad := strconv.ParseUint(v.What, 10, 63); bad == nil {
		var one app.Proof
		one, err = app.ProveEntry(e.ctx, cfg, seq)
		proofs = []app.Proof{one}
	} else {
		proofs, err = app.ProveStream(e.ctx, cfg, v.What)
	}
	if err != nil {
		return err
	}
	return e.answer(proofs, func() {
		for _, p := range proofs {
			e.fields("entry", itoa(p.Seq), "is", safe(p.Type)+" of "+safe(p.Stream)+" at "+p.At, "leaf hash", p.Hash)
			e.fields("proof", strings.Join(p.Path, "\n       "))
			e.say("")
		}
		e.say("%s", safeLines(proofs[len(proofs)-1].Checkpoint))
	})
}

type ledgerExport struct {
	onServer
	Dir string `arg:"" help:"The folder to write to."`
}

// Run exports.
func (v ledgerExport) Run(e *env) error {
	cfg, err := v.load(e)
	if err != nil {
		return err
	}
	head, err := app.ExportLedger(e.ctx, cfg, v.Dir)
	if err != nil {
		return err
	}
	return e.answer(map[string]any{"entries": head.Size, "root": head.Root.String()}, func() {
		e.say("Wrote %d entries of %s to %s.", head.Size, safe(head.Origin), v.Dir)
	})
}

type accountVerb struct {
	Add  accountAdd  `cmd:"" help:"Add an account (while the server is stopped)."`
	List accountList `cmd:"" help:"List the accounts (while the server is stopped)."`
}

type accountAdd struct {
	onServer
	Login        string   `arg:"" help:"What its owner types to sign in."`
	Name         string   `required:"" help:"The display name."`
	Email        string   `help:"Where codes and notices go."`
	OwnMailbox   bool     `help:"The account itself opens that mailbox, so it proves nothing."`
	Phone        string   `help:"A telephone number on record."`
	Manager      string   `placeholder:"LOGIN" help:"The manager of record."`
	Unit         string   `help:"The department."`
	Location     string   `help:"The site."`
	Group        []string `help:"A group it is in; may be said again."`
	Person       string   `help:"The same for all accounts of one human."`
	Service      bool     `help:"A non-human account."`
	Directory    string   `help:"The directory, where there is more than one of kind local."`
	PasswordFile string   `placeholder:"FILE" help:"The first password; - for standard input. Without it, nothing opens the account until a reset."`
}

// Run adds an account.
func (v accountAdd) Run(e *env) error {
	cfg, err := v.load(e)
	if err != nil {
		return err
	}
	password, err := v.password(e)
	if err != nil {
		return err
	}
	a, err := app.AddAccount(e.ctx, cfg, app.NewAccount{
		Directory: v.Directory, Login: v.Login, Name: v.Name, Unit: v.Unit, Location: v.Location,
		Person: identity.PersonID(v.Person), Manager: v.Manager, Groups: v.Group, Email: v.Email, Phone: v.Phone,
		OwnEmail: v.OwnMailbox, Service: v.Service, Password: password,
	})
	if err != nil {
		return err
	}
	return e.answer(a, func() { e.fields("account", safe(a.ID), "person", safe(a.Person), "login", safe(a.Login)) })
}

func (v accountAdd) password(e *env) (string, error) {
	var raw []byte
	var err error
	switch v.PasswordFile {
	case "":
		return "", nil
	case "-":
		raw, err = io.ReadAll(io.LimitReader(e.in, 4096))
	default:
		raw, err = os.ReadFile(v.PasswordFile)
	}
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

type accountList struct {
	onServer
	Directory string `help:"The directory, where there is more than one of kind local."`
}

// Run lists accounts.
func (v accountList) Run(e *env) error {
	cfg, err := v.load(e)
	if err != nil {
		return err
	}
	all, err := app.Accounts(e.ctx, cfg, v.Directory)
	if err != nil {
		return err
	}
	return e.answer(all, func() {
		rows := [][]string{{"login", "name", "status", "unit", "manager", "groups", "account"}}
		for _, a := range all {
			rows = append(rows, []string{safe(a.Login), safe(a.Name), safe(a.Status), safe(a.Unit), safe(a.Manager), words(a.Groups), safe(a.ID)})
		}
		e.table(rows)
	})
}
