package gate_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/softkey"
)

// wrens is Wren's own session, freshly proved.
func wrens(h *gatetest.House) gate.Owner {
	a, err := h.Directory.Find(h.T.Context(), gatetest.Wren)
	h.Must(err)
	return gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC, Since: h.Now()}
}

// ownPasskey registers a passkey of Wren's.
func ownPasskey(h *gatetest.House, label string) (softkey.Key, gate.Added) {
	h.T.Helper()
	o, key := wrens(h), h.NewKey()
	b, err := h.Gate.AddPasskey(h.T.Context(), o, label)
	h.Must(err)
	response, err := key.Register("localhost", gatetest.Origin, b.Options.Challenge)
	h.Must(err)
	added, err := h.Gate.ConfirmPasskey(h.T.Context(), o, b.Enrolment, response)
	h.Must(err)
	return key, added
}

func assertWith(h *gatetest.House, key softkey.Key, challenge []byte) passkey.Assertion {
	h.T.Helper()
	response, err := key.Assert("localhost", gatetest.Origin, challenge)
	h.Must(err)
	a, err := passkey.ParseAssertion(response)
	h.Must(err)
	return a
}

func TestAnOwnPasskeyProvesByASignatureThatTheHandsVerify(t *testing.T) {
	h := gatetest.New(t, letIn("passkey"))
	_, _ = ownPasskey(h, "old laptop")
	key, _ := ownPasskey(h, "key ring")
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p, err := h.Gate.Challenge(t.Context(), token, proof.Passkey)
	h.Must(err)
	if !strings.Contains(p.Statement, "countersign/proof/v1\n") || !strings.Contains(p.Statement, "case: "+v.Case) || len(p.Options.Allow) != 2 {
		t.Fatalf("the claimant is shown %+v", p)
	}
	a := assertWith(h, key, p.Options.Challenge)
	if _, err := h.Gate.Answer(t.Context(), token, p.Challenge, gate.Reply{Assertion: &a}); err != nil {
		t.Fatal(err)
	}
	if s := h.Authorise(v.ID); s.Status() != reset.OrderedUp {
		t.Fatalf("the request stands at %s", s.Status())
	}
	b, err := h.Gate.Evidence(t.Context(), v.ID)
	h.Must(err)
	roots, err := h.Roots()
	h.Must(err)
	if r := evidence.Verify(b, roots, h.Now()); r.Verdict != evidence.Allowed {
		t.Errorf("the evidence does not hold: %+v", r.Steps)
	}
	b.Enrolments = nil
	if r := evidence.Verify(b, roots, h.Now()); r.Verdict == evidence.Allowed {
		t.Error("a passkey that nobody has registered is believed")
	}
}

func TestASignatureOverAnotherRequestProvesNothing(t *testing.T) {
	h := gatetest.New(t, letIn("passkey"))
	key, _ := ownPasskey(h, "laptop")
	h.Pass(proof.CoolOff)
	one, two := h.Open(gatetest.Wren, identity.PasswordReset), h.Open(gatetest.Wren, identity.Unlock)
	first, second := h.Claim(one.Case), h.Claim(two.Case)
	p1, err := h.Gate.Challenge(t.Context(), first, proof.Passkey)
	h.Must(err)
	p2, err := h.Gate.Challenge(t.Context(), second, proof.Passkey)
	h.Must(err)
	a := assertWith(h, key, p1.Options.Challenge)
	if _, err := h.Gate.Answer(t.Context(), second, p2.Challenge, gate.Reply{Assertion: &a}); code(err) != "answer_refused" {
		t.Errorf("the other request's signature: %v", err)
	}
	mallory := assertWith(h, h.NewKey(), p2.Options.Challenge)
	if _, err := h.Gate.Answer(t.Context(), second, p2.Challenge, gate.Reply{Assertion: &mallory}); code(err) != "answer_refused" {
		t.Errorf("a stranger's passkey: %v", err)
	}
}

