package app

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory/ldapconn"
	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/openid"
	"countersign/internal/outbound"
	"countersign/internal/signin"
)

// OIDC is the organisation's OpenID Connect provider. Where it sends browsers
// back to follows from base_url.
type OIDC struct {
	Issuer       string   `koanf:"issuer" doc:"Its issuer, exactly as the provider writes it: an https address, to which /.well-known/openid-configuration is added. Register base_url followed by /oidc/callback there as the only redirect URI."`
	ClientID     string   `koanf:"client_id" doc:"What the provider knows this server as."`
	SecretFile   string   `koanf:"client_secret_file" doc:"The file with the client's secret. COUNTERSIGN_OIDC_CLIENT_SECRET in the environment does as well."`
	Scopes       []string `koanf:"scopes" doc:"What is asked for besides openid; profile and email when absent."`
	ACR          []string `koanf:"acr" doc:"Values of the claim acr that show a second factor; they are asked for, the first most of all."`
	AMR          []string `koanf:"amr" doc:"Methods in the claim amr that show a second factor, such as hwk, or pwd+otp for two that must both be there (RFC 8176). Without acr and amr a sign-in at the provider is no proof for a request."`
	Claim        string   `koanf:"claim" default:"preferred_username" doc:"The claim that equals the account's login or mail address. Choose one that people cannot change themselves; email counts only with email_verified."`
	CAFile       string   `koanf:"ca_file" doc:"PEM certificates that sign the provider's; the system's when absent."`
	AllowPrivate bool     `koanf:"allow_private" default:"false" doc:"Whether the provider may be in a private network or on this machine."`

	secret string
}

// secretOIDC is the environment variable for the client's secret.
const secretOIDC = "COUNTERSIGN_OIDC_CLIENT_SECRET"

const pathCallback = "/oidc/callback"

func (o OIDC) absent() bool {
	return o.Issuer == "" && o.ClientID == "" && o.SecretFile == "" && o.secret == "" && len(o.Scopes)+len(o.ACR)+len(o.AMR) == 0
}

// oidc judges the section, and what staff have to do with it.
func (c *Config) oidc(r *reader, environ []string) {
	o := &c.OIDC
	o.SecretFile, o.CAFile = c.path(o.SecretFile), c.path(o.CAFile)
	o.secret = r.secret("oidc.client_secret_file", o.SecretFile, secretOIDC, environ)
	choice(r, "signin.oidc", c.Signin.OIDC, string(signin.Off), string(signin.Allowed), string(signin.Required))
	if c.Signin.OIDCClaim == "" {
		c.Signin.OIDCClaim = o.Claim
	}
	if o.absent() {
		if c.Signin.OIDC != string(signin.Off) {
			r.fail("signin.oidc", "there is no provider to sign in at; say which under oidc")
		}
		return
	}
	o.check(r)
	if len(o.ACR)+len(o.AMR) == 0 {
		r.warn("oidc names neither acr nor amr, so a sign-in at the provider is no proof for a request")
	}
}

func (o *OIDC) check(r *reader) {
	u, err := url.Parse(o.Issuer)
	switch {
	case o.Issuer == "":
		r.fail("oidc.issuer", "this key is missing; say, for example, issuer: https://login.example.org")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		r.fail("oidc.issuer", "this is not of the form https://HOST[/PATH]")
	default:
		if err := (outbound.Options{AllowPrivate: o.AllowPrivate}).Check(u); err != nil {
			r.fail("oidc.issuer", "%v", err)
		}
	}
	if o.ClientID == "" || identity.CheckLine(o.ClientID, 200) != nil {
		r.fail("oidc.client_id", "say what the provider knows this server as")
	}
	if o.secret == "" {
		r.fail("oidc.client_secret_file", "name the file with the client's secret, or set %s", secretOIDC)
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"profile", "email"}
	}
	if o.Claim == "" {
		r.fail("oidc.claim", "name the claim that says whose account it is")
	}
	for key, words := range map[string][]string{"oidc.scopes": o.Scopes, "oidc.acr": o.ACR, "oidc.amr": o.AMR} {
		if slices.ContainsFunc(words, func(w string) bool { return !token(w) }) {
			r.fail(key, "each entry is one word without spaces")
		}
	}
	for _, joined := range o.AMR {
		if slices.Contains(strings.Split(joined, "+"), "") {
			r.fail("oidc.amr", "words that belong together are joined by one +, as in pwd+otp")
			return
		}
	}
	if _, err := ldapconn.Roots(o.CAFile); err != nil {
		r.fail("oidc.ca_file", "%v", err)
	}
}

func token(s string) bool { return s != "" && len(s) <= 200 && !strings.ContainsFunc(s, notToken) }

// notToken: RFC 6749 §3.3 lets scopes be of these characters, and acr_values are
// sent the same way.
func notToken(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }

// provider is the organisation's provider; nil when it has none. Nothing is
// asked of it yet. The pulse, if there is one, hears of every call.
func (c Config) provider(now func() time.Time, pulse *gate.Pulse) (*openid.Provider, error) {
	o := c.OIDC
	if o.absent() {
		return nil, nil
	}
	roots, err := ldapconn.Roots(o.CAFile)
	if err != nil {
		return nil, err
	}
	client := outbound.New(outbound.Options{RootCAs: roots, AllowPrivate: o.AllowPrivate})
	if pulse != nil {
		client.Transport = feltTransport{client.Transport, pulse, now}
	}
	return openid.New(openid.Config{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.secret, RedirectURL: c.BaseURL + pathCallback, Scopes: o.Scopes, ACR: o.ACR,
		Needs: o.needs(c.Signin.OIDCClaim),
	}, client, now), nil
}

// needs are the claims that name somebody: an account, or a person on the
// roster.
func (o OIDC) needs(staff string) []string {
	names := []string{o.Claim, staff}
	if slices.Contains(names, "email") {
		names = append(names, "email_verified")
	}
	return names
}

// staffProvider is the provider as staff use it.
func (c Config) staffProvider(p *openid.Provider) signin.Provider {
	return signin.Provider{Provider: p, Staff: signin.Use(c.Signin.OIDC), Claim: c.Signin.OIDCClaim, ACR: c.OIDC.ACR, AMR: c.OIDC.AMR}
}
