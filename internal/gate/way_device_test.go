package gate_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/device"
	"countersign/internal/reset"
)

// managed registers a device's key for an account.
func managed(h *gatetest.House, login string, s crypto.Signer) gate.Factor {
	h.T.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	h.Must(err)
	c := gate.Caller{Token: "mdm", Scopes: []gate.Scope{gate.ScopeEnrol}}
	f, err := h.Gate.Enrol(h.T.Context(), c, gate.Registering{Login: login, Method: proof.Device,
		Key: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
	h.Must(err)
	return f
}

func newDevice(h *gatetest.House) crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.Must(err)
	return k
}

func signedBy(h *gatetest.House, s crypto.Signer, text string) string {
	h.T.Helper()
	answer, err := device.Sign(rand.Reader, s, []byte(text))
	h.Must(err)
	return answer
}

func TestADeviceProvesByASignatureThatTheHandsVerify(t *testing.T) {
	h := gatetest.New(t, letIn("device"))
	managed(h, gatetest.Wren, newDevice(h))
	_, second, err := ed25519.GenerateKey(rand.Reader)
	h.Must(err)
	used := managed(h, gatetest.Wren, second)
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p := asked(h, token, proof.Device)
	if !strings.Contains(p.Statement, "case: "+v.Case) {
		t.Errorf("the device signs\n%s", p.Statement)
	}
	h.Must(reply(h, token, p, signedBy(h, second, p.Statement)+"\n"))
	holds(h, v.ID)
	if got := h.State(v.ID).Proofs[0].Enrolment; got != used.Enrolment {
		t.Errorf("%s answered", got)
	}
}

func TestAnotherDevicesSignatureOrAnotherStatementsIsRefused(t *testing.T) {
	h := gatetest.New(t, letIn("device"))
	mine, mosses := newDevice(h), newDevice(h)
	managed(h, gatetest.Wren, mine)
	managed(h, gatetest.Moss, mosses)
	h.Pass(proof.CoolOff)
	first := h.Open(gatetest.Wren, identity.PasswordReset)
	one := h.Claim(first.Case)
	p := asked(h, one, proof.Device)
	second := h.Open(gatetest.Wren, identity.Unlock)
	two := h.Claim(second.Case)
	q := asked(h, two, proof.Device)
	for name, answer := range map[string]string{
		"a colleague's device": signedBy(h, mosses, p.Statement), "another request": signedBy(h, mine, q.Statement), "nothing": "", "noise": "AAAA",
	} {
		if err := reply(h, one, p, answer); code(err) != "answer_refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := reply(h, one, p, strings.Repeat("A", 3000)); code(err) != "invalid" {
		t.Errorf("endless noise: %v", err)
	}
	if n := h.State(first.ID).Failures(proof.Device); n != 4 {
		t.Errorf("%d wrong answers are counted", n)
	}
	h.Must(reply(h, one, p, signedBy(h, mine, p.Statement)))
	if err := reply(h, one, p, signedBy(h, mine, p.Statement)); err == nil {
		t.Error("a signature counted twice")
	}
}

func TestABundleWithAnotherDevicesSignatureIsRefused(t *testing.T) {
	h := gatetest.New(t, letIn("device"))
	mine, other := newDevice(h), newDevice(h)
	managed(h, gatetest.Wren, mine)
	strange := managed(h, gatetest.Moss, other)
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p := asked(h, token, proof.Device)
	h.Must(reply(h, token, p, signedBy(h, mine, p.Statement)))
	holds(h, v.ID)

	b, err := h.Gate.Evidence(t.Context(), v.ID)
	h.Must(err)
	// A server that was taken over shows the stream of a device of its own.
	foreign, err := h.Store.Stream(t.Context(), strange.Enrolment)
	h.Must(err)
	for i := range b.Enrolments {
		b.Enrolments[i].Leaf = foreign[0].Leaf.Bytes()
	}
	if len(b.Enrolments) != 1 {
		t.Fatalf("the bundle has %d enrolments", len(b.Enrolments))
	}
	roots, err := h.Roots()
	h.Must(err)
	if evidence.Verify(b, roots, h.Now()).Verdict == evidence.Allowed {
		t.Error("the auditor allows a bundle with another device's enrolment")
	}
	b.Enrolments = nil
	if evidence.Verify(b, roots, h.Now()).Verdict == evidence.Allowed {
		t.Error("the auditor allows a bundle without the device's enrolment")
	}
}

func TestADeviceOfTodayIsNotAsked(t *testing.T) {
	h := gatetest.New(t, letIn("device || totp"))
	managed(h, gatetest.Wren, newDevice(h))
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.Device); code(err) != reset.MethodNotWanted {
		t.Error(err)
	}
}
