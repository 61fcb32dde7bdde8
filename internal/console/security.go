package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

// securityRoutes are the pages where people look after what they prove
// themselves by.
func (c *console) securityRoutes() map[string]handler {
	all := map[string]handler{
		"GET /security/oidc":     c.ownerProvider,
		"POST /security/leave":   c.ownerLeave,
		"POST /case/enrolment":   c.caseEnrolment,
		"GET /not-mine/{token}":  c.notMineAsk,
		"POST /not-mine/{token}": c.notMine,
	}
	for pattern, h := range map[string]ownerHandler{
		"GET /security":                c.securityShow,
		"GET /security/first":          c.securityFirst,
		"GET /security/again":          c.securityAgain,
		"POST /security/app":           c.addApp,
		"POST /security/address":       c.addAddress,
		"POST /security/confirm":       c.confirmFactor,
		"POST /security/recovery-code": c.addRecoveryCode,
		"POST /security/colleague":     c.addColleague,
		"GET /security/remove/{id}":    c.removeAsk,
		"POST /security/remove/{id}":   c.remove,
		"POST /security/request":       c.openOwn,
	} {
		all[pattern] = c.owned(h)
	}
	return all
}

// ownerHandler serves a page to somebody who looks after their own account.
type ownerHandler func(w http.ResponseWriter, r *http.Request, o gate.Owner) error

// owned lets owners in, and asks others to show whose account it is. Forms
// that come too late are not kept: what stood in them is typed again.
func (c *console) owned(h ownerHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		o, err := c.Signin.Owner(r)
		if err == nil {
			err = h(w, r, o)
		}
		next := "/security"
		if r.Method == http.MethodGet {
			next = safeOwn(r.URL.RequestURI())
		}
		switch {
		case unknownSession(err):
			c.Signin.ClearOwnerCookie(w)
			return c.showOwnerSignIn(w, r, ownerSignInPage{Next: next}, err)
		case codeOf(err) == "proof_too_old":
			return c.showOwnerSignIn(w, r, ownerSignInPage{Next: next, Again: true}, err)
		}
		return err
	}
}

// safeOwn keeps to the pages about one's own security.
func safeOwn(next string) string {
	u, err := url.Parse(next)
	if err == nil && !u.IsAbs() && u.Host == "" && u.User == nil && u.Path == u.EscapedPath() && !strings.Contains(next, "\\") {
		if u.Path == "/security" || u.Path == "/security/first" || strings.HasPrefix(u.Path, "/security/remove/") && !strings.Contains(u.Path, "..") {
			return u.Path
		}
	}
	return "/security"
}

type securityPage struct {
	gate.Security
	Ways, Told []factRow
	Advice     advice
	Did        string // what has just been done, in English
	Past       []pastRow
	May        map[string]bool
}

// Has reports whether they have registered anything of a method.
func (p securityPage) Has(method string) bool {
	return slices.ContainsFunc(p.Factors, func(f gate.FactorView) bool { return string(f.Method) == method })
}

// factRow is one line of what is on record.
type factRow struct {
	ID, Name, Label, Where string
	Method                 proof.Method
	By                     message // who registered it, or where it is from
	Since, UsableAt        time.Time
	Young, Closed, Told    bool
	Own                    bool
}

// pastRow is one request, with the words of the pages.
type pastRow struct {
	gate.HistoryView
	Status reset.Status
}

// securityShow is the front page of one's own security.
func (c *console) securityShow(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	return c.securityWith(w, r, o, nil)
}

// securityWith shows it together with what went wrong.
func (c *console) securityWith(w http.ResponseWriter, r *http.Request, o gate.Owner, why error) error {
	v, err := c.Gate.Mine(r.Context(), o)
	if err != nil {
		return err
	}
	p := newSecurityPage(v)
	p.Did = didWords[r.URL.Query().Get("done")]
	f, status := frame{Title: msg("My security"), Body: p}, http.StatusOK
	if why != nil {
		t := c.noteOwn(w, r, why)
		f.Alert, status = &t, t.Status
	}
	return c.show(w, r, status, "security", f)
}

// noteOwn says a refusal in the words of these pages, where those of a case
// would be wrong.
func (c *console) noteOwn(w http.ResponseWriter, r *http.Request, err error) trouble {
	t := c.note(w, r, err)
	if own, ok := ownTroubles[codeOf(err)]; ok {
		own.Status = t.Status
		if own.Text == nil {
			own.Text = t.Text
		}
		return own
	}
	return t
}

