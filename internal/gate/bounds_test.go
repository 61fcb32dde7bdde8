package gate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

const soc = "soc@corp.example"

// plenty lets every method that works in a house prove a request by itself.
var plenty = letIn("passkey || totp || email_code || recovery_code || vouch || in_person")

// alarms are the letters that security got about a request.
func alarms(h *gatetest.House, request string) int {
	n := 0
	for _, text := range h.Letters(request, soc) {
		n += strings.Count(text, "one such letter an hour")
	}
	return n
}

// signals counts the signals of a kind about a person.
func signals(h *gatetest.House, p identity.PersonID, kind string) int {
	h.T.Helper()
	items, err := h.Store.Items(h.T.Context(), "signal", string(p), h.Now())
	h.Must(err)
	n := 0
	for _, i := range items {
		n += strings.Count(string(i.Value), `"`+kind+`"`)
	}
	return n
}

// wrong answers a method wrongly until it is told to stop, and says how often.
func wrong(h *gatetest.House, token string, m proof.Method, most int) (n int, stop error) {
	h.T.Helper()
	for range most {
		err := h.Answer(token, m, "00000000")
		if code(err) != "answer_refused" {
			return n, err
		}
		n++
	}
	return n, nil
}

func TestAskingAgainNeverGivesMoreGuesses(t *testing.T) {
	h := gatetest.New(t, plenty)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	total := 0
	for range 2 {
		v := h.Open(gatetest.Wren, identity.PasswordReset)
		token := h.Claim(v.Case)
		n, stop := wrong(h, token, proof.TOTP, 20) // each answers a challenge of its own
		total += n
		if n != 5 || code(stop) != reset.MethodLocked {
			t.Fatalf("%d guesses, then %v", n, stop)
		}
		if err := h.Answer(token, proof.TOTP, h.Code(seed)); code(err) != reset.MethodLocked {
			t.Errorf("the right code after that: %v", err)
		}
		if got := alarms(h, v.ID); total == 5 && got != 1 || total == 10 && got != 1 {
			t.Errorf("security got %d letters after %d guesses", got, total)
		}
	}
	if signals(h, h.Person(gatetest.Wren), gate.SignalLocked) != 1 {
		t.Error("no signal, or more than one an hour, tells of the guessing")
	}

	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	closed := h.Answer(token, proof.TOTP, h.Code(seed))
	never := h.Answer(h.Claim(h.Open(gatetest.Moss, identity.PasswordReset).Case), proof.TOTP, "000000")
	if code(closed) != reset.MethodNotWanted || closed.Error() != never.Error() {
		t.Errorf("a third request tells that there is an app to guess at:\n%v\n%v", closed, never)
	}
	if view, err := h.Gate.Case(t.Context(), token); err != nil || strings.Contains(fmt.Sprint(view.Paths), "totp") {
		t.Errorf("the paths are %v, %v", view.Paths, err)
	}
	if err := h.Answer(token, proof.EmailCode, "00000000"); code(err) != "answer_refused" {
		t.Errorf("another method: %v", err)
	}
	h.Pass(24 * time.Hour)
	if err := h.Answer(h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.TOTP, h.Code(seed)); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

func TestAnAnswerToAClosedMethodIsNotEvenCompared(t *testing.T) {
	h := gatetest.New(t, plenty)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	first := h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case)
	asked, err := h.Gate.Challenge(t.Context(), first, proof.TOTP)
	h.Must(err)
	for range 2 {
		_, _ = wrong(h, h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.TOTP, 5)
	}
	_, err = h.Gate.Answer(t.Context(), first, asked.Challenge, gate.Reply{Text: h.Code(seed)})
	if code(err) != reset.MethodLocked {
		t.Errorf("the right code to a challenge from before: %v", err)
	}
	// What had been asked for tells nothing new, so it may say why.
	if _, err := h.Gate.Challenge(t.Context(), first, proof.TOTP); code(err) != reset.MethodLocked {
		t.Errorf("asked again: %v", err)
	}
}

func TestAWitnessCannotBeGuessedAway(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Invite(rowan, "Rowan Fell", "", identity.Proofing)
	for range 4 {
		v := h.Open(gatetest.Wren, identity.PasswordReset)
		_, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.InPerson)
		h.Must(err)
		for range 5 {
			if _, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, "0000 0000", "passport"); code(err) != "answer_refused" {
				t.Fatal(err)
			}
		}
	}
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.InPerson); err != nil {
		t.Errorf("after twenty wrong codes at the desk: %v", err)
	}
}

