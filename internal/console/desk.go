package console

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/reset"
)

// deskPage is where an agent works: whom they speak with, and what their desk
// has open.
type deskPage struct {
	Login    string // what was typed
	Found    []subject
	Silent   []string // directories that did not answer
	Focus    bool     // on the search, not on what was found
	Open     []requestLine
	More     bool
	Finished []requestLine
}

// subject is an account that was found, and the form by which a request about
// it is opened.
type subject struct {
	gate.Found
	N        int    // its place on the page, from 0
	Key      string // the same form sent twice opens one request
	Chosen   identity.Action
	Channel  identity.Channel
	Ticket   string
	Channels []identity.Channel
}

// intake are the ways in which somebody comes to a desk.
var intake = []identity.Channel{identity.Phone, identity.WalkIn, identity.Chat, identity.Email, identity.Ticket}

const (
	openOnDesk     = 30
	finishedOnDesk = 10
)

// desk shows the desk. A login in the address only stands in the field: looking
// somebody up is counted, so it takes a press of the button.
func (c *console) desk(w http.ResponseWriter, r *http.Request, v visitor) error {
	return c.showDesk(w, r, http.StatusOK, v, deskPage{Login: r.URL.Query().Get("login")}, nil)
}

// deskPost looks somebody up, or opens a request for who was found: one address
// for both, so that whoever has to sign in again in between comes back here.
func (c *console) deskPost(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	if r.PostForm.Has("action") {
		return c.requestNew(w, r, v)
	}
	return c.lookUp(w, r, v)
}

// spokenCode is a case code as it is typed, which may also be a login.
var spokenCode = regexp.MustCompile(`^[2-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4}[- ]?[2-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4}$`)

func (c *console) lookUp(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := deskPage{Login: strings.TrimSpace(r.PostForm.Get("login"))}
	if spokenCode.MatchString(p.Login) {
		list, _, err := c.Gate.List(r.Context(), v.Caller, gate.Filter{Case: p.Login})
		if err != nil {
			return err
		}
		if len(list) == 1 {
			http.Redirect(w, r, "/requests/"+url.PathEscape(list[0].ID), http.StatusSeeOther)
			return nil
		}
	}
	found, err := c.Gate.LookUp(r.Context(), v.Caller, gate.LookUp{Login: p.Login})
	if err != nil {
		return c.deskTrouble(w, r, v, p, err)
	}
	for i, f := range found.Accounts {
		p.Found = append(p.Found, newSubject(f, i))
	}
	p.Silent = found.Silent
	return c.showDesk(w, r, http.StatusOK, v, p, nil)
}

func newSubject(f gate.Found, n int) subject {
	return subject{Found: f, N: n, Key: rand.Text(), Chosen: f.Actions[0], Channel: identity.Phone, Channels: intake}
}

// deskTroubles are the refusals in the words that an agent needs.
var deskTroubles = map[reset.Code]trouble{
	"not_available": {http.StatusNotFound, msg("Nobody was found whom this desk can help"),
		msg("Check the spelling with the person on the line: it has to be the whole login, or the whole case code, exactly. If it is right, do not try others; follow your documented escalation. The answer is the same whether there is no such account, it is not for this desk, or it cannot be helped now.")},
	"invalid":                 {http.StatusBadRequest, msg("That cannot be a login"), msg("Type the whole login as its owner types it to sign in.")},
	"idempotency_in_progress": {http.StatusConflict, msg("It is being opened"), msg("Your first press is still under way. Look at the cases of your desk below in a moment.")},
	"idempotency_unknown":     {http.StatusConflict, msg("What became of it is not known"), msg("Look whether the case stands below before you open it again.")},
	"idempotency_mismatch":    {http.StatusConflict, msg("This form was sent before, with other words in it"), msg("Look the person up again, and open the request from there.")},
	reset.SeparationOfDuties:  {http.StatusForbidden, msg("That is you, or somebody you decide for"), msg("A colleague has to take this one.")},
	"on_probation":            {http.StatusForbidden, msg("You cannot act for others just now"), msg("A credential of yours was reset a short while ago. Ask a colleague to take the call.")},
}

func (c *console) deskTrouble(w http.ResponseWriter, r *http.Request, v visitor, p deskPage, err error) error {
	code := codeOf(err)
	if code == "forbidden" || code == "" {
		return err
	}
	t := c.note(w, r, err)
	var later *gate.Later
	if own, ok := deskTroubles[code]; ok {
		t = own
	} else if errors.As(err, &later) {
		t.Text = msg("You have looked up too many accounts within an hour, and security has heard of it. You can go on in %s; until then a colleague can.", waitWords(later.Wait))
	}
	p.Focus = len(p.Found) == 0
	return c.showDesk(w, r, t.Status, v, p, &t)
}

func (c *console) showDesk(w http.ResponseWriter, r *http.Request, status int, v visitor, p deskPage, t *trouble) error {
	if !holdsRole(v.Me, identity.Agent) {
		return gate.ErrForbidden
	}
	open, more, err := c.Gate.List(r.Context(), v.Caller, gate.Filter{Desk: v.Me.Desk, Statuses: openWords, Limit: openOnDesk})
	if err != nil {
		return err
	}
	finished, _, err := c.Gate.List(r.Context(), v.Caller, gate.Filter{Desk: v.Me.Desk, Statuses: endWords, Limit: finishedOnDesk})
	if err != nil {
		return err
	}
	p.Open, p.More, p.Finished = ownLines(open), more != "", ownLines(finished)
	p.Focus = p.Focus || len(p.Found) == 0
	return c.show(w, r, status, "desk", frame{Title: msg("Desk"), Me: &v.Me, Here: "desk", Alert: t, Live: "requests", Body: p})
}

// ownLines are those of the agent's own desk, which need not say whose.
func ownLines(all []gate.Summary) []requestLine {
	out := requestLines(all)
	for i := range out {
		out[i].Where = ""
	}
	return out
}
