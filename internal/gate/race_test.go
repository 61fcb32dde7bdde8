package gate_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/passhash"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// together runs the same thing n times at once and returns what came of each.
func together(n int, do func(i int) error) []error {
	out := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { out[i] = do(i) })
	}
	wg.Wait()
	return out
}

func successes(errs []error) (n int) {
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

func TestOneCodeSentTenTimesAtOnceCountsOnce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	typed := h.Code(seed)
	type asked struct{ token, challenge string }
	var all []asked
	for range 4 { // four requests, each with a challenge for the same app
		token := h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case)
		p, err := h.Gate.Challenge(t.Context(), token, proof.TOTP)
		h.Must(err)
		all = append(all, asked{token, p.Challenge})
	}
	errs := together(12, func(i int) error {
		a := all[i%len(all)]
		_, err := h.Gate.Answer(t.Context(), a.token, a.challenge, gate.Reply{Text: typed})
		return err
	})
	if n := successes(errs); n != 1 {
		t.Errorf("%d of 12 were accepted: %v", n, errs)
	}
}

func TestGuessesSentAtOnceAreAllCounted(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p, err := h.Gate.Challenge(t.Context(), token, proof.TOTP)
	h.Must(err)
	errs := together(20, func(int) error {
		_, err := h.Gate.Answer(t.Context(), token, p.Challenge, gate.Reply{Text: "000000"})
		return err
	})
	refused := 0
	for _, err := range errs {
		if errors.Is(err, gate.ErrAnswer) {
			refused++
		}
	}
	if got := h.State(v.ID).Failures(proof.TOTP); got != refused || got > 5 {
		t.Errorf("%d answers were looked at and %d counted; at most 5 may be", refused, got)
	}
}

func TestAVetoAndTheMarkerAtOnceLeaveOneWinner(t *testing.T) {
	for range 5 {
		h := gatetest.New(t, gatetest.Policy)
		seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
		request, _ := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
		h.Must(h.Gate.Notice(t.Context(), request, "opened"))
		_, link, _ := strings.Cut(h.Letters(request, gatetest.WrensMail)[0], "/not-me/")
		together(2, func(i int) error {
			if i == 0 {
				return h.Gate.Repudiate(t.Context(), strings.TrimSpace(link))
			}
			return h.Do("dispatch", request)
		})
		s := h.State(request)
		changed := h.Directory.SignIn(t.Context(), gatetest.Wren, gatetest.FirstPassword) != nil
		if !s.Repudiated || changed != (s.Status() == reset.Done) || !changed && s.Status() != reset.Vetoed {
			t.Errorf("%s, repudiated %v, password changed %v", s, s.Repudiated, changed)
		}
	}
}

func TestTwoSignersAtOnceBothCount(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "approvals: [{role: manager, count: 1}]\n      follow_up", "approvals: [{role: manager, count: 1}, {role: security, count: 1}]\n      follow_up", 1))
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	people := []identity.PersonID{h.Person(gatetest.Moss), gatetest.Sorrel}
	if errs := together(2, func(i int) error { return h.Vote(people[i], v.ID, reset.Approve) }); successes(errs) != 2 {
		t.Errorf("signing: %v", errs)
	}
	if s := h.State(v.ID); s.Status() != reset.Ready {
		t.Errorf("%s with %d votes", s, len(s.Votes))
	}
}

func TestOneInvitationRedeemedTwiceAtOnceAddsOneProposal(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	token, err := h.Gate.Invite(t.Context(), gatetest.Staff(gatetest.Olive), gate.Invitee{Person: "staff:new", Name: "New Name", Roles: []identity.Role{identity.Security}})
	h.Must(err)
	j, err := h.Gate.Join(t.Context(), token)
	h.Must(err)
	response, err := h.NewKey().Register("localhost", gatetest.Origin, j.Options.Challenge)
	h.Must(err)
	errs := together(4, func(int) error { _, err := h.Gate.Register(t.Context(), token, response); return err })
	if n := successes(errs); n != 1 {
		t.Errorf("%d registrations: %v", n, errs)
	}
}

func TestTwoTokensOfOneNameSignedAtOnceLeaveOne(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	olive := gatetest.Staff(gatetest.Olive)
	rounds := []func(){
		func() { h.Must(h.Gate.RevokeToken(t.Context(), olive, "siem")) },
		func() { h.Pass(25 * time.Hour) }, // it lapses
		func() {},
	}
	for _, free := range rounds { // each time the name is free again
		var papers []gate.Paper
		var signed []passkey.Assertion
		for range 4 {
			p, err := h.Gate.TokenPaper(t.Context(), olive, "siem", []gate.Scope{gate.ScopeRead}, 24*time.Hour)
			h.Must(err)
			papers, signed = append(papers, p), append(signed, h.Sign(gatetest.Olive, p.Options.Challenge))
		}
		errs := together(len(papers), func(i int) error {
			secret, err := h.Gate.CreateToken(t.Context(), olive, papers[i].ID, signed[i])
			if (secret == "") != (err != nil) {
				t.Errorf("%v, and a token: %t", err, secret != "")
			}
			return err
		})
		for _, err := range errs {
			if err != nil && (code(err) != "invalid" || !strings.Contains(err.Error(), "is in use")) {
				t.Errorf("got %v", err)
			}
		}
		all, err := h.Gate.Tokens(t.Context(), olive)
		h.Must(err)
		if n := successes(errs); n != 1 || len(all) != 1 {
			t.Errorf("%d were let in, %d tokens are listed: %v", n, len(all), errs)
		}
		free()
	}
}

