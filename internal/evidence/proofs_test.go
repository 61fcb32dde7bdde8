package evidence_test

import (
	"encoding/json"
	"strings"
	"testing"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
)

const byPasskey = "proofs: passkey || in_person"

// proved is a bundle of a request that Wren's own passkey has proved.
func proved(t *testing.T) (*gatetest.House, evidence.Bundle) {
	t.Helper()
	policy := strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", byPasskey, 1)
	h := gatetest.New(t, strings.Replace(policy, "      approvals: [{role: manager, count: 1}]\n", "", 1))
	a, err := h.Directory.Find(t.Context(), gatetest.Wren)
	h.Must(err)
	o, key := gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC, Since: h.Now()}, h.NewKey()
	b, err := h.Gate.AddPasskey(t.Context(), o, "laptop")
	h.Must(err)
	response, err := key.Register("localhost", gatetest.Origin, b.Options.Challenge)
	h.Must(err)
	_, err = h.Gate.ConfirmPasskey(t.Context(), o, b.Enrolment, response)
	h.Must(err)
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p, err := h.Gate.Challenge(t.Context(), token, proof.Passkey)
	h.Must(err)
	response, err = key.Assert("localhost", gatetest.Origin, p.Options.Challenge)
	h.Must(err)
	answer, err := passkey.ParseAssertion(response)
	h.Must(err)
	_, err = h.Gate.Answer(t.Context(), token, p.Challenge, gate.Reply{Assertion: &answer})
	h.Must(err)
	if s := h.Authorise(v.ID); s.Status() != reset.OrderedUp {
		t.Fatalf("the request stands at %s", s.Status())
	}
	bundle, err := h.Gate.Evidence(t.Context(), v.ID)
	h.Must(err)
	return h, bundle
}

func verdict(h *gatetest.House, b evidence.Bundle) (evidence.Verdict, string) {
	h.T.Helper()
	roots, err := h.Roots()
	h.Must(err)
	r := evidence.Verify(b, roots, h.Now())
	text, err := json.Marshal(r.Steps)
	h.Must(err)
	return r.Verdict, string(text)
}

func TestAnAuditorSeesWhoSignedAProof(t *testing.T) {
	h, b := proved(t)
	v, steps := verdict(h, b)
	if v != evidence.Allowed || !strings.Contains(steps, "signed by the owner") {
		t.Errorf("%s: %s", v, steps)
	}
}

// A server that has been taken over can leave entries out and swap them, but
// every one of them is on the ledger or refused.
func TestAProofWithoutItsKeyOnTheLedgerIsNone(t *testing.T) {
	h, b := proved(t)
	_, other := proved(t)
	for name, lie := range map[string][]evidence.Entry{
		"left out":              nil,
		"another house's":       other.Enrolments,
		"an event of a request": b.Events[:1],
		"twice":                 append(append([]evidence.Entry{}, b.Enrolments...), b.Enrolments...),
	} {
		forged := b
		forged.Enrolments = lie
		if v, steps := verdict(h, forged); v == evidence.Allowed {
			t.Errorf("%s: %s", name, steps)
		}
	}
}

func TestAPasskeyThatWasTakenAwayProvesNothingMore(t *testing.T) {
	h, b := proved(t)
	a, err := h.Directory.Find(t.Context(), gatetest.Wren)
	h.Must(err)
	o := gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC, Since: h.Now()}
	mine, err := h.Gate.Mine(t.Context(), o)
	h.Must(err)
	h.Must(h.Gate.Remove(t.Context(), o, mine.Factors[0].ID))
	// What it proved while it stood stays proved.
	again, err := h.Gate.Evidence(t.Context(), b.Request)
	h.Must(err)
	if len(again.Enrolments) != 2 {
		t.Fatalf("the bundle has %d entries of the passkey", len(again.Enrolments))
	}
	if v, steps := verdict(h, again); v != evidence.Allowed {
		t.Errorf("%s: %s", v, steps)
	}
}
