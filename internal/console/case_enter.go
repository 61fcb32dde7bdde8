package console

import (
	"errors"
	"net/http"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

// caseEnter lets somebody come forward with a case code. Whoever has the case
// open already stays who they are: coming forward again would part them from
// what they have proved.
func (c *console) caseEnter(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	code := r.PostForm.Get("code")
	if c.hasOpen(r, code) {
		http.Redirect(w, r, "/case", http.StatusSeeOther)
		return nil
	}
	err := c.Signin.Admit(r, signin.Claims)
	var token string
	if err == nil {
		token, _, err = c.Gate.Claim(r.Context(), code)
	}
	if err != nil {
		return c.askCode(w, r, err)
	}
	c.Signin.SetCaseCookie(w, token)
	http.Redirect(w, r, "/case", http.StatusSeeOther)
	return nil
}

// hasOpen reports whether the browser has the case of that code open.
func (c *console) hasOpen(r *http.Request, code string) bool {
	token, err := c.Signin.CaseToken(r)
	if err != nil {
		return false
	}
	v, err := c.Gate.Case(r.Context(), token)
	return err == nil && bareCode(v.Case) == bareCode(code)
}

func bareCode(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
}

// askCode asks for the case code, saying what was wrong if anything was.
func (c *console) askCode(w http.ResponseWriter, r *http.Request, why error) error {
	f, status := frame{Title: msg("Open my case")}, http.StatusOK
	if why != nil {
		t := c.note(w, r, why)
		if errors.Is(why, gate.ErrNoRequest) {
			t.Title, t.Text = msg("No case is open under that code"), msg("Check the code. If the case is old it may have ended; then ask the desk for a new one.")
		}
		f.Alert, status = &t, t.Status
	}
	return c.show(w, r, status, "case_enter", f)
}
