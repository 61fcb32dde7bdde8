package gate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/oidc"
	"countersign/internal/reset"
)

func signingIn(t *testing.T) (*gatetest.House, gate.View, string, gate.Prompt) {
	t.Helper()
	h := gatetest.New(t, letIn("oidc || totp"))
	v := h.Open(gatetest.Wren, identity.Unlock)
	token := h.Claim(v.Case)
	return h, v, token, asked(h, token, proof.OIDC)
}

func TestASignInWithASecondFactorProves(t *testing.T) {
	h, v, token, p := signingIn(t)
	if p.Go != gatetest.Origin+"/case/oidc/"+p.Challenge {
		t.Errorf("the claimant goes on to %s", p.Go)
	}
	h.Pass(time.Minute)
	c, err := h.Gate.AnswerOIDC(t.Context(), token, p.Challenge, h.SignedIn(gatetest.Wren))
	h.Must(err)
	if !slices.Equal(c.Proved, []proof.Method{proof.OIDC}) || !c.Mine {
		t.Errorf("the claimant sees %+v", c)
	}
	holds(h, v.ID)
	if _, err := h.Gate.AnswerOIDC(t.Context(), token, p.Challenge, h.SignedIn(gatetest.Wren)); err == nil {
		t.Error("a challenge was answered twice")
	}
	kept := proved(h, v.ID).Result
	for _, part := range []string{gatetest.Issuer, "sub-of-wren", "phr", "2026-03-02"} {
		if !strings.Contains(kept, part) {
			t.Errorf("what is kept lacks %s: %s", part, kept)
		}
	}
	h.NoSecret("sub-of-wren")
}

// proved is the last proof as it stands on the ledger.
func proved(h *gatetest.House, request string) reset.Proved {
	h.T.Helper()
	records, err := h.Store.Stream(h.T.Context(), request)
	h.Must(err)
	for _, r := range slices.Backward(records) {
		if r.Type == "proved" {
			e, _, err := reset.Decode(r.Type, r.Body, r.Private)
			h.Must(err)
			return e.(reset.Proved)
		}
	}
	h.T.Fatal("nothing was proved")
	return reset.Proved{}
}

func TestASignInThatDoesNotShowWhatIsAskedForIsAWrongAnswer(t *testing.T) {
	for name, spoil := range map[string]func(*oidc.Claims){
		"before the question":  func(c *oidc.Claims) { c.AuthTime = c.AuthTime.Add(-5 * time.Minute) },
		"at no time":           func(c *oidc.Claims) { c.AuthTime = time.Time{} },
		"a colleague's":        func(c *oidc.Claims) { c.Fields["preferred_username"] = gatetest.Moss },
		"nobody's":             func(c *oidc.Claims) { c.Fields = nil },
		"by password alone":    func(c *oidc.Claims) { c.ACR, c.AMR = "", []string{"pwd"} },
		"at another provider":  func(c *oidc.Claims) { c.Issuer = "https://evil.example" },
		"by a private mailbox": func(c *oidc.Claims) { c.Fields["preferred_username"] = gatetest.WrensMail },
	} {
		h, v, token, p := signingIn(t)
		h.Pass(time.Minute)
		c := h.SignedIn(gatetest.Wren)
		spoil(&c)
		if _, err := h.Gate.AnswerOIDC(t.Context(), token, p.Challenge, c); code(err) != "answer_refused" {
			t.Errorf("%s: %v", name, err)
		}
		if s := h.State(v.ID); s.Failures(proof.OIDC) != 1 || len(s.Proofs) != 0 {
			t.Errorf("%s: counted %d times", name, s.Failures(proof.OIDC))
		}
	}
}

