package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

// sessionsPage is where staff see and end their sessions, and officers those
// of others.
type sessionsPage struct {
	Sessions []signin.Session
	Others   int               // besides the one that asks
	Endings  []gate.Ended      // times at which an officer ended them
	Members  []gate.MemberView // for officers: whose sessions they can end
	Done     string            // what was just done: one, others, of
	Count    int
	Who      string // whose, of a member
	Person   string // what an officer typed, when it was refused
	Reason   string
}

func (c *console) sessionRoutes() map[string]staffHandler {
	return map[string]staffHandler{
		"GET /sessions":          c.sessions,
		"POST /sessions/end":     c.sessionEnd,
		"POST /sessions/others":  c.sessionsEndOthers,
		"POST /sessions/members": c.sessionsEndOf,
	}
}

// sessions says what was just done by words that the address carries; they
// are picked from a few, and the number is one.
func (c *console) sessions(w http.ResponseWriter, r *http.Request, v visitor) error {
	q := r.URL.Query()
	p := sessionsPage{Done: q.Get("done"), Who: q.Get("who")}
	if n, err := strconv.ParseUint(q.Get("count"), 10, 16); err == nil {
		p.Count = int(n)
	}
	return c.showSessions(w, r, http.StatusOK, v, p, nil)
}

func (c *console) showSessions(w http.ResponseWriter, r *http.Request, status int, v visitor, p sessionsPage, t *trouble) error {
	ctx := r.Context()
	token, err := c.Signin.StaffToken(r)
	if err != nil {
		return err
	}
	if p.Sessions, err = c.Signin.Sessions(ctx, v.Person, token); err != nil {
		return err
	}
	for _, s := range p.Sessions {
		if !s.Here {
			p.Others++
		}
	}
	if p.Endings, err = c.Gate.Endings(ctx, v.Caller); err != nil {
		return err
	}
	if slices.Contains(v.Me.Roles, identity.Officer) {
		view, err := c.Gate.Roster(ctx, v.Caller)
		if err != nil {
			return err
		}
		p.Members = slices.DeleteFunc(view.Members, func(m gate.MemberView) bool { return m.Person == v.Person })
		slices.SortFunc(p.Members, func(a, b gate.MemberView) int { return strings.Compare(a.Name, b.Name) })
	}
	if !slices.ContainsFunc(p.Members, func(m gate.MemberView) bool { return m.Name == p.Who }) {
		p.Who = ""
	}
	return c.show(w, r, status, "sessions", frame{Title: msg("Sessions"), Me: &v.Me, Here: "sessions", Alert: t, Body: p})
}

// sessionEnd ends one. Whoever ends the one they are in is signed out.
func (c *console) sessionEnd(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	err := c.Signin.EndSession(r.Context(), v.Person, r.PostForm.Get("id"))
	if err != nil {
		t := c.note(w, r, err)
		if t.Status == http.StatusNotFound {
			t.Title, t.Text = msg("That session is not open"), msg("It may have ended already. Those below are.")
		}
		return c.showSessions(w, r, t.Status, v, sessionsPage{}, &t)
	}
	return sessionsDone(w, r, url.Values{"done": {"one"}})
}

func (c *console) sessionsEndOthers(w http.ResponseWriter, r *http.Request, v visitor) error {
	token, err := c.Signin.StaffToken(r)
	if err != nil {
		return err
	}
	n, err := c.Signin.EndOtherSessions(r.Context(), v.Person, token)
	if err != nil {
		return err
	}
	return sessionsDone(w, r, url.Values{"done": {"others"}, "count": {strconv.Itoa(n)}})
}

func (c *console) sessionsEndOf(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	p := sessionsPage{Person: r.PostForm.Get("person"), Reason: strings.TrimSpace(r.PostForm.Get("reason"))}
	n, err := c.Signin.EndSessionsOf(r.Context(), v.Caller, identity.PersonID(p.Person), p.Reason)
	if err != nil {
		t := c.note(w, r, err)
		if t.Status == http.StatusNotFound {
			t.Title, t.Text = msg("Nobody of that name stands on the roster"), msg("Somebody who was taken off it has no sessions any more.")
		}
		return c.showSessions(w, r, t.Status, v, p, &t)
	}
	chain, err := c.Gate.Chain(r.Context())
	if err != nil {
		return err
	}
	return sessionsDone(w, r, url.Values{"done": {"of"}, "count": {strconv.Itoa(n)}, "who": {chain.Members[identity.PersonID(p.Person)].Name}})
}

func sessionsDone(w http.ResponseWriter, r *http.Request, q url.Values) error {
	http.Redirect(w, r, "/sessions?"+q.Encode(), http.StatusSeeOther)
	return nil
}
