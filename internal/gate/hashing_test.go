package gate_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"countersign/internal/directory"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/passhash"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
)

// doored opens a second door on the house, whose hashing the test holds up.
func doored(h *gatetest.House, hashes *passhash.Hasher) *gate.Gate {
	h.T.Helper()
	g, err := gate.New(h.T.Context(), gate.Config{Organisation: "Aviary", BaseURL: gatetest.Origin, LogKey: h.LogKey, SoftwareKeys: true,
		RelyingParty: passkey.RelyingParty{ID: "localhost", Origins: []string{gatetest.Origin}}},
		gate.Parts{Store: h.Store, Directories: []directory.Directory{h.Directory}, Sender: h.Mail, Hasher: hashes, Box: h.Box, Now: h.Now, Log: h.Logger()})
	h.Must(err)
	return g
}

// mailed is somebody who has come forward and got a code by mail.
type mailed struct{ request, code, token, challenge, typed string }

func mailedCode(h *gatetest.House, g *gate.Gate, login, to string) mailed {
	h.T.Helper()
	v := h.Open(login, identity.PasswordReset)
	token := h.Claim(v.Case)
	p, err := g.Challenge(h.T.Context(), token, proof.EmailCode)
	h.Must(err)
	return mailed{v.ID, v.Case, token, p.Challenge, h.MailedCode(v.ID, to)}
}

// A flood of wrong answers takes every place that there is for those who wait.
// Nobody else is held up by it: what needs no hash is served, and the honest
// answer to another request gets a place, and its turn after one of the flood.
func TestAFloodOfWrongAnswersHoldsUpNobodyElse(t *testing.T) {
	const slots, flood = 1, 200
	h := gatetest.New(t, letIn("email_code"))
	h.AddLark()
	hashes := passhash.New(slots)
	g := doored(h, hashes)
	attacked, honest := mailedCode(h, g, gatetest.Wren, gatetest.WrensMail), mailedCode(h, g, gatetest.Lark, gatetest.LarksMail)

	var held []func()
	for range slots {
		give, err := hashes.Take(t.Context())
		h.Must(err)
		held = append(held, give)
	}
	answers := make(chan error, flood)
	var wait sync.WaitGroup
	ctx, leave := context.WithCancel(gate.From(t.Context(), "192.0.2.7"))
	defer leave()
	for range flood {
		wait.Go(func() {
			_, err := g.Answer(ctx, attacked.token, attacked.challenge, gate.Reply{Text: "00000000"})
			answers <- err
		})
	}
	const room = slots * 32
	for range flood - room {
		if err := <-answers; code(err) != "busy" {
			t.Fatalf("an answer for which there is no room: %v", err)
		}
	}

	// All slots are held and all places are taken: what comes now comes during the flood.
	if _, err := g.DeskCheck(t.Context(), honest.code); err != nil {
		t.Errorf("somebody checks the desk: %v", err)
	}
	if _, err := g.Case(t.Context(), honest.token); err != nil {
		t.Errorf("a claimant looks at the case: %v", err)
	}
	if n := h.State(attacked.request).Failures(proof.EmailCode); n != 0 {
		t.Errorf("%d answers that nobody looked at were counted", n)
	}
	done := make(chan error, 1)
	go func() {
		_, err := g.Answer(gate.From(t.Context(), "198.51.100.9"), honest.token, honest.challenge, gate.Reply{Text: honest.typed})
		done <- err
	}()
	if err := <-answers; code(err) != "busy" { // it gave way to the honest answer
		t.Errorf("the flood's last: %v", err)
	}
	for _, give := range held {
		give()
	}
	if err := <-done; err != nil {
		t.Errorf("the honest answer: %v", err)
	}
	if got := h.State(honest.request).Proofs; len(got) != 1 {
		t.Errorf("the honest answer proved %v", got)
	}
	leave() // the rest of the flood gives up
	wait.Wait()
	if n := h.State(attacked.request).Failures(proof.EmailCode); n > 5 {
		t.Errorf("%d of the flood's answers were counted, want no more than 5", n)
	}
}

// Where as many others wait as may, a code is not even made, and the claimant
// is told so at once.
func TestACodeForWhichThereIsNoRoomIsNeitherMadeNorCounted(t *testing.T) {
	h := gatetest.New(t, letIn("email_code"))
	hashes := passhash.New(1)
	g := doored(h, hashes)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	give, err := hashes.Take(t.Context())
	h.Must(err)
	const room = 32
	others := make(chan error, room+1)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for n := range room + 1 {
		go func() {
			_, err := hashes.Hash(passhash.For(ctx, "another request "+string(rune('A'+n))), "x")
			others <- err
		}()
	}
	if err := <-others; !errors.Is(err, passhash.ErrBusy) { // so all the rest wait
		t.Fatalf("one too many: %v", err)
	}
	if _, err = g.Challenge(t.Context(), token, proof.EmailCode); code(err) != "busy" {
		t.Errorf("while all places are taken: %v", err)
	}
	if n := len(h.State(v.ID).Challenges); n != 0 {
		t.Errorf("%d challenges were recorded", n)
	}
	leave()
	for range room {
		<-others
	}
	give()
	if _, err := g.Challenge(t.Context(), token, proof.EmailCode); err != nil {
		t.Errorf("a moment later: %v", err)
	}
}

// The hands have a password hashed when the embedded directory is theirs. An
// order that was allowed must not fail because somebody types wrong codes.
func TestAFloodStopsNoOrderOfTheHands(t *testing.T) {
	hashes := passhash.New(1)
	give, err := hashes.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const room = 32
	flood := make(chan error, 2*room)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for range 2 * room {
		go func() {
			_, err := hashes.Hash(gate.From(ctx, ""), "x") // from nowhere is a place too
			flood <- err
		}()
	}
	for range room {
		if err := <-flood; !errors.Is(err, passhash.ErrBusy) {
			t.Fatalf("one too many: %v", err)
		}
	}
	order := make(chan error, 1)
	go func() {
		_, err := hashes.Hash(t.Context(), "a new password")
		order <- err
	}()
	give()
	if err := <-order; err != nil {
		t.Errorf("the order: %v", err)
	}
}
