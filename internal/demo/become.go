package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"countersign/internal/client"
	"countersign/internal/identity"
)

// Whoever one was keeps what they had open: its cookies are laid aside in the
// browser, under the name of the person, and come back with them.
const (
	cookieAs   = "demo_as"
	cookieKept = "demo_kept_"
	kept       = "case owner" // the product's cookies of people who are no staff
	staffs     = "countersign"
)

// become makes the visitor somebody of the cast.
func (s *side) become(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	login, to := r.PostFormValue("who"), r.PostFormValue("next")
	a, staff := s.cast[login]
	o, owns := s.owners[login]
	if !staff && (!owns || o.part == "") {
		http.Error(w, "Nobody in the cast is called that.", http.StatusBadRequest)
		return
	}
	s.layAside(w, r)
	where := "/case"
	if staff {
		where = "/home"
		if err := s.signInBrowser(w, r, a); err != nil {
			http.Error(w, "The security key of "+a.name+" was not accepted: "+err.Error(), http.StatusBadGateway)
			return
		}
	} else {
		s.takeUp(w, r, login)
	}
	setCookie(w, cookieAs, login)
	if strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.Contains(to, `\`) {
		where = to
	}
	http.Redirect(w, r, where, http.StatusSeeOther)
}

func setCookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// layAside signs staff out, and keeps what an owner has open.
func (s *side) layAside(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(staffs); err == nil {
		s.ask(r, r.Cookies(), http.MethodPost, "/sign-out", "", "")
		setCookie(w, staffs, "")
	}
	was := cookie(r, cookieAs)
	for _, name := range strings.Fields(kept) {
		value := cookie(r, name)
		if o := s.owners[was]; o != nil {
			setCookie(w, cookieKept+name+"_"+was, value)
		}
		if value != "" {
			setCookie(w, name, "")
		}
	}
}

// takeUp gives an owner back what they had open.
func (s *side) takeUp(w http.ResponseWriter, r *http.Request, login string) {
	for _, name := range strings.Fields(kept) {
		value := cookie(r, cookieKept+name+"_"+login)
		if cookie(r, cookieAs) == login { // one becomes oneself again
			value = cookie(r, name)
		}
		if value != "" {
			setCookie(w, name, value)
		}
	}
}

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// signInBrowser signs somebody in with their security key, by the product's own
// API, and hands the session to the browser.
func (s *side) signInBrowser(w http.ResponseWriter, r *http.Request, a *actor) error {
	const kind = "application/json"
	var begun struct {
		Ceremony string          `json:"ceremony"`
		Options  json.RawMessage `json:"options"`
	}
	first := s.ask(r, nil, http.MethodPost, "/api/v1/sign-in/begin", kind, "{}")
	if err := first.read(&begun); err != nil {
		return err
	}
	response, err := a.key.AssertOptions(s.cfg.BaseURL, begun.Options)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"ceremony": begun.Ceremony, "response": json.RawMessage(response), "as": "cookie"})
	if err != nil {
		return err
	}
	second := s.ask(r, nil, http.MethodPost, "/api/v1/sign-in/finish", kind, string(body))
	if err := second.read(&client.Session{}); err != nil {
		return err
	}
	for _, c := range second.header.Values("Set-Cookie") {
		w.Header().Add("Set-Cookie", c)
	}
	return nil
}

// read decodes an answer, or says what the product said.
func (a *answer) read(into any) error {
	if a.status >= http.StatusMultipleChoices {
		var p client.Problem
		if json.Unmarshal(a.body.Bytes(), &p) != nil || p.Detail == "" {
			return fmt.Errorf("the server answered %d", a.status)
		}
		return &p
	}
	return json.Unmarshal(a.body.Bytes(), into)
}

// visitor is who somebody in a browser is.
type visitor struct {
	ID    string          `json:"id"` // of the cast; "" is nobody, "you" is the visitor themselves
	Name  string          `json:"name,omitempty"`
	Part  string          `json:"part,omitempty"`
	Staff bool            `json:"staff"`
	Roles []identity.Role `json:"-"`
}

// visitor asks the product who is signed in. An owner is signed in nowhere, so
// the demo's own cookie says who they are.
func (s *side) visitor(r *http.Request) visitor {
	if _, err := r.Cookie(staffs); err == nil {
		var me client.Me
		if s.ask(r, r.Cookies(), http.MethodGet, "/api/v1/me", "", "").read(&me) == nil {
			for _, a := range s.cast {
				if a.person() == me.Person {
					return visitor{a.login, a.name, a.part, true, me.Roles}
				}
			}
			return visitor{"you", identity.Line(me.Name, 100), "yourself, on the roster", true, me.Roles}
		}
	}
	if o := s.owners[cookie(r, cookieAs)]; o != nil && o.part != "" {
		return visitor{o.login, o.name, o.part, false, nil}
	}
	return visitor{}
}