func TestASignInAnswersOnlyAChallengeOfItsSessionAndMethod(t *testing.T) {
	h, v, token, p := signingIn(t)
	stranger := h.Claim(v.Case)
	if _, err := h.Gate.AnswerOIDC(t.Context(), stranger, p.Challenge, h.SignedIn(gatetest.Wren)); code(err) != reset.ChallengeUnknown {
		t.Errorf("another session's challenge: %v", err)
	}
	if err := reply(h, token, p, "anything"); code(err) != "invalid" {
		t.Errorf("typed: %v", err)
	}
	h.Pass(11 * time.Minute)
	if _, err := h.Gate.AnswerOIDC(t.Context(), token, p.Challenge, h.SignedIn(gatetest.Wren)); code(err) != reset.ChallengeLapsed {
		t.Errorf("too late: %v", err)
	}
	h = gatetest.New(t, letIn("idv || in_person"))
	known(h)
	v = h.Open(gatetest.Wren, identity.PasswordReset)
	token = h.Claim(v.Case)
	if _, err := h.Gate.AnswerOIDC(t.Context(), token, asked(h, token, proof.IDV).Challenge, h.SignedIn(gatetest.Wren)); code(err) != "invalid" {
		t.Errorf("for another method: %v", err)
	}
}

// known registers what the provider of identity proofing calls Wren.
func known(h *gatetest.House) {
	h.T.Helper()
	c := gate.Caller{Token: "onboarding", Scopes: []gate.Scope{gate.ScopeEnrol}}
	_, err := h.Gate.Enrol(h.T.Context(), c, gate.Registering{Login: gatetest.Wren, Method: proof.IDV, Subject: "pat-17"})
	h.Must(err)
	h.Pass(proof.CoolOff)
}

func proofing(t *testing.T) (*gatetest.House, gate.View, string, gate.Prompt) {
	t.Helper()
	h := gatetest.New(t, letIn("idv || in_person"))
	known(h)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	return h, v, token, asked(h, token, proof.IDV)
}

func TestAProofingResultProvesOnce(t *testing.T) {
	h, v, token, p := proofing(t)
	if !strings.HasPrefix(p.Go, gatetest.Proofer+"/start?nonce="+p.Challenge+"&") || !strings.HasSuffix(p.Go, "%2Fcase") {
		t.Errorf("the claimant goes on to %s", p.Go)
	}
	h.Pass(20 * time.Minute)
	result := h.Proofed(p.Challenge, "pat-17", nil)
	if err := reply(h, h.Claim(v.Case), p, result); code(err) != reset.ChallengeUnknown {
		t.Errorf("in another session than it was asked in: %v", err)
	}
	h.Must(reply(h, token, p, result))
	holds(h, v.ID)
	if s := h.State(v.ID); s.Claimant == "" || proved(h, v.ID).Result != result {
		t.Errorf("what is kept: %+v", proved(h, v.ID))
	}
	if err := reply(h, token, p, result); err == nil {
		t.Error("a result counted twice")
	}
	h.NoSecret(result, "pat-17")
}

func TestAProofingResultThatIsNotOneIsRefused(t *testing.T) {
	h, v, token, p := proofing(t)
	second := h.Open(gatetest.Wren, identity.Unlock)
	two := asked(h, h.Claim(second.Case), proof.IDV)
	for name, result := range map[string]string{
		"another challenge's": h.Proofed(two.Challenge, "pat-17", nil),
		"another person's":    h.Proofed(p.Challenge, "pat-18", nil),
		"an old one":          h.Proofed(p.Challenge, "pat-17", map[string]any{"iat": h.Now().Add(-time.Hour).Unix()}),
		"a stranger's":        h.Proofed(p.Challenge, "pat-17", map[string]any{"iss": "https://evil.example"}),
	} {
		if err := reply(h, token, p, result); code(err) != "answer_refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := h.State(v.ID).Failures(proof.IDV); n != 4 {
		t.Errorf("%d wrong answers are counted", n)
	}
}

func TestProofingIsNotOfferedForWhomNoResultCouldFit(t *testing.T) {
	h := gatetest.New(t, letIn("idv || in_person"))
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.IDV); code(err) != reset.MethodNotWanted {
		t.Errorf("nothing is on record, and names do not count here: %v", err)
	}
	c := gate.Caller{Token: "onboarding", Scopes: []gate.Scope{gate.ScopeEnrol}}
	_, err := h.Gate.Enrol(t.Context(), c, gate.Registering{Login: gatetest.Wren, Method: proof.IDV, Subject: "pat-17"})
	h.Must(err)
	again := h.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(again.Case), proof.IDV); code(err) != reset.MethodNotWanted {
		t.Errorf("registered a moment ago: %v", err)
	}
	if got := reasons(h, again.ID, proof.IDV); !slices.Equal(got, []reset.Code{reset.DestinationTooNew}) {
		t.Errorf("why: %v", got)
	}
}
