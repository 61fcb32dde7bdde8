package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

const shelfTested = "tested" // key: the part, as tested writes it; value: TestView

// testsAnHour bounds how often one person tests something: each test looks an
// account up or writes a letter.
var testsAnHour = bound{10, time.Hour}

func tested(kind PartKind, name string) string {
	if name == "" {
		return string(kind)
	}
	return string(kind) + "/" + name
}

// TestView is what came of a test.
type TestView struct {
	At      time.Time         `json:"at"`
	By      identity.PersonID `json:"by"`
	OK      bool              `json:"ok"`
	Failure string            `json:"failure,omitempty"` // in words
	Took    int64             `json:"took_ms"`
	// Account is what a directory knows of the account that was looked up; it
	// is told to whoever asked and kept nowhere.
	Account *TestedAccount `json:"account,omitempty"`
	// To says where a test letter went, without the address.
	To string `json:"to,omitempty"`
}

// TestedAccount is enough of an account to see that the directory is read as it
// was meant: what is there and how it stands, but no address and no group.
type TestedAccount struct {
	Login    string             `json:"login"`
	Name     string             `json:"name"`
	Account  identity.AccountID `json:"account"`
	Person   identity.PersonID  `json:"person"`
	Status   directory.Status   `json:"status"`
	Locked   bool               `json:"locked"`
	Admin    bool               `json:"admin"`
	Service  bool               `json:"service"`
	Unit     string             `json:"unit,omitempty"`
	Manager  bool               `json:"manager"` // one is on record
	Mails    int                `json:"mails"`   // addresses on record
	Phones   int                `json:"phones"`  // telephones on record
	Groups   int                `json:"groups"`
	Password *time.Time         `json:"password_changed,omitempty"`
}

// PartTested records that somebody tested a part.
type PartTested struct {
	Part    string `json:"part"`
	OK      bool   `json:"ok"`
	Failure string `json:"failure,omitempty"`
	Account string `json:"account,omitempty" ledger:"private"` // the login that was looked up
}

// tester is the caller's place on the roster, if they may test parts: officers
// and security, who answer for them.
func (g *Gate) tester(ctx context.Context, c Caller) (roster.Member, error) {
	m, _, err := g.member(ctx, c)
	if err == nil && !m.Has(identity.Officer) && !m.Has(identity.Security) {
		err = ErrForbidden
	}
	return m, err
}

// TestDirectory looks an account up: the one with the login, or with none the
// caller's own where their person id is an account's. It changes nothing.
func (g *Gate) TestDirectory(ctx context.Context, c Caller, name, login string) (TestView, error) {
	m, err := g.tester(ctx, c)
	if err != nil {
		return TestView{}, err
	}
	d, err := g.directory(name)
	if err != nil {
		return TestView{}, err
	}
	own := identity.AccountID(m.Person)
	if login == "" && own.Directory() != d.Name() {
		return TestView{}, invalid("say which login to look up: your place on the roster does not name an account of this directory")
	}
	return g.test(ctx, c, PartTested{Part: tested(PartDirectory, d.Name()), Account: login}, func(t *TestView) error {
		a, err := d.Find(ctx, login)
		if login == "" {
			a, err = d.Lookup(ctx, own)
		}
		switch {
		case errors.Is(err, directory.ErrNotFound):
			t.Failure = "it answered: there is no such account; is the search base right?"
		case errors.Is(err, directory.ErrAmbiguous):
			t.Failure = "it answered: more than one account has that name"
		case err == nil:
			t.OK, t.Account = true, testedAccount(a)
		}
		return err
	})
}

func testedAccount(a directory.Account) *TestedAccount {
	t := &TestedAccount{Login: identity.Line(a.Login, 100), Name: identity.Line(a.Name, 100), Account: a.ID, Person: a.Person, Status: a.Status,
		Locked: a.Locked, Admin: a.Admin, Service: a.Service, Unit: identity.Line(a.Unit, 100), Manager: a.Manager.ID != "",
		Groups: len(a.Groups), Password: momentOf(a.PasswordChanged)}
	for _, c := range a.Contacts {
		if c.Kind == directory.ContactEmail {
			t.Mails++
		} else {
			t.Phones++
		}
	}
	return t
}

