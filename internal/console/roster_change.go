package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/roster"
)

// roleChoice is a role that somebody can be given.
type roleChoice struct {
	Role    identity.Role
	Does    string
	Checked bool
}

// dutyWords say what each role is for, to whoever gives it.
var dutyWords = map[identity.Role]string{
	identity.Agent:         "Opens requests at a desk. Holds no other role, and never decides.",
	identity.Manager:       "Signs for those whose manager of record they are.",
	identity.Security:      "Signs for security, and sees every request.",
	identity.ResourceOwner: "Signs for what they own.",
	identity.Officer:       "Changes the roster and the policy, with another officer.",
	identity.Reviewer:      "Looks at requests afterwards.",
	identity.Auditor:       "Reads the ledger and every request, and changes nothing.",
	identity.Proofing:      "Attests in person that somebody showed a document.",
}

func roleChoices(has []identity.Role) []roleChoice {
	out := make([]roleChoice, len(identity.Roles))
	for i, r := range identity.Roles {
		out[i] = roleChoice{r, dutyWords[r], slices.Contains(has, r)}
	}
	return out
}

func rolesIn(form url.Values) (out []identity.Role) {
	for _, r := range form["role"] {
		out = append(out, identity.Role(r))
	}
	return out
}

type rosterInvitePage struct {
	Person, Name, Desk string
	Roles              []roleChoice
	Officers           int
}

// rosterLinkPage shows, once, the link that lets somebody in.
type rosterLinkPage struct {
	Name    string
	Link    string
	Another bool // passkey
}

// rosterInviteAsk is the form by which an officer invites somebody.
func (c *console) rosterInviteAsk(w http.ResponseWriter, r *http.Request, v visitor) error {
	return c.showInvite(w, r, v, http.StatusOK, rosterInvitePage{Roles: roleChoices(nil)}, nil)
}

func (c *console) showInvite(w http.ResponseWriter, r *http.Request, v visitor, status int, p rosterInvitePage, alert *trouble) error {
	if !slices.Contains(v.Me.Roles, identity.Officer) {
		return gate.ErrForbidden
	}
	view, err := c.Gate.Roster(r.Context(), v.Caller)
	if err != nil {
		return err
	}
	p.Officers = view.Officers
	return c.show(w, r, status, "roster_invite", frame{Title: msg("Invite a person"), Me: &v.Me, Here: "roster", Alert: alert, Body: p})
}

// rosterInvite makes the link and shows it, once.
func (c *console) rosterInvite(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	i := gate.Invitee{Person: identity.PersonID(strings.TrimSpace(r.PostForm.Get("person"))), Name: strings.TrimSpace(r.PostForm.Get("name")),
		Roles: rolesIn(r.PostForm), Desk: strings.TrimSpace(r.PostForm.Get("desk"))}
	token, err := c.Gate.Invite(r.Context(), v.Caller, i)
	if t := slipped(err); t != nil {
		return c.showInvite(w, r, v, t.Status, rosterInvitePage{Person: string(i.Person), Name: i.Name, Desk: i.Desk, Roles: roleChoices(i.Roles)}, t)
	}
	if err != nil {
		return err
	}
	return c.showLink(w, r, v, rosterLinkPage{Name: i.Name, Link: c.Gate.JoinLink(token)})
}

func (c *console) showLink(w http.ResponseWriter, r *http.Request, v visitor, p rosterLinkPage) error {
	return c.show(w, r, http.StatusOK, "roster_link", frame{Title: msg("Shown once"), Me: &v.Me, Here: "roster", Body: p})
}

// rosterPasskey invites somebody on the roster to register another passkey.
func (c *console) rosterPasskey(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	m, err := c.memberAsked(r, v, r.PostForm.Get("person"))
	if err != nil {
		return err
	}
	token, err := c.Gate.InvitePasskey(r.Context(), v.Caller, m.Person)
	if err != nil {
		return c.rosterFault(w, r, v, err)
	}
	return c.showLink(w, r, v, rosterLinkPage{Name: m.Name, Link: c.Gate.JoinLink(token), Another: true})
}

type rosterChangePage struct {
	gate.MemberView
	Choices []roleChoice
	Self    bool // an officer looks at themselves
	Officer int  // how many there are
}

// rosterChangeAsk offers an officer what can be proposed about a member.
func (c *console) rosterChangeAsk(w http.ResponseWriter, r *http.Request, v visitor) error {
	m, err := c.memberAsked(r, v, r.URL.Query().Get("person"))
	if err != nil {
		return err
	}
	return c.showChange(w, r, v, http.StatusOK, m, m.Roles, nil)
}

