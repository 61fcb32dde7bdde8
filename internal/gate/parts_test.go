package gate_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/proof/passkey"
	"countersign/internal/store"
)

// stubborn is a directory that answers as the test says.
type stubborn struct {
	directory.Directory
	err error
}

func (s *stubborn) Ping(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	return s.Directory.Ping(ctx)
}

func (s *stubborn) Find(ctx context.Context, login string) (directory.Account, error) {
	if s.err != nil {
		return directory.Account{}, s.err
	}
	return s.Directory.Find(ctx, login)
}

func (s *stubborn) Lookup(ctx context.Context, id identity.AccountID) (directory.Account, error) {
	if s.err != nil {
		return directory.Account{}, s.err
	}
	return s.Directory.Lookup(ctx, id)
}

// sulking is a mail server that answers as the test says.
type sulking struct {
	notify.Sender
	err error
}

func (s *sulking) Send(ctx context.Context, m notify.Message) error {
	if s.err != nil {
		return s.err
	}
	return s.Sender.Send(ctx, m)
}

// watchedHouse is a house with a second door, whose directory and mail can be
// made to fail.
type watchedHouse struct {
	*gatetest.House
	dir  *stubborn
	mail *sulking
	door *gate.Gate
}

func watchedHouseOf(t *testing.T) watchedHouse {
	h := gatetest.New(t, gatetest.Policy)
	w := watchedHouse{House: h, dir: &stubborn{Directory: h.Directory}, mail: &sulking{Sender: h.Mail}}
	w.door = w.secondDoor()
	return w
}

// secondDoor is another gate on the house's store.
func (w watchedHouse) secondDoor() *gate.Gate {
	w.T.Helper()
	h := w.House
	if w.dir == nil {
		w.dir, w.mail = &stubborn{Directory: h.Directory}, &sulking{Sender: h.Mail}
	}
	door, err := gate.New(w.T.Context(), gate.Config{Organisation: "Aviary", BaseURL: gatetest.Origin, LogKey: h.LogKey, SoftwareKeys: true, SecurityMail: "soc@corp.example",
		RelyingParty: passkey.RelyingParty{ID: "localhost", Origins: []string{gatetest.Origin}}},
		gate.Parts{Store: h.Store, Directories: []directory.Directory{w.dir}, Sender: w.mail, Box: h.Box, Now: h.Now, Log: h.Logger(),
			Kinds: map[string]string{"corp": "local"},
			Beside: func(context.Context) []gate.PartView {
				return []gate.PartView{{Kind: gate.PartPolicy, Name: "policy.yaml", State: gate.PartWarning, Detail: "it differs"}}
			}})
	h.Must(err)
	return door
}

func (w watchedHouse) parts() gate.PartsView {
	w.T.Helper()
	v, err := w.door.Parts(w.T.Context(), gatetest.Staff(gatetest.Sorrel))
	w.Must(err)
	return v
}

func (w watchedHouse) part(kind gate.PartKind) gate.PartView {
	w.T.Helper()
	for _, p := range w.parts().Parts {
		if p.Kind == kind {
			return p
		}
	}
	w.T.Fatalf("there is no part of kind %s", kind)
	return gate.PartView{}
}

func TestAPartSaysOnlyWhatTrafficTold(t *testing.T) {
	w := watchedHouseOf(t)
	mail := w.part(gate.PartMail)
	if mail.State != gate.PartUnused || mail.Calls != 0 || mail.LastOK != nil || mail.LastFailed != nil || mail.Usual != 0 {
		t.Errorf("nobody has sent anything, and it says %+v", mail)
	}
	dir := w.part(gate.PartDirectory)
	if dir.State != gate.PartOK || dir.Calls != 0 || dir.Type != "local" || len(dir.Can) == 0 {
		t.Errorf("the directory, which answers and was not read: %+v", dir)
	}
	if file := w.part(gate.PartPolicy); file.Detail != "it differs" {
		t.Errorf("what the server adds: %+v", file)
	}
	v := w.parts()
	if v.Ledger.Entries == 0 || v.Ledger.Signed == nil || v.Ledger.Key != w.LogKey || v.Store.State != gate.PartOK || v.Store.Size <= 0 {
		t.Errorf("ledger %+v, store %+v", v.Ledger, v.Store)
	}
}

