package signin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/proof"
	"countersign/internal/signin"
)

var wren = gate.Owner{Account: "corp/1", Person: "corp:wren", By: proof.Passkey, Key: []byte{1, 2}}

func (p *porch) own(o gate.Owner) string {
	p.T.Helper()
	token, err := p.OpenOwner(p.T.Context(), o)
	p.Must(err)
	return token
}

func TestAnOwnersSessionSpeaksForTheirAccount(t *testing.T) {
	p := newPorch(t)
	w := httptest.NewRecorder()
	p.SetOwnerCookie(w, p.own(wren))
	cookie := w.Result().Cookies()[0]
	if cookie.Name != "__Host-owner" || cookie.SameSite != http.SameSiteLaxMode || !cookie.Secure || !cookie.HttpOnly || cookie.Domain != "" {
		t.Errorf("%+v", cookie)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.AddCookie(cookie)
	o, err := p.Owner(r)
	p.Must(err)
	if o.Account != wren.Account || o.Person != wren.Person || o.By != wren.By || string(o.Key) != string(wren.Key) || !o.Since.Equal(p.Now()) {
		t.Errorf("%+v", o)
	}
	p.NoSecret(cookie.Value)
}

func TestAnOwnersSessionEnds(t *testing.T) {
	for name, end := range map[string]func(p *porch, token string){
		"after a quarter of an hour of silence": func(p *porch, _ string) { p.Pass(15 * time.Minute) },
		"by signing out":                        func(p *porch, token string) { p.Must(p.SignOutOwner(t.Context(), token)) },
		"after twelve hours, however busy": func(p *porch, token string) {
			for range 72 {
				if _, err := p.Owner(bearer(t, token)); err != nil {
					p.T.Fatalf("it ended too early: %v", err)
				}
				p.Pass(10 * time.Minute)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPorch(t)
			token := p.own(wren)
			end(p, token)
			if o, err := p.Owner(bearer(t, token)); code(err) != "unauthenticated" || o.Person != "" {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}

func TestAFreshProofGivesANewToken(t *testing.T) {
	p := newPorch(t)
	old := p.own(wren)
	p.Pass(14 * time.Minute)
	again := wren
	again.By, again.Key = proof.OIDC, nil
	token, err := p.RenewOwner(t.Context(), bearer(t, old), again)
	p.Must(err)
	if _, err := p.Owner(bearer(t, old)); code(err) != "unauthenticated" {
		t.Errorf("the old token lives: %v", err)
	}
	o, err := p.Owner(bearer(t, token))
	p.Must(err)
	if o.By != proof.OIDC || o.Key != nil || !o.Since.Equal(p.Now()) {
		t.Errorf("%+v", o)
	}
}

func TestASessionIsRenewedForItsOwnPersonAlone(t *testing.T) {
	p := newPorch(t)
	token := p.own(wren)
	for _, o := range []gate.Owner{{Account: "corp/2", Person: wren.Person, By: proof.Passkey}, {Account: wren.Account, Person: "corp:moss", By: proof.Passkey}} {
		if _, err := p.RenewOwner(t.Context(), bearer(t, token), o); !errors.Is(err, signin.ErrRefused) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	p.Pass(15 * time.Minute)
	if _, err := p.RenewOwner(t.Context(), bearer(t, token), wren); code(err) != "unauthenticated" {
		t.Errorf("one that has ended: %v", err)
	}
}

func TestNobodyOpensASessionForNobody(t *testing.T) {
	p := newPorch(t)
	for _, o := range []gate.Owner{{}, {Account: "corp/1", By: proof.Passkey}, {Account: "corp/1", Person: "x"}, {Person: "x", By: proof.Passkey}} {
		if token, err := p.OpenOwner(t.Context(), o); err == nil || token != "" {
			t.Errorf("%+v", o)
		}
	}
}

// Three kinds of session and an API token, each tried wherever another belongs.
func TestNoSessionStandsInForAnother(t *testing.T) {
	p := newPorch(t)
	api := p.Token("itsm", time.Hour, gate.ScopeRead)
	tokens := map[string]string{"staff": p.signIn(gatetest.Finch), "owner": p.own(wren), "case": "AGE-SECRET-KEY-1" + strings.Repeat("Q", 58), "api": api}
	cookies := map[string]string{"staff": "__Host-countersign", "owner": "__Host-owner", "case": "__Host-case", "api": ""}
	accepts := map[string]func(r *http.Request) bool{
		"staff": func(r *http.Request) bool { c, err := p.Caller(r); return err == nil && c.Person != "" },
		"owner": func(r *http.Request) bool { o, err := p.Owner(r); return err == nil && o.Person != "" },
		"case":  func(r *http.Request) bool { token, err := p.CaseToken(r); return err == nil && token != "" },
		"api":   func(r *http.Request) bool { c, err := p.Caller(r); return err == nil && c.Token != "" },
	}
	for kind, token := range tokens {
		for door, accept := range accepts {
			if got := accept(bearer(t, token)); got != (kind == door) {
				t.Errorf("a %s token as bearer for %s: accepted %v", kind, door, got)
			}
			for of, cookie := range cookies {
				r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
				r.AddCookie(&http.Cookie{Name: cookie, Value: token})
				if got := accept(r); got != (kind == door && of == kind && kind != "api") {
					t.Errorf("a %s token in the cookie of %s for %s: accepted %v", kind, of, door, got)
				}
			}
			// Under the prefix of the other kind it is unknown there too.
			_, secret, _ := strings.Cut(token, "_")
			if prefix := map[string]string{"staff": "sst_", "owner": "own_", "api": "cst_"}[door]; kind != door && prefix != "" && accept(bearer(t, prefix+secret)) {
				t.Errorf("a %s token dressed up as %s is accepted", kind, door)
			}
		}
	}
}
