package gate_test

import (
	"strings"
	"testing"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// letIn asks only for what a test is about.
func letIn(proofs string) string {
	p := strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", "proofs: "+proofs, 1)
	return strings.Replace(p, "      approvals: [{role: manager, count: 1}]\n", "", 1)
}

const rowan = identity.PersonID("staff:rowan")

func inPerson(t *testing.T) (*gatetest.House, gate.View, string, gate.Prompt) {
	h := gatetest.New(t, letIn("in_person"))
	h.Invite(rowan, "Rowan Fell", "", identity.Proofing)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p, err := h.Gate.Challenge(t.Context(), token, proof.InPerson)
	h.Must(err)
	return h, v, token, p
}

func TestAProofingOfficerAttestsAndTheHandsCanTell(t *testing.T) {
	h, v, _, p := inPerson(t)
	a, err := h.Gate.Proofing(t.Context(), gatetest.Staff(rowan), v.Case)
	h.Must(err)
	if a.Name != "Wren Ito" || a.Card.Words != p.Card.Words || a.Card.Login != gatetest.Wren {
		t.Errorf("the officer is told %+v", a)
	}
	paper, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "passport")
	h.Must(err)
	for _, line := range []string{"countersign/in-person/v1\n", "account: corp/", "name: Wren Ito\n", "attested-by: staff:rowan\n", "document: passport\n"} {
		if !strings.Contains(paper.Statement, line) {
			t.Errorf("the statement lacks %q:\n%s", line, paper.Statement)
		}
	}
	h.Must(h.Gate.Attest(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "passport", h.Sign(rowan, paper.Options.Challenge)))
	holds(h, v.ID)
	h.NoSecret(strings.ReplaceAll(p.Code, " ", ""), p.Code)
}

func TestOnlyAProofingOfficerWithTheCodeAttests(t *testing.T) {
	h, v, _, p := inPerson(t)
	for _, who := range []identity.PersonID{gatetest.Finch, gatetest.Sorrel, gatetest.Olive} {
		if _, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(who), v.Case, p.Code, "passport"); code(err) != "forbidden" {
			t.Errorf("%s: %v", who, err)
		}
	}
	for range 4 {
		if _, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, "0000 0000", "passport"); code(err) != "answer_refused" {
			t.Fatal(err)
		}
	}
	paper, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "passport")
	h.Must(err)
	if err := h.Gate.Attest(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "passport", h.Sign(gatetest.Sorrel, paper.Options.Challenge)); code(err) != "signature_refused" {
		t.Errorf("a colleague's signature: %v", err)
	}
	if err := h.Gate.Attest(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "staff_badge", h.Sign(rowan, paper.Options.Challenge)); code(err) != "signature_refused" {
		t.Errorf("another document than was signed: %v", err)
	}
	if _, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, "0000 0000", "passport"); code(err) != "answer_refused" {
		t.Fatal(err)
	}
	if _, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "passport"); code(err) != reset.MethodLocked {
		t.Errorf("after five wrong codes: %v", err)
	}
}

func TestNobodyIsTheirOwnWitness(t *testing.T) {
	h := gatetest.New(t, letIn("in_person"))
	wren := h.Person(gatetest.Wren)
	h.Invite(wren, "Wren Ito", "", identity.Proofing)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	p, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.InPerson)
	h.Must(err)
	if _, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(wren), v.Case, p.Code, "passport"); code(err) != reset.SeparationOfDuties {
		t.Errorf("the owner attests to themselves: %v", err)
	}
}

const vouchLink = "/vouch/"

func vouched(t *testing.T) (*gatetest.House, gate.View, gate.Prompt, string) {
	h := gatetest.New(t, letIn("vouch"))
	h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}) // dates the manager
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	p, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.Vouch)
	h.Must(err)
	for _, text := range h.Letters(v.ID, gatetest.MossesMail) {
		if _, rest, ok := strings.Cut(text, vouchLink); ok {
			token, _, _ := strings.Cut(rest, "\n")
			return h, v, p, token
		}
	}
	t.Fatal("the manager got no letter")
	return nil, gate.View{}, gate.Prompt{}, ""
}

func TestAManagerVouchesWithTheCodeThatTheRequesterTells(t *testing.T) {
	h, v, p, token := vouched(t)
	moss := h.Person(gatetest.Moss)
	if strings.Contains(strings.Join(h.Letters(v.ID, gatetest.MossesMail), ""), p.Code) {
		t.Error("the letter has the code in it: nobody would have to be spoken with")
	}
	paper, err := h.Gate.VouchPaper(t.Context(), token, p.Code)
	h.Must(err)
	h.Must(h.Gate.Vouch(t.Context(), token, p.Code, h.Sign(moss, paper.Options.Challenge)))
	if s := h.Authorise(v.ID); s.Status() != reset.OrderedUp || s.Proofs[0].By != moss {
		t.Fatalf("the request stands at %s, %+v", s.Status(), s.Proofs)
	}
	if err := h.Gate.Vouch(t.Context(), token, p.Code, h.Sign(moss, paper.Options.Challenge)); err == nil {
		t.Error("the link worked twice")
	}
	if r := audited(h, v.ID); r.Verdict != evidence.Allowed {
		t.Errorf("the evidence does not hold: %+v", r.Steps)
	}
}

func TestWhoSaysThatItIsNotThemEndsTheRequest(t *testing.T) {
	h, v, _, token := vouched(t)
	h.Must(h.Gate.Disclaim(t.Context(), token))
	if s := h.State(v.ID); s.Status() != reset.CancelledBy {
		t.Errorf("the request stands at %s", s.Status())
	}
}

func TestAManagerOfYesterdayDoesNotVouch(t *testing.T) {
	h := gatetest.New(t, letIn("vouch || totp"))
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.Vouch); code(err) != reset.MethodNotWanted {
		t.Errorf("a manager first seen today: %v", err)
	}
	s := h.State(v.ID)
	if len(s.Withheld) != 1 || s.Withheld[0].Method != proof.Vouch || s.Withheld[0].Reason != reset.DestinationTooNew {
		t.Errorf("why nobody was asked: %+v", s.Withheld)
	}
}

func TestWhoVouchedDoesNotSignAsWell(t *testing.T) {
	p := strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", "proofs: vouch", 1)
	h := gatetest.New(t, p)
	h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	prompt, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.Vouch)
	h.Must(err)
	var token string
	for _, text := range h.Letters(v.ID, gatetest.MossesMail) {
		if _, rest, ok := strings.Cut(text, vouchLink); ok {
			token, _, _ = strings.Cut(rest, "\n")
		}
	}
	moss := h.Person(gatetest.Moss)
	paper, err := h.Gate.VouchPaper(t.Context(), token, prompt.Code)
	h.Must(err)
	h.Must(h.Gate.Vouch(t.Context(), token, prompt.Code, h.Sign(moss, paper.Options.Challenge)))
	if err := h.Vote(moss, v.ID, reset.Approve); code(err) != reset.SeparationOfDuties {
		t.Errorf("the manager vouched and signed: %v", err)
	}
}