func TestADirectoryThatFailsIsToldInWordsThatTellNothingElse(t *testing.T) {
	w := watchedHouseOf(t)
	const secret = "bind-password-hunter2"
	for want, err := range map[string]error{
		"it did not answer in time":            fmt.Errorf("ldap: %s: %w", secret, context.DeadlineExceeded),
		"no connection to it could be made":    fmt.Errorf("%s %w", secret, &net.OpError{Op: "dial", Err: errors.New(secret)}),
		"its name could not be found":          fmt.Errorf("%s %w", secret, &net.DNSError{Err: secret, Name: secret}),
		"it gave no answer that could be used": fmt.Errorf("%w: %s", directory.ErrUnreachable, secret),
	} {
		w.dir.err = err
		w.Pass(time.Minute)
		_, err := w.door.TestDirectory(t.Context(), gatetest.Staff(gatetest.Olive), "corp", gatetest.Wren)
		w.Must(err)
		p := w.part(gate.PartDirectory)
		if p.State != gate.PartFailing || p.Detail != want || p.Failure != want || p.LastFailed == nil || p.Test == nil || p.Test.OK || p.Test.Failure != want {
			t.Errorf("want %q, it says %+v, test %+v", want, p, p.Test)
		}
		if text := fmt.Sprintf("%+v %+v", p, p.Test); strings.Contains(text, secret) {
			t.Errorf("it tells: %s", text)
		}
	}
	w.dir.err = nil
	w.Pass(time.Minute)
	if p := w.part(gate.PartDirectory); p.State != gate.PartOK || p.Failures != 4 || p.LastFailed == nil {
		t.Errorf("it answers again, and says %+v", p)
	}
}

func TestAnAccountThatIsNotThereIsAnAnswer(t *testing.T) {
	w := watchedHouseOf(t)
	v, err := w.door.TestDirectory(t.Context(), gatetest.Staff(gatetest.Olive), "corp", "nobody")
	w.Must(err)
	if v.OK || !strings.Contains(v.Failure, "no such account") || v.Account != nil {
		t.Errorf("%+v", v)
	}
	if p := w.part(gate.PartDirectory); p.State != gate.PartOK || p.Failures != 0 || p.Calls != 1 {
		t.Errorf("%+v", p)
	}
}

func TestADirectoryTestShowsThatTheAccountIsReadAsItWasMeant(t *testing.T) {
	w := watchedHouseOf(t)
	v, err := w.door.TestDirectory(t.Context(), gatetest.Staff(gatetest.Sorrel), "", gatetest.Wren)
	w.Must(err)
	a := v.Account
	if !v.OK || a == nil || a.Login != gatetest.Wren || a.Name != "Wren Ito" || !a.Manager || a.Mails != 2 || a.Status != directory.Active {
		t.Fatalf("%+v %+v", v, a)
	}
	if text := fmt.Sprintf("%+v", *a); strings.Contains(text, "@") {
		t.Errorf("it tells addresses: %s", text)
	}
	if p := w.part(gate.PartDirectory); p.Test == nil || !p.Test.OK || p.Test.Account != nil || p.Test.By != gatetest.Sorrel {
		t.Errorf("kept is %+v", p.Test)
	}
	// Moss is on the roster as his account, and needs no login.
	w.Invite(w.Person("admin"), "Ada Min", "", identity.Security)
	if v, err := w.door.TestDirectory(t.Context(), gatetest.Staff(w.Person("admin")), "corp", ""); err != nil || !v.OK || v.Account.Login != "admin" {
		t.Errorf("one's own account: %+v, %v", v, err)
	}
	if _, err := w.door.TestDirectory(t.Context(), gatetest.Staff(gatetest.Olive), "corp", ""); code(err) != "invalid" {
		t.Errorf("somebody without an account: %v", err)
	}
}

