package console

import (
	"encoding/base32"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/proof"
	"countersign/internal/signin"
)

// confirmPage asks for the code that shows that what was begun works.
type confirmPage struct {
	ID, Next string
	Method   proof.Method
	Until    time.Time
	Where    string // as it was typed, for the one who typed it
	// Of an app, shown once.
	QR     *qrCode
	Secret string // in groups of four
	Link   template.URL
}

// form reads an owner's form. Each costs a hash or a message, so each is
// counted as an answer is.
func (c *console) form(r *http.Request) (url.Values, string, error) {
	if err := r.ParseForm(); err != nil {
		return nil, "", errForm
	}
	return r.PostForm, safeOwn(r.PostForm.Get("next")), c.Signin.Admit(r, signin.Answers)
}

// addApp begins with an authenticator app. Its secret is in this answer alone.
func (c *console) addApp(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	form, next, err := c.form(r)
	var b gate.Begun
	if err == nil {
		b, err = c.Gate.AddTOTP(r.Context(), o, strings.TrimSpace(form.Get("label")))
	}
	if err != nil {
		return c.securityOr(w, r, o, err)
	}
	p := confirmPage{ID: b.Enrolment, Next: next, Method: b.Method, Until: b.Until}
	if p.QR, err = drawQR(b.URI); err != nil {
		return err
	}
	p.Secret, p.Link = secretOf(b.URI), template.URL(b.URI) //nolint:gosec // package totp made it
	return c.show(w, r, http.StatusOK, "security_confirm", frame{Title: msg("Set up an app"), Body: p})
}

// secretOf is the secret of an otpauth address in groups, to be typed.
func secretOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	secret := u.Query().Get("secret")
	if _, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret); err != nil {
		return ""
	}
	var groups []string
	for ; len(secret) > 4; secret = secret[4:] {
		groups = append(groups, secret[:4])
	}
	return strings.Join(append(groups, secret), " ")
}

// addAddress has a code sent to a new address.
func (c *console) addAddress(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	form, next, err := c.form(r)
	var b gate.Begun
	address := strings.TrimSpace(form.Get("address"))
	if err == nil {
		b, err = c.Gate.AddAddress(r.Context(), o, proof.Method(form.Get("method")), address, strings.TrimSpace(form.Get("label")))
	}
	if err != nil {
		return c.securityOr(w, r, o, err)
	}
	p := confirmPage{ID: b.Enrolment, Next: next, Method: b.Method, Until: b.Until, Where: address}
	return c.show(w, r, http.StatusOK, "security_confirm", frame{Title: msg("Confirm the address"), Body: p})
}

// confirmFactor takes the code. A wrong one may be typed again; what was shown
// once is not shown again.
func (c *console) confirmFactor(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	form, next, err := c.form(r)
	var done gate.Added
	if err == nil {
		done, err = c.Gate.Confirm(r.Context(), o, form.Get("id"), strings.TrimSpace(form.Get("code")))
	}
	if codeOf(err) == "answer_refused" {
		t := c.noteOwn(w, r, err)
		p := confirmPage{ID: form.Get("id"), Next: next, Method: proof.Method(form.Get("method"))}
		return c.show(w, r, t.Status, "security_confirm", frame{Title: msg("Confirm it"), Alert: &t, Body: p})
	}
	if err != nil {
		return c.securityOr(w, r, o, err)
	}
	did := "address"
	if done.Method == proof.TOTP {
		did = "app"
	}
	http.Redirect(w, r, next+"?done="+did, http.StatusSeeOther)
	return nil
}

// addColleague registers somebody who may vouch.
func (c *console) addColleague(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	form, next, err := c.form(r)
	if err == nil {
		_, err = c.Gate.AddColleague(r.Context(), o, strings.TrimSpace(form.Get("login")))
	}
	if err != nil {
		return c.securityOr(w, r, o, err)
	}
	http.Redirect(w, r, next+"?done=colleague", http.StatusSeeOther)
	return nil
}

// cardPage is a recovery code, to be printed. Neither its owner nor the
// organisation stands on it: whoever finds it learns nothing from it of where
// it would be of use.
type cardPage struct {
	Code, Next string
	Made       time.Time
	UsableAt   time.Time
}

// addRecoveryCode makes a code and shows it once.
func (c *console) addRecoveryCode(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	_, next, err := c.form(r)
	var a gate.Added
	if err == nil {
		a, err = c.Gate.AddRecoveryCode(r.Context(), o)
	}
	if err != nil {
		return c.securityOr(w, r, o, err)
	}
	return c.show(w, r, http.StatusOK, "security_card", frame{Title: msg("Recovery code"), Body: cardPage{Code: a.Code, Next: next, Made: a.Since, UsableAt: a.UsableAt}})
}