// MailTo is whom a test letter is for.
type MailTo string

// Whom a test letter may be for: never an address that the caller names.
const (
	MailSelf     MailTo = "self"     // the caller's own address on record
	MailSecurity MailTo = "security" // the address of security
)

// MailTos lists them.
var MailTos = []MailTo{MailSelf, MailSecurity}

// TestMail sends a test letter at once and says what the mail server made of
// it. That it was taken does not say that it arrived.
func (g *Gate) TestMail(ctx context.Context, c Caller, to MailTo) (TestView, error) {
	m, err := g.tester(ctx, c)
	if err != nil {
		return TestView{}, err
	}
	if g.mail == nil {
		return TestView{}, &Fault{"not_available", "no mail server is configured (mail.host), so there is nothing to test"}
	}
	address, err := g.testAddress(ctx, m, to)
	if err != nil {
		return TestView{}, err
	}
	return g.test(ctx, c, PartTested{Part: tested(PartMail, "")}, func(t *TestView) error {
		t.To = string(to)
		ctx, cancel := context.WithTimeout(ctx, testWait)
		defer cancel()
		org := identity.Line(g.cfg.Organisation, 60)
		err := g.mail.Send(ctx, notify.Message{To: address, ID: newID("let"), Subject: org + ": test letter",
			Text: "Somebody who looks after Countersign at " + org + " asked for this letter, to see that mail arrives.\nNothing was changed, and there is nothing for you to do.\n"})
		t.OK = err == nil
		return err
	})
}

const testWait = 20 * time.Second

func (g *Gate) testAddress(ctx context.Context, m roster.Member, to MailTo) (string, error) {
	switch to {
	case MailSecurity:
		if g.cfg.SecurityMail == "" {
			return "", invalid("security has no address here (security_mail)")
		}
		return g.cfg.SecurityMail, nil
	case MailSelf:
		own := identity.AccountID(m.Person)
		if _, ok := g.dirs[own.Directory()]; !ok {
			return "", invalid("your place on the roster does not name an account, so no address of yours is on record; send it to security")
		}
		a, err := g.lookup(ctx, own)
		if err != nil {
			return "", err
		}
		for _, c := range a.Contacts {
			if c.Kind == directory.ContactEmail && notify.CheckAddress(c.Address) == nil {
				return c.Address, nil
			}
		}
		return "", invalid("your account has no mail address on record; send it to security")
	}
	return "", invalid(fmt.Sprintf("a test letter goes to one of %v", MailTos))
}

// test runs a test within the caller's bound, records it and keeps what came
// of it, until the next one of the same part.
func (g *Gate) test(ctx context.Context, c Caller, what PartTested, do func(*TestView) error) (TestView, error) {
	at := g.now()
	if err := g.mayTest(ctx, c, at); err != nil {
		return TestView{}, err
	}
	began, t := time.Now(), TestView{At: at, By: c.Person}
	if err := do(&t); err != nil {
		g.log.Warn("a test failed", "part", what.Part, "by", c.Person, "error", err)
		if t.Failure == "" {
			t.Failure = g.pulses.words(err)
		}
	}
	t.Took = time.Since(began).Milliseconds()
	what.OK, what.Failure = t.OK, t.Failure
	kept := t
	kept.Account = nil
	item := put(shelfTested, what.Part, "", kept, store.AnyVersion, time.Time{})
	return t, g.note(ctx, c, what, "part_tested", item)
}

// mayTest counts one more test of the caller's before it is made, or refuses
// it.
func (g *Gate) mayTest(ctx context.Context, c Caller, at time.Time) error {
	for try := 0; ; try++ {
		t, err := g.tally(ctx, "tested\x00"+string(c.Person), at)
		if err != nil {
			return err
		}
		if until := t.full(testsAnHour, at); !until.IsZero() {
			return later(reset.TooMany, until, at, "you have tested enough for now; try again after %s")
		}
		_, item := t.plus(at, testsAnHour)
		err = g.store.Change(ctx, item)
		if errors.Is(err, store.ErrConflict) && try < 8 {
			continue
		}
		if err != nil {
			return fmt.Errorf("gate: counting a test: %w", err)
		}
		return nil
	}
}