func TestTheRequestsOfAnAgentWhoCollectsWrongAnswersAreHeld(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Invite("staff:heron", "Heron Fox", "helpdesk", identity.Agent)
	for i := range 6 {
		login := fmt.Sprintf("guest%d", i)
		_, err := h.Directory.Add(t.Context(), local.NewAccount{Login: login, Name: "Guest", Contacts: []directory.Contact{
			{Kind: directory.ContactEmail, Address: login + "@private.example", FirstSeen: h.Now().AddDate(-1, 0, 0)}}})
		h.Must(err)
		if n, stop := wrong(h, h.Claim(h.Open(login, identity.PasswordReset).Case), proof.EmailCode, 5); n != 5 {
			t.Fatalf("%s: %d guesses, then %v", login, n, stop)
		}
	}
	theirs := h.Open(gatetest.Wren, identity.PasswordReset)
	for _, m := range []proof.Method{proof.EmailCode, proof.TOTP, proof.InPerson} { // on record, not on record, nothing to have
		if _, err := h.Gate.Challenge(t.Context(), h.Claim(theirs.Case), m); code(err) != reset.TooMany {
			t.Errorf("%s: %v", m, err)
		}
	}
	other, err := h.Gate.Open(t.Context(), gatetest.Staff("staff:heron"), gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.Phone})
	h.Must(err)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(other.Case), proof.EmailCode); err != nil {
		t.Errorf("a request of another agent: %v", err)
	}
	h.Pass(24 * time.Hour)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.EmailCode); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

func TestASourceOfWrongAnswersIsShutOutForAWhile(t *testing.T) {
	h := gatetest.New(t, plenty)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	there := gate.From(t.Context(), "192.0.2.7")
	guess := func(login string) {
		token := h.Claim(h.Open(login, identity.PasswordReset).Case)
		for range 5 {
			p, err := h.Gate.Challenge(there, token, proof.EmailCode)
			h.Must(err)
			if _, err = h.Gate.Answer(there, token, p.Challenge, gate.Reply{Text: "00000000"}); code(err) != "answer_refused" {
				t.Fatal(err)
			}
		}
	}
	for i := range 4 {
		login := fmt.Sprintf("guest%d", i)
		_, err := h.Directory.Add(t.Context(), local.NewAccount{Login: login, Name: "Guest", Contacts: []directory.Contact{
			{Kind: directory.ContactEmail, Address: login + "@private.example", FirstSeen: h.Now().AddDate(-1, 0, 0)}}})
		h.Must(err)
		guess(login)
	}
	token := h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case)
	_, err := h.Gate.Challenge(there, token, proof.TOTP)
	var later *gate.Later
	if code(err) != reset.TooMany || !asLater(err, &later) || later.Wait != time.Hour {
		t.Errorf("the same source: %v", err)
	}
	p, err := h.Gate.Challenge(gate.From(t.Context(), "192.0.2.8"), token, proof.TOTP)
	h.Must(err)
	if _, err := h.Gate.Answer(there, token, p.Challenge, gate.Reply{Text: h.Code(seed)}); code(err) != reset.TooMany {
		t.Errorf("an answer from it: %v", err)
	}
	h.Pass(time.Hour)
	if _, err := h.Gate.Challenge(there, h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.TOTP); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestNobodyIsFloodedWithMessages(t *testing.T) {
	h := gatetest.New(t, plenty)
	sent := 0
	for range 4 {
		token := h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case)
		for range 5 {
			switch _, err := h.Gate.Challenge(t.Context(), token, proof.EmailCode); code(err) {
			case "":
				sent++
			case reset.TooMany:
				if want := "wait until 10:00 UTC"; !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			default:
				t.Fatal(err)
			}
		}
	}
	if sent != 5 {
		t.Errorf("%d messages in an hour", sent)
	}
	items, err := h.Store.Items(t.Context(), "letter", "", h.Now())
	h.Must(err)
	if len(items) != 0 {
		t.Errorf("%d letters about no request", len(items))
	}
	h.Pass(time.Hour)
	for hour := range 10 {
		for range 5 {
			if _, err := h.Gate.Challenge(t.Context(), h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.EmailCode); err == nil {
				sent++
			} else if code(err) != reset.TooMany {
				t.Fatalf("hour %d: %v", hour, err)
			}
		}
		h.Pass(time.Hour)
	}
	if sent != 20 {
		t.Errorf("%d messages in half a day", sent)
	}
}

func TestALetterSaysWhichOfHowManyItIs(t *testing.T) {
	h := gatetest.New(t, plenty)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	for range 2 {
		_, err := h.Gate.Challenge(t.Context(), token, proof.EmailCode)
		h.Must(err)
	}
	all := strings.Join(h.Letters(v.ID, gatetest.WrensMail), "")
	for _, want := range []string{"code 1 of at most 5 in an hour", "code 2 of at most 5 in an hour"} {
		if !strings.Contains(all, want) {
			t.Errorf("no letter says %q", want)
		}
	}
}

func TestTwentyCallsForAVoucherWriteThreeLetters(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Open(gatetest.Wren, identity.Unlock) // dates the manager
	h.Pass(proof.CoolOff)
	pressed := 0
	for i := range 20 {
		_, err := h.Gate.Challenge(t.Context(), h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.Vouch)
		switch code(err) {
		case "":
			pressed++
		case reset.TooMany:
		default:
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if pressed != 3 {
		t.Errorf("the manager was asked %d times in an hour", pressed)
	}
	// What does not press anybody is still open.
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.EmailCode); err != nil {
		t.Errorf("a code by mail: %v", err)
	}
}

func asLater(err error, into **gate.Later) bool { return errors.As(err, into) }