func TestTestingIsForOfficersAndSecurityAndBounded(t *testing.T) {
	w := watchedHouseOf(t)
	for _, c := range []gate.Caller{gatetest.Staff(gatetest.Finch), gatetest.Staff(w.Person(gatetest.Moss)), {Token: "x", Scopes: gate.Scopes}} {
		if _, err := w.door.TestDirectory(t.Context(), c, "corp", gatetest.Wren); code(err) != "forbidden" {
			t.Errorf("%+v looked somebody up: %v", c, err)
		}
		if _, err := w.door.TestMail(t.Context(), c, gate.MailSecurity); code(err) != "forbidden" {
			t.Errorf("%+v wrote a letter: %v", c, err)
		}
	}
	for range 10 {
		_, err := w.door.TestDirectory(t.Context(), gatetest.Staff(gatetest.Olive), "corp", gatetest.Wren)
		w.Must(err)
	}
	for range 2 {
		if _, err := w.door.TestMail(t.Context(), gatetest.Staff(gatetest.Olive), gate.MailSecurity); code(err) != "too_many" {
			t.Errorf("the eleventh test: %v", err)
		}
	}
	if _, err := w.door.TestMail(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.MailSecurity); err != nil {
		t.Errorf("somebody else's first: %v", err)
	}
	w.Pass(time.Hour)
	if _, err := w.door.TestMail(t.Context(), gatetest.Staff(gatetest.Olive), gate.MailSecurity); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestATestLetterGoesToAnAddressOnRecordAlone(t *testing.T) {
	w := watchedHouseOf(t)
	v, err := w.door.TestMail(t.Context(), gatetest.Staff(gatetest.Olive), gate.MailSecurity)
	w.Must(err)
	if !v.OK || v.To != "security" || len(w.Mail.Messages("soc@corp.example")) != 1 {
		t.Errorf("%+v, %+v", v, w.Mail.Messages("soc@corp.example"))
	}
	if _, err := w.door.TestMail(t.Context(), gatetest.Staff(gatetest.Olive), gate.MailSelf); code(err) != "invalid" {
		t.Errorf("to somebody without an account: %v", err)
	}
	if _, err := w.door.TestMail(t.Context(), gatetest.Staff(gatetest.Olive), "somebody@evil.example"); code(err) != "invalid" {
		t.Errorf("to whom the caller names: %v", err)
	}
	w.Invite(w.Person(gatetest.Wren), "Wren Ito", "", identity.Security)
	if v, err := w.door.TestMail(t.Context(), gatetest.Staff(w.Person(gatetest.Wren)), gate.MailSelf); err != nil || !v.OK {
		t.Errorf("to oneself: %+v, %v", v, err)
	}
	if n := len(w.Mail.Messages(gatetest.WrensMail)); n != 1 {
		t.Errorf("%d letters came", n)
	}
}

func TestARefusedTestLetterSaysSo(t *testing.T) {
	w := watchedHouseOf(t)
	w.mail.err = fmt.Errorf("smtp: 550 user canary unknown: %w", notify.ErrPermanent)
	v, err := w.door.TestMail(t.Context(), gatetest.Staff(gatetest.Olive), gate.MailSecurity)
	w.Must(err)
	p := w.part(gate.PartMail)
	if v.OK || v.Failure != "it refused a message or its address for good" || p.State != gate.PartFailing || strings.Contains(fmt.Sprintf("%+v%+v", v, p), "canary") {
		t.Errorf("%+v %+v", v, p)
	}
}

func TestWhoMaySeeTheParts(t *testing.T) {
	w := watchedHouseOf(t)
	for who, c := range map[string]gate.Caller{"an agent": gatetest.Staff(gatetest.Finch), "a manager": gatetest.Staff(w.Person(gatetest.Moss)),
		"a stranger": gatetest.Staff("nobody"), "a token that opens": {Token: "x", Scopes: []gate.Scope{gate.ScopeOpen}}} {
		if _, err := w.door.Parts(t.Context(), c); code(err) != "forbidden" {
			t.Errorf("%s: %v", who, err)
		}
	}
	v, err := w.door.Parts(t.Context(), gate.Caller{Token: "watch", Scopes: []gate.Scope{gate.ScopeAudit}})
	if err != nil || len(v.Tests) != 0 {
		t.Errorf("a token that reads the ledger: %v, may test %v", err, v.Tests)
	}
	if v, err := w.door.Parts(t.Context(), gatetest.Staff(gatetest.Olive)); err != nil || len(v.Tests) != 2 {
		t.Errorf("an officer: %v, may test %v", err, v.Tests)
	}
}

func TestAJobThatWasGivenUpIsNamedWithItsRequest(t *testing.T) {
	w := watchedHouseOf(t)
	_, err := w.Store.Commit(t.Context(), store.Commit{Jobs: []store.Job{{Kind: "dispatch", Args: []byte(`{"request":"req_9"}`)}}})
	w.Must(err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	ran := make(chan bool, 1)
	go func() {
		done <- w.Store.Work(ctx, map[string]store.Handler{"dispatch": func(context.Context, store.Attempt) error {
			ran <- true
			return fmt.Errorf("%w: password=canary", store.ErrDrop)
		}})
	}()
	<-ran
	stop()
	w.Must(<-done)
	v := w.parts()
	if len(v.Stuck) != 1 || v.Stuck[0].Request != "req_9" || v.Stuck[0].Next != nil || v.Stuck[0].Attempts != 1 {
		t.Errorf("%+v", v.Stuck)
	}
	if strings.Contains(fmt.Sprintf("%+v", v), "canary") {
		t.Error("it repeats the job's error")
	}
}
