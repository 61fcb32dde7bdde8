package gate_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// notMe follows the link of a notice to Wren.
func notMe(h *gatetest.House, request, notice string) {
	h.T.Helper()
	h.Must(h.Gate.Notice(h.T.Context(), request, notice))
	link := ""
	for _, text := range h.Letters(request, gatetest.WrensMail) {
		if m := regexp.MustCompile(`/not-me/(\S+)`).FindStringSubmatch(text); m != nil {
			link = m[1]
		}
	}
	h.Must(h.Gate.Repudiate(h.T.Context(), link))
}

func TestNoPasswordIsShownOnceItsOwnerObjected(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	request, thief := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	h.Must(h.Do("dispatch", request))
	if v, err := h.Gate.Case(t.Context(), thief); err != nil || !v.Secret {
		t.Fatalf("before: %+v, %v", v, err)
	}
	notMe(h, request, "done")
	if v, err := h.Gate.Case(t.Context(), thief); err != nil || v.Secret {
		t.Errorf("the case says that something is to be shown: %+v, %v", v, err)
	}
	if got, err := h.Gate.Reveal(t.Context(), thief); got != (gate.Secrets{}) || code(err) != reset.RequestEnded {
		t.Errorf("shown: %t, %v", got != gate.Secrets{}, err)
	}
}

// A stolen recovery code is used up by its thief. The one that replaces it is
// its owner's, and goes with the request when that turns out not to be.
func TestTheCodeThatReplacesAStolenOneGoesWithTheRequest(t *testing.T) {
	for name, c := range map[string]struct {
		proofs string
		stop   func(h *gatetest.House, request string)
	}{
		"its owner objects": {"recovery_code && in_person", func(h *gatetest.House, request string) { notMe(h, request, "opened") }},
		"a review finds it suspicious": {"recovery_code", func(h *gatetest.House, request string) {
			h.Authorise(request)
			h.Must(h.Do("dispatch", request))
			sorrel := gatetest.Staff(gatetest.Sorrel)
			paper, err := h.Gate.Statement(h.T.Context(), sorrel, request, reset.Suspect)
			h.Must(err)
			_, err = h.Gate.Review(h.T.Context(), sorrel, request, reset.Suspect, paper.ID, "a thief", h.Sign(gatetest.Sorrel, paper.Options.Challenge))
			h.Must(err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := gatetest.New(t, strings.Replace(letIn(c.proofs), "follow_up: [revoke_sessions]", "follow_up: [revoke_sessions]\n      review: 24h", 1))
			_, stolen := h.Enrol(gatetest.Wren, proof.RecoveryCode)
			v := h.Open(gatetest.Wren, identity.Unlock)
			thief := h.Claim(v.Case)
			h.Must(h.Answer(thief, proof.RecoveryCode, stolen))
			if mine, err := h.Gate.Mine(t.Context(), wrens(h)); err != nil || len(mine.Factors) != 1 {
				t.Fatalf("before: %+v, %v", mine.Factors, err)
			}
			c.stop(h, v.ID)
			if got, err := h.Gate.Reveal(t.Context(), thief); got != (gate.Secrets{}) || err == nil {
				t.Errorf("the thief is shown a new code: %t, %v", got != gate.Secrets{}, err)
			}
			if _, err := h.Gate.Mine(t.Context(), wrens(h)); code(err) != "session_unknown" {
				t.Errorf("a session from before looks on: %v", err)
			}
			h.Pass(time.Second)
			if mine, err := h.Gate.Mine(t.Context(), wrens(h)); err != nil || len(mine.Factors) != 0 {
				t.Errorf("after: %+v, %v", mine.Factors, err)
			}
		})
	}
}

func TestTheSessionOfARepudiatedFirstEnrolmentEnds(t *testing.T) {
	h := gatetest.New(t, letIn("in_person"))
	h.Invite(rowan, "Rowan Fell", "", identity.Proofing)
	v := h.Open(gatetest.Wren, identity.InitialEnrolment)
	token := h.Claim(v.Case)
	p, err := h.Gate.Challenge(t.Context(), token, proof.InPerson)
	h.Must(err)
	paper, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "identity_card")
	h.Must(err)
	h.Must(h.Gate.Attest(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "identity_card", h.Sign(rowan, paper.Options.Challenge)))
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	thief, err := h.Gate.BeginEnrolment(t.Context(), token)
	h.Must(err)
	_, err = h.Gate.Mine(t.Context(), thief)
	h.Must(err)
	notMe(h, v.ID, "done")
	if _, err := h.Gate.AddRecoveryCode(t.Context(), thief); code(err) != "session_unknown" {
		t.Errorf("it registers something: %v", err)
	}
	if _, err := h.Gate.Mine(t.Context(), thief); code(err) != "session_unknown" {
		t.Errorf("it looks on: %v", err)
	}
	// Whoever proves themselves afterwards is not shut out.
	h.Pass(time.Second)
	_, err = h.Gate.Mine(t.Context(), wrens(h))
	h.Must(err)
}
