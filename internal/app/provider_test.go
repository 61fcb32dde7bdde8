package app

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/openid"
	"countersign/internal/openid/openidtest"
	"countersign/internal/proof/oidc"
	"countersign/internal/signin"
)

func withProvider(lines ...string) string {
	return small + "oidc:\n  " + strings.Join(append([]string{"issuer: https://login.example.org/realms/staff", "client_id: countersign", "client_secret_file: client"}, lines...), "\n  ") + "\n"
}

func TestAProviderIsConfigured(t *testing.T) {
	c, warnings, err := LoadConfig(written(t, "c.yaml", withProvider("acr: [phr]", "amr: [hwk, pwd+otp]")+"signin: {oidc: required, oidc_claim: employee}\n", "client", "s3cret\n"), nil)
	if err != nil || strings.Contains(strings.Join(warnings, ""), "oidc") {
		t.Fatalf("%v %q", err, warnings)
	}
	if c.OIDC.secret != "s3cret" || c.OIDC.Claim != "preferred_username" || strings.Join(c.OIDC.Scopes, " ") != "profile email" {
		t.Errorf("%+v", c.OIDC)
	}
	op, err := c.provider(time.Now, nil)
	p := c.staffProvider(op)
	if err != nil || p.Provider == nil || p.Issuer() != "https://login.example.org/realms/staff" || p.Staff != signin.Required || p.Claim != "employee" || len(p.AMR) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestNoProviderIsConfigured(t *testing.T) {
	c, _, err := LoadConfig(written(t, "c.yaml", small), nil)
	if err != nil {
		t.Fatal(err)
	}
	op, err := c.provider(time.Now, nil)
	p := c.staffProvider(op)
	if err != nil || p.Provider != nil || p.Staff != signin.Off {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestTheClientsSecretComesFromTheEnvironmentToo(t *testing.T) {
	text := strings.Replace(withProvider("amr: [hwk]"), "\n  client_secret_file: client", "", 1)
	c, warnings, err := LoadConfig(written(t, "c.yaml", text), []string{secretOIDC + "=s3cret"})
	if err != nil || c.OIDC.secret != "s3cret" || strings.Contains(strings.Join(warnings, ""), "OIDC") {
		t.Errorf("%v %q", err, warnings)
	}
	_, _, err = LoadConfig(written(t, "c.yaml", withProvider(), "client", "s3cret"), []string{secretOIDC + "=other"})
	if err == nil || !strings.Contains(err.Error(), "remove one") || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
}

func TestAProviderThatProvesNoSecondFactorIsWarnedAbout(t *testing.T) {
	_, warnings, err := LoadConfig(written(t, "c.yaml", withProvider(), "client", "s3cret"), nil)
	if err != nil || !strings.Contains(strings.Join(warnings, "\n"), "neither acr nor amr") {
		t.Errorf("%v %q", err, warnings)
	}
}

func TestAFaultOfTheProviderIsNamedAtItsPlace(t *testing.T) {
	issuer := func(u string) string {
		return strings.Replace(withProvider(), "https://login.example.org/realms/staff", u, 1)
	}
	for _, c := range []struct{ text, want string }{
		{small + "signin: {oidc: required}\n", "signin.oidc: there is no provider to sign in at"},
		{small + "signin: {oidc: on}\n", `signin.oidc: "on" is not one of off, allowed, required`},
		{small + "oidc: {client_id: a}\n", "oidc.issuer: this key is missing"},
		{small + "oidc: {issuer: https://login.example.org}\n", "oidc.client_id: say what"},
		{small + "oidc: {issuer: https://login.example.org, client_id: a}\n", "oidc.client_secret_file: name the file"},
		{small + "oidc: {client_secret: a}\n", "oidc.client_secret: there is no such key; there are: issuer, client_id, client_secret_file"},
		{issuer("http://login.example.org"), "oidc.issuer: calls to this address are refused"},
		{issuer("https://10.0.0.1"), "hint: allow_private"},
		{issuer("https://login.example.org/?a=b"), "oidc.issuer: this is not of the form"},
		{issuer("https://u:p@login.example.org"), "oidc.issuer: this is not of the form"},
		{issuer("login.example.org"), "oidc.issuer: this is not of the form"},
		{withProvider("acr: [a b]"), "oidc.acr: each entry is one word"},
		{withProvider("scopes: ['']"), "oidc.scopes: each entry is one word"},
		{withProvider("amr: [pwd+]"), "oidc.amr: words that belong together"},
		{withProvider("claim: ''"), "oidc.claim: name the claim"},
		{withProvider("ca_file: c.yaml"), "oidc.ca_file: "},
	} {
		_, _, err := LoadConfig(written(t, "c.yaml", c.text, "client", "s3cret"), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n%v, want %s", c.text, err, c.want)
		}
	}
}

// The whole way with the client that the configuration makes: its address
// guard lets loopback through only where it is told to.
func TestTheConfiguredProviderSignsSomebodyIn(t *testing.T) {
	op := openidtest.New(t, "http://localhost:9/oidc/callback", time.Now)
	text := strings.Replace(strings.Replace(withProvider("amr: [otp]", "allow_private: true"), "https://login.example.org/realms/staff", op.URL, 1), "https://countersign.example.org", "http://localhost:9", 1)
	c, _, err := LoadConfig(written(t, "c.yaml", text, "client", openidtest.ClientSecret), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.provider(time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := openid.NewFlow(time.Now())
	address, err := p.Begin(t.Context(), f, "")
	if err != nil {
		t.Fatal(err)
	}
	q := op.SignIn(address, openidtest.Person{Subject: "1", AMR: []string{"pwd", "otp"}, Claims: map[string]any{"preferred_username": "wren"}}).Query()
	claims, err := p.Finish(t.Context(), f, q.Get("state"), q.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if err := oidc.Check(claims, oidc.Want{AMR: c.OIDC.AMR, Claim: c.OIDC.Claim, Is: []string{"wren"}, Since: f.Started}, time.Now()); err != nil {
		t.Error(err)
	}
	c.OIDC.AllowPrivate = false
	if p, err = c.provider(time.Now, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Begin(t.Context(), openid.NewFlow(time.Now()), ""); err == nil {
		t.Error("loopback was called without leave")
	}
}