func TestAClockThatStepsBackStopsTheRequestNotTheServer(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Pass(-time.Hour)
	if _, _, err := h.Gate.Claim(t.Context(), v.Case); code(err) != reset.ClockStep {
		t.Errorf("an hour earlier: %v", err)
	}
	h.Pass(2 * time.Hour)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
}

// down is a directory that does not answer.
type down struct{ directory.Directory }

func (down) Find(context.Context, string) (directory.Account, error) {
	return directory.Account{}, directory.ErrUnreachable
}
func (down) Lookup(context.Context, identity.AccountID) (directory.Account, error) {
	return directory.Account{}, errors.New("tls: something unexpected")
}

// closed is mail that cannot be sent for now.
type closed struct{}

func (closed) Send(context.Context, notify.Message) error { return notify.ErrTemporary }

func TestNothingIsDecidedWhileTheDirectoryIsDown(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	g, err := gate.New(t.Context(), gate.Config{Organisation: "Aviary", BaseURL: gatetest.Origin, LogKey: h.LogKey,
		RelyingParty: passkey.RelyingParty{ID: "localhost", Origins: []string{gatetest.Origin}}},
		gate.Parts{Store: h.Store, Directories: []directory.Directory{down{h.Directory}}, Sender: closed{}, Hasher: passhash.New(1), Box: h.Box, Now: h.Now, Log: h.Logger()})
	h.Must(err)
	wish := gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}
	if _, err := g.Open(t.Context(), gatetest.Staff(gatetest.Finch), wish); code(err) != "directory_unavailable" {
		t.Errorf("opening: %v", err)
	}
	if _, err := g.Statement(t.Context(), gatetest.Staff(h.Person(gatetest.Moss)), v.ID, reset.Approve); code(err) != "directory_unavailable" {
		t.Errorf("signing: %v", err)
	}
	if _, err := g.Authorise(t.Context(), v.ID); code(err) != "directory_unavailable" {
		t.Errorf("authorising: %v", err)
	}
	if s := h.State(v.ID).Status(); s != reset.Approving {
		t.Errorf("the request moved to %s", s)
	}
}

func TestALetterThatCannotBeSentIsTriedAgainAndThenSaidToHaveFailed(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Gate.Notice(t.Context(), v.ID, "opened"))
	g, err := gate.New(t.Context(), gate.Config{Organisation: "Aviary", BaseURL: gatetest.Origin, LogKey: h.LogKey},
		gate.Parts{Store: h.Store, Directories: []directory.Directory{h.Directory}, Sender: closed{}, Hasher: passhash.New(1), Box: h.Box, Now: h.Now, Log: h.Logger()})
	h.Must(err)
	items, err := h.Store.Items(t.Context(), "letter", v.ID, h.Now())
	h.Must(err)
	if len(items) != 3 {
		t.Fatalf("%d letters wait, want 3", len(items))
	}
	if err := g.SendLetter(t.Context(), items[0].Key, false); !errors.Is(err, notify.ErrTemporary) {
		t.Errorf("the job ended: %v", err)
	}
	h.Must(g.SendLetter(t.Context(), items[0].Key, true))
	records, err := h.Store.Stream(t.Context(), v.ID)
	h.Must(err)
	last := records[len(records)-1]
	if last.Type != "notified" || !strings.Contains(string(last.Body), `"outcome":"failed"`) {
		t.Errorf("the ledger says %s %s", last.Type, last.Body)
	}
	h.Must(g.SendLetter(t.Context(), items[0].Key, true)) // again: nothing left to send
}

func TestHostileTextIsRefusedAtTheDoor(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for name, w := range map[string]gate.Wish{
		"a ticket with a line feed": {Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone, Ticket: "INC\nagent: nobody"},
		"a ticket that runs back":   {Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone, Ticket: "INC\u202e1"},
		"a long ticket":             {Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone, Ticket: strings.Repeat("x", 101)},
		"no login":                  {Action: identity.Unlock, Channel: identity.Phone},
		"a login with a zero byte":  {Login: "wren\x00", Action: identity.Unlock, Channel: identity.Phone},
		"a made-up action":          {Login: gatetest.Wren, Action: "format_disk", Channel: identity.Phone},
		"a proof's channel":         {Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.App},
		"an action not offered":     {Login: gatetest.Wren, Action: identity.AccessPass, Channel: identity.Phone},
		"another directory":         {Directory: "moon", Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone},
	} {
		if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), w); code(err) != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARequestThatStandsStillIsWokenOnceAnHour(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	request, _ := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	done := make(chan string, 10)
	work := func() (ran []string) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stop := make(chan error, 1)
		go func() {
			stop <- h.Store.Work(ctx, map[string]store.Handler{"dispatch": func(_ context.Context, a store.Attempt) error {
				done <- a.Unique
				return nil
			}})
		}()
		for {
			select {
			case id := <-done:
				ran = append(ran, id)
				cancel()
			case err := <-stop:
				h.Must(err)
				return ran
			}
		}
	}
	if ran := work(); len(ran) != 1 { // the job of the order itself, which did nothing here
		t.Fatalf("at first: %v", ran)
	}
	h.Must(h.Gate.Wake(t.Context())) // too early: nothing
	h.Pass(16 * time.Minute)
	h.Must(h.Gate.Wake(t.Context()))
	h.Must(h.Gate.Wake(t.Context()))
	if ran := work(); len(ran) != 1 {
		t.Errorf("after standing still: %v", ran)
	}
	if s := h.State(request).Status(); s != reset.OrderedUp {
		t.Errorf("waking changed the request: %s", s)
	}
}