func TestAPasskeyOfTodayProvesNothingToday(t *testing.T) {
	h := gatetest.New(t, letIn("passkey || totp"))
	ownPasskey(h, "laptop")
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.Passkey); code(err) != reset.MethodNotWanted {
		t.Errorf("registered a moment ago: %v", err)
	}
	if w := h.State(v.ID).Withheld; len(w) != 1 || w[0].Reason != reset.DestinationTooNew {
		t.Errorf("why it was not offered: %+v", w)
	}
}

func TestEveryAddressHearsOfANewFactorAndCanDisownIt(t *testing.T) {
	h := gatetest.New(t, letIn("passkey"))
	_, added := ownPasskey(h, "laptop")
	var link string
	for _, to := range []string{gatetest.WrensMail, "wren@corp.example"} {
		texts := h.Letters("", to)
		if len(texts) != 1 || !strings.Contains(texts[0], "a passkey") || !strings.Contains(texts[0], "laptop") {
			t.Fatalf("%s was told %q", to, texts)
		}
		link = regexp.MustCompile(`/not-mine/(\S+)`).FindStringSubmatch(texts[0])[1]
	}
	gone, err := h.Gate.Disown(t.Context(), link)
	h.Must(err)
	if gone.Method != proof.Passkey || gone.Removal || gone.Account != wrens(h).Account {
		t.Errorf("what happened: %+v", gone)
	}
	if got := h.Letters("", "soc@corp.example"); len(got) != 1 || !strings.Contains(got[0], "a passkey was added") {
		t.Errorf("security heard %q", got)
	}
	h.Pass(time.Second)
	mine, err := h.Gate.Mine(t.Context(), wrens(h))
	h.Must(err)
	if len(mine.Factors) != 0 {
		t.Errorf("the disowned factor still stands: %+v", mine.Factors)
	}
	records, err := h.Store.Stream(t.Context(), added.Enrolment)
	h.Must(err)
	if len(records) != 2 || records[1].Type != "unenrolled" {
		t.Errorf("the ledger has %+v", records)
	}
	_, err = h.Gate.Disown(t.Context(), link)
	h.Must(err)
	if f := h.State(h.Open(gatetest.Wren, identity.Unlock).ID).Facts; len(f.Signals) == 0 || f.Signals[0].Kind != gate.SignalDisowned {
		t.Errorf("the next request knows of %+v", f.Signals)
	}
}

func TestAnAddressCountsOnlyOnceItsCodeCameBackAndTheCoolOffIsOver(t *testing.T) {
	h := gatetest.New(t, letIn("email_code"))
	o := wrens(h)
	b, err := h.Gate.AddAddress(t.Context(), o, proof.EmailCode, "new@private.example", "new mail")
	h.Must(err)
	if _, err := h.Gate.Confirm(t.Context(), o, b.Enrolment, "00000000"); code(err) != "answer_refused" {
		t.Errorf("a wrong code: %v", err)
	}
	text := h.Letters("", "new@private.example")[0]
	m := regexp.MustCompile(`\b(\d{4}) (\d{4})\b`).FindStringSubmatch(text)
	if _, err := h.Gate.Confirm(t.Context(), o, b.Enrolment, m[1]+m[2]); err != nil {
		t.Fatal(err)
	}
	if got := h.Letters("", gatetest.WrensMail); len(got) != 1 {
		t.Errorf("the old address heard %q", got)
	}
	if _, err := h.Gate.Confirm(t.Context(), o, b.Enrolment, m[1]+m[2]); code(err) != "not_found" {
		t.Errorf("confirmed twice: %v", err)
	}
	mine, err := h.Gate.Mine(t.Context(), o)
	h.Must(err)
	if len(mine.Factors) != 1 || mine.Factors[0].Where != "n…@private.example" || !mine.Factors[0].UsableAt.Equal(h.Now().Add(proof.CoolOff)) {
		t.Errorf("the owner sees %+v", mine.Factors)
	}
	h.NoSecret("new@private.example", m[1]+m[2])
}

