// Package console is the pages that people use with a browser: the requester's
// case, which works on an old phone and without JavaScript; help for who cannot
// sign in; the check of the desk; "this wasn't me"; vouching; one's own
// security; and for staff joining, signing in, attesting in person and signing
// decisions with a passkey.
//
// A page is a function that asks the gate, a struct of what it shows and a
// template, in files named as the page. A page can do nothing that the gate
// would not allow to whoever asks; what needs a passkey is posted by the
// page's script to the API under /api/v1.
//
// Every text goes through the reader's language: {{t "English words with %s" .X}}
// in a template, msg("English words with %s", x) in Go (see tongue.go). Icons
// are {{icon "name"}}; times {{template "time" .At}}. What has an id and the
// attribute data-live is kept fresh where frame.Live names a stream.
package console

import (
	"errors"
	"log/slog"
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

// Options is what the console works with.
type Options struct {
	Gate         *gate.Gate
	Signin       *signin.Signin
	Organisation string // whose console it is, as people know it
	Secure       bool   // the site is reached over https
	Log          *slog.Logger
}

type console struct {
	Options
	assets assets
	pages  map[*tongue]pages
}

// New returns the pages. They expect the root of the site, and the API beside
// them under /api/v1. The error is ErrUnbuilt.
func New(o Options) (http.Handler, error) {
	b, err := built()
	if err != nil {
		return nil, err
	}
	c := &console{Options: o, assets: b.assets, pages: b.pages}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(c.open(func(http.ResponseWriter, *http.Request) error { return errForeign }))
	return c.headers(c.Signin.Sourced(guard.Handler(c.routes()))), nil
}

func (c *console) routes() *http.ServeMux {
	m := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /{$}":                     c.front,
		"GET /case":                    c.caseShow,
		"POST /case":                   c.caseEnter,
		"POST /case/challenge":         c.caseChallenge,
		"GET /case/answer":             c.caseAsk,
		"POST /case/answer":            c.caseAnswer,
		"POST /case/secret":            c.caseSecret,
		"POST /case/cancel":            c.caseCancel,
		"POST /case/not-me":            c.caseNotMe,
		"GET /case/answer/statement":   c.caseStatement,
		"GET /case/oidc/{challenge}":   c.caseProvider,
		"GET /check":                   c.checkAsk,
		"POST /check":                  c.check,
		"POST /check/report":           c.checkReport,
		"GET /help":                    c.helpAsk,
		"POST /help":                   c.help,
		"GET /vouch/{token}":           c.vouchAsk,
		"POST /vouch/{token}":          c.vouch,
		"POST /vouch/{token}/not-them": c.vouchNotThem,
		"GET /vouch/done":              c.vouchDone,
		"POST /case/leave":             c.caseLeave,
		"GET /not-me/{token}":          c.notMeAsk,
		"POST /not-me/{token}":         c.notMe,
		"GET /join":                    c.join,
		"GET /setup":                   c.setup,
		"GET /sign-in":                 c.signIn,
		"GET /sign-in/oidc":            c.signInProvider,
		"GET /oidc/callback":           c.fromProvider,
		"POST /sign-out":               c.signOut,
		"POST /preferences":            c.preferences,
		"GET /assets/{name}":           c.asset,
		"/":                            c.nowhere,
	} {
		m.Handle(pattern, c.open(h))
	}
	for pattern, h := range c.securityRoutes() {
		m.Handle(pattern, c.open(h))
	}
	for pattern, h := range map[string]staffHandler{
		"GET /home":                       c.goHome,
		"GET /approvals":                  c.approvals,
		"GET /requests/{id}":              c.requestShow,
		"GET /requests/{id}/sign":         c.requestSign,
		"GET /desk":                       c.desk,
		"POST /desk":                      c.deskPost,
		"GET /requests":                   c.requests,
		"GET /requests/{id}/cancel":       c.requestBack,
		"POST /requests/{id}/cancel":      c.requestCancel,
		"GET /requests/{id}/callback":     c.requestBack,
		"POST /requests/{id}/callback":    c.requestCallback,
		"GET /proofing":                   c.proofingAsk,
		"POST /proofing":                  c.proofing,
		"GET /roster/proposals/{id}/sign": c.proposalSign,
	} {
		m.Handle(pattern, c.open(c.staff(h)))
	}
	for pattern, h := range c.reportsRoutes() {
		m.Handle(pattern, c.open(c.staff(h)))
	}
	for pattern, h := range c.operateRoutes() {
		m.Handle(pattern, c.open(c.staff(h)))
	}
	for pattern, h := range c.ledgerRoutes() {
		m.Handle(pattern, c.open(c.staff(h)))
	}
	for pattern, h := range c.sessionRoutes() {
		m.Handle(pattern, c.open(c.staff(h)))
	}
	for pattern, h := range c.policyRoutes() {
		m.Handle(pattern, c.wide(c.staff(h)))
	}
	return m
}

// maxForm is plenty for every form here.
const maxForm = 16 << 10

// handler serves a page, or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// open serves a page to anybody.
func (c *console) open(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	})
}

// visitor is a member of staff who is signed in.
type visitor struct {
	gate.Caller
	Me gate.Me
}

type staffHandler func(w http.ResponseWriter, r *http.Request, v visitor) error

// staff lets signed-in people in and sends the others to sign in first.
func (c *console) staff(h staffHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller, err := c.Signin.Caller(r)
		if err == nil && caller.Person == "" {
			err = signin.ErrUnauthenticated // a program's token reads the API, not pages
		}
		if errors.Is(err, signin.ErrUnauthenticated) {
			http.Redirect(w, r, signInFor(r), http.StatusSeeOther)
			return nil
		}
		if err != nil {
			return err
		}
		me, err := c.Gate.Whoami(r.Context(), caller)
		if err != nil {
			return err
		}
		return h(w, r, visitor{caller, me})
	}
}

// policyCSP lets a page load its own script, style and pictures, talk to its
// own API, and nothing else. Trusted Types close what is left: the script
// never makes markup from text.
const policyCSP = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// headers go with every answer. The referrer policy is same-origin rather than
// no-referrer because under the latter browsers send "Origin: null" with our
// own forms, and those too old for Sec-Fetch-Site would be refused.
func (c *console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policyCSP)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self), camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if c.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