func (c *console) showChange(w http.ResponseWriter, r *http.Request, v visitor, status int, m gate.MemberView, roles []identity.Role, alert *trouble) error {
	p := rosterChangePage{MemberView: m, Choices: roleChoices(roles), Self: m.Person == v.Me.Person}
	return c.show(w, r, status, "roster_change", frame{Title: msg("Change of the roster"), Me: &v.Me, Here: "roster", Alert: alert, Body: p})
}

// memberAsked is the member that an officer asks about.
func (c *console) memberAsked(r *http.Request, v visitor, person string) (gate.MemberView, error) {
	if !slices.Contains(v.Me.Roles, identity.Officer) {
		return gate.MemberView{}, gate.ErrForbidden
	}
	view, err := c.Gate.Roster(r.Context(), v.Caller)
	if err != nil {
		return gate.MemberView{}, err
	}
	i := slices.IndexFunc(view.Members, func(m gate.MemberView) bool { return string(m.Person) == person })
	if i < 0 {
		return gate.MemberView{}, errNowhere
	}
	return view.Members[i], nil
}

// rosterChange proposes other roles or a removal, and leads whoever may sign it
// to its statement.
func (c *console) rosterChange(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	m, err := c.memberAsked(r, v, r.PostForm.Get("person"))
	if err != nil {
		return err
	}
	p := roster.Proposed{Kind: roster.SetRoles, Person: m.Person, Roles: rolesIn(r.PostForm), Desk: strings.TrimSpace(r.PostForm.Get("desk"))}
	if r.PostForm.Get("do") == "remove" {
		p = roster.Proposed{Kind: roster.RemoveMember, Person: m.Person}
	}
	id, err := c.Gate.ProposeChange(r.Context(), v.Caller, p)
	if t := slipped(err); t != nil {
		m.Desk = or(p.Desk, m.Desk)
		return c.showChange(w, r, v, t.Status, m, p.Roles, t)
	}
	if err != nil {
		return err
	}
	return c.toSign(w, r, v, id)
}

// toSign leads to a proposal's statement, or back to the roster whoever may
// not sign it.
func (c *console) toSign(w http.ResponseWriter, r *http.Request, v visitor, id string) error {
	view, err := c.Gate.Roster(r.Context(), v.Caller)
	if err != nil {
		return err
	}
	to := "/roster#proposals"
	if slices.ContainsFunc(view.Proposals, func(p gate.ProposalView) bool { return p.ID == id && p.MaySign }) {
		to = "/roster/proposals/" + url.PathEscape(id) + "/sign"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// rosterToken puts before an officer what lets an integration in. Signed, the
// page shows its token, once.
func (c *console) rosterToken(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked := r.URL.Query()
	var scopes []gate.Scope
	for _, s := range asked["scope"] {
		scopes = append(scopes, gate.Scope(s))
	}
	life, ok := tokenLives[asked.Get("days")]
	if !ok {
		return errForm
	}
	name := strings.TrimSpace(asked.Get("name"))
	paper, err := c.Gate.TokenPaper(r.Context(), v.Caller, name, scopes, life)
	if t := slipped(err); t != nil {
		return c.showRoster(w, r, v, t.Status, t, asked)
	}
	if err != nil {
		return err
	}
	p := signPage{
		Eyebrow: msg("Roster"), Heading: msg("Let in: %s", name), Integration: name,
		Lead:    msg("Until the time after “until”, whoever holds its token can do what stands after “scopes”, and nobody signs each time. Your passkey signs exactly the lines below."),
		signing: signing{Button: msg("Let it in with my passkey"), Back: "/roster#tokens"},
	}
	return c.showSign(w, r, v, "roster", p, paper, signTask{
		Post: "/api/v1/tokens", Fields: map[string]string{"statement_id": paper.ID}, Show: "token",
	})
}

const day = 24 * time.Hour

var tokenLives = map[string]time.Duration{"30": 30 * day, "90": 90 * day, "365": 365 * day}

// rosterRevoke shuts an integration out.
func (c *console) rosterRevoke(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	if err := c.Gate.RevokeToken(r.Context(), v.Caller, r.PostForm.Get("name")); err != nil {
		return c.rosterFault(w, r, v, err)
	}
	http.Redirect(w, r, "/roster#tokens", http.StatusSeeOther)
	return nil
}