func TestChangesNeedAFreshProof(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	o := wrens(h)
	_, added := ownPasskey(h, "laptop")
	h.Pass(11 * time.Minute)
	if _, err := h.Gate.AddRecoveryCode(t.Context(), o); code(err) != "proof_too_old" {
		t.Errorf("eleven minutes later: %v", err)
	}
	if err := h.Gate.Remove(t.Context(), o, added.Enrolment); code(err) != "proof_too_old" {
		t.Errorf("eleven minutes later: %v", err)
	}
	o.Since = h.Now()
	h.Must(h.Gate.Remove(t.Context(), o, added.Enrolment))
	moss, err := h.Directory.Find(t.Context(), gatetest.Moss)
	h.Must(err)
	o.Account, o.Person = moss.ID, moss.Person
	if err := h.Gate.Remove(t.Context(), o, added.Enrolment); code(err) != "not_found" {
		t.Errorf("somebody else's factor: %v", err)
	}
}

func TestAPasskeySignsItsOwnerIn(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	key, _ := ownPasskey(h, "laptop")
	challenge := []byte("a challenge of thirty-two bytes!")
	o, err := h.Gate.OwnerByPasskey(t.Context(), challenge, assertWith(h, key, challenge))
	h.Must(err)
	if o.Person != h.Person(gatetest.Wren) || o.By != proof.Passkey {
		t.Errorf("signed in as %+v", o)
	}
	if _, err := h.Gate.OwnerByPasskey(t.Context(), []byte("another challenge of 32 bytes..."), assertWith(h, key, challenge)); code(err) != "sign_in_refused" {
		t.Errorf("another challenge: %v", err)
	}
	if _, err := h.Gate.OwnerByPasskey(t.Context(), challenge, assertWith(h, h.NewKey(), challenge)); code(err) != "sign_in_refused" {
		t.Errorf("a stranger's passkey: %v", err)
	}
}

func TestAFirstEnrolmentOpensOnceForTheSessionThatProvedItself(t *testing.T) {
	h := gatetest.New(t, letIn("in_person"))
	h.Invite(rowan, "Rowan Fell", "", identity.Proofing)
	v := h.Open(gatetest.Wren, identity.InitialEnrolment)
	token, other := h.Claim(v.Case), h.Claim(v.Case)
	p, err := h.Gate.Challenge(t.Context(), token, proof.InPerson)
	h.Must(err)
	paper, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "identity_card")
	h.Must(err)
	h.Must(h.Gate.Attest(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "identity_card", h.Sign(rowan, paper.Options.Challenge)))
	if _, err := h.Gate.BeginEnrolment(t.Context(), token); code(err) != reset.IllegalTransition {
		t.Errorf("before it was carried out: %v", err)
	}
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	if _, err := h.Gate.BeginEnrolment(t.Context(), other); code(err) != reset.IllegalTransition {
		t.Errorf("the other session: %v", err)
	}
	o, err := h.Gate.BeginEnrolment(t.Context(), token)
	h.Must(err)
	if o.Person != h.Person(gatetest.Wren) || o.By != gate.ByEnrolment {
		t.Errorf("opened as %+v", o)
	}
	if _, err := h.Gate.BeginEnrolment(t.Context(), token); code(err) != reset.IllegalTransition {
		t.Errorf("a second time: %v", err)
	}
	if _, err := h.Gate.AddPasskey(t.Context(), o, "first"); err != nil {
		t.Error(err)
	}
}

func TestATelephoneOnRecordHearsOfANewFactorToo(t *testing.T) {
	h := gatetest.New(t, letIn("passkey"))
	h.AddLark()
	a, err := h.Directory.Find(t.Context(), gatetest.Lark)
	h.Must(err)
	_, err = h.Gate.AddRecoveryCode(t.Context(), gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC, Since: h.Now()})
	h.Must(err)
	h.Letters("", gatetest.LarksMail)
	texts := h.SMS.Messages(gatetest.LarksPhone)
	if len(texts) != 1 || !strings.Contains(texts[0], "a recovery code was added") || !strings.Contains(texts[0], gatetest.Origin+"/not-mine/dis_") || len(texts[0]) > 306 {
		t.Errorf("the telephone was sent %q", texts)
	}
}