var ownTroubles = map[reset.Code]trouble{
	"answer_refused":  {Title: msg("That code is not right"), Text: msg("Check it and try again. After five wrong ones you have to begin again.")},
	"not_found":       {Title: msg("That is not there any more"), Text: msg("It was removed, has lapsed, or was answered wrongly too often. Begin again.")},
	"conflict":        {Title: msg("That was done already"), Text: msg("It stands on record, or changed at the same moment. Look at the list, and begin again if it is not there.")},
	"invalid":         {Title: msg("That cannot be registered")},
	"sign_in_refused": {Title: msg("That sign-in was not accepted"), Text: msg("No account of yours could be found by it. Try another way below.")},
	reset.TooMany:     {Title: msg("Too many for now")},
	"not_available":   {Title: msg("That is not open to you here"), Text: msg("The rules of your organisation do not offer it for this account. Ask the desk.")},
	"session_unknown": {Title: msg("You have been signed out"), Text: msg("What you signed in with no longer holds, or your account has changed. Sign in again.")},
}

// didWords are what the address may say was done.
var didWords = map[string]string{
	"passkey":   "Your passkey is registered.",
	"app":       "Your authenticator app is registered.",
	"address":   "The address is registered.",
	"colleague": "Your colleague is registered, and will be asked when you need it.",
	"removed":   "It is removed and proves nothing any more.",
}

func newSecurityPage(v gate.Security) securityPage {
	p := securityPage{Security: v, Advice: adviceOn(v), May: map[string]bool{}}
	for _, f := range v.Factors {
		p.Ways = append(p.Ways, factRow{ID: f.ID, Method: f.Method, Name: say(ownWords, f.Method), Label: f.Label, Where: f.Where, By: registrar(f.SetBy),
			Since: f.Since, UsableAt: f.UsableAt, Young: v.At.Before(f.UsableAt), Closed: f.Closed})
		if f.Method == proof.EmailCode || f.Method == proof.SMSCode {
			p.Told = append(p.Told, factRow{Where: f.Where, Since: f.Since, By: msg("you, here")})
		}
	}
	for _, x := range v.Contacts {
		p.Told = append(p.Told, factRow{Where: x.Where, Since: x.FirstSeen, By: msg("the directory %s", x.Source), Own: x.Own})
	}
	for _, h := range v.History {
		p.Past = append(p.Past, pastRow{h, reset.Status(h.Status)})
	}
	for _, m := range v.Adds {
		p.May[string(m)] = true
	}
	return p
}

// registrar says who registered a factor where that was not its owner.
func registrar(setBy string) message {
	if setBy == "" {
		return message{}
	}
	if name, ok := strings.CutPrefix(setBy, "token:"); ok {
		return msg("the system “%s”", identity.Line(name, 60))
	}
	return verbatim(identity.Line(setBy, 80))
}

var ownWords = map[proof.Method]string{
	proof.Passkey: "Passkey", proof.TOTP: "Authenticator app", proof.RecoveryCode: "Printed recovery code", proof.EmailCode: "Mailbox",
	proof.SMSCode: "Telephone", proof.RecoveryContact: "Recovery contact", proof.Vouch: "Colleague who may vouch",
	proof.Device: "Managed device", proof.IDV: "Identity document",
}

// openOwn opens a request about one's own account, and leads to it.
func (c *console) openOwn(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	err := c.Signin.Admit(r, signin.Claims)
	var token string
	if err == nil {
		_, token, err = c.Gate.OpenOwn(r.Context(), o, identity.Action(r.PostForm.Get("action")))
	}
	if err != nil {
		return c.securityOr(w, r, o, err)
	}
	c.Signin.SetCaseCookie(w, token)
	http.Redirect(w, r, "/case", http.StatusSeeOther)
	return nil
}

// securityOr shows the front page with a refusal; what asks for a sign-in goes
// on to owned.
func (c *console) securityOr(w http.ResponseWriter, r *http.Request, o gate.Owner, why error) error {
	if unknownSession(why) || codeOf(why) == "proof_too_old" {
		return why
	}
	return c.securityWith(w, r, o, why)
}
