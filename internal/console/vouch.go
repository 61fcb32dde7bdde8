package console

import (
	"net/http"
	"net/url"

	"countersign/internal/gate"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

type vouchPage struct {
	gate.Attesting
	At   string // the address of the link
	Sign *signing
	Said string // what was said, when it is over: vouched, not-them
}

// vouchAsk shows whom and what the link in a letter is about. Looking changes
// nothing.
func (c *console) vouchAsk(w http.ResponseWriter, r *http.Request) error {
	if err := c.Signin.Admit(r, signin.Claims); err != nil {
		return err
	}
	return c.showVouch(w, r, nil, nil)
}

// vouch takes the code that the requester handed over, and puts the statement
// before the voucher. Only their passkey says yes, over the API.
func (c *console) vouch(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	if err := c.Signin.Admit(r, signin.Answers); err != nil {
		return c.showVouch(w, r, nil, err)
	}
	token, code := r.PathValue("token"), r.PostForm.Get("code")
	paper, err := c.Gate.VouchPaper(r.Context(), token, code)
	if err != nil {
		return c.showVouch(w, r, nil, err)
	}
	s, err := signing{Button: msg("Vouch with my passkey"), Back: vouchAt(token), BackText: "Back"}.of(paper.Statement, paper.Options, signTask{
		Post: "/api/v1/vouches", Fields: map[string]string{"token": token, "code": code}, Next: "/vouch/done",
	})
	if err != nil {
		return err
	}
	return c.showVouch(w, r, &s, nil)
}

// vouchNotThem stops the request. It needs neither code nor passkey.
func (c *console) vouchNotThem(w http.ResponseWriter, r *http.Request) error {
	err := c.Signin.Admit(r, signin.Claims)
	if err == nil {
		err = c.Gate.Disclaim(r.Context(), r.PathValue("token"))
	}
	if err != nil {
		return c.showVouch(w, r, nil, err)
	}
	return c.show(w, r, http.StatusOK, "vouch", frame{Title: msg("Stopped"), Body: vouchPage{Said: "not-them"}})
}

// vouchDone is where the script goes once the signature is taken.
func (c *console) vouchDone(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, http.StatusOK, "vouch", frame{Title: msg("Thank you"), Body: vouchPage{Said: "vouched"}})
}

func (c *console) showVouch(w http.ResponseWriter, r *http.Request, s *signing, why error) error {
	token := r.PathValue("token")
	a, err := c.Gate.Vouching(r.Context(), token)
	if err != nil {
		t := c.note(w, r, err)
		if t.Status == http.StatusNotFound {
			t.Title, t.Text = msg("This link is not known, was used, or has lapsed"), msg("Open it again from the letter, whole. Somebody else may have answered already, or the request has ended.")
		}
		return c.show(w, r, t.Status, "fault", frame{Title: t.heading(), Body: faultPage{trouble: t}})
	}
	f, status := frame{Title: msg("Do you vouch?"), Body: vouchPage{Attesting: a, At: vouchAt(token), Sign: s}}, http.StatusOK
	if why != nil {
		t := c.note(w, r, why)
		if t.Status == http.StatusForbidden && reset.CodeOf(why) != reset.MethodLocked {
			t.Title, t.Text = msg("You cannot vouch here"), spoken(saidBy(why))
		}
		f.Alert, status = &t, t.Status
	}
	return c.show(w, r, status, "vouch", f)
}

func vouchAt(token string) string { return "/vouch/" + url.PathEscape(token) }
