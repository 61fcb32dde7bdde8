package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/roster"
)

func (c *console) rosterRoutes() map[string]staffHandler {
	return map[string]staffHandler{
		"GET /roster":                       c.roster,
		"GET /roster/history":               c.rosterHistory,
		"GET /roster/invite":                c.rosterInviteAsk,
		"POST /roster/invite":               c.rosterInvite,
		"POST /roster/invitations/withdraw": c.rosterWithdraw,
		"GET /roster/change":                c.rosterChangeAsk,
		"POST /roster/change":               c.rosterChange,
		"POST /roster/passkey":              c.rosterPasskey,
		"GET /roster/tokens/sign":           c.rosterToken,
		"POST /roster/tokens/revoke":        c.rosterRevoke,
	}
}

// rosterPage is who may sign, and what is about to change about it.
type rosterPage struct {
	gate.RosterView
	Me          gate.Me
	Invitations []gate.InvitationView
	Tokens      []gate.TokenView
	Scopes      []gate.Scope
	History     []rosterEntry
	More        bool       // there is more history
	Officer     bool       // the visitor may change things
	Asked       url.Values // what was typed to let an integration in, where it could not be
	Refused     *trouble   // why it could not
	names       map[identity.PersonID]string
}

// recent is how many entries of the history the page begins with.
const recent = 6

// Sole reports whether one officer decides alone.
func (p rosterPage) Sole() bool { return p.Officers == 1 }

// Name is what a person is called; their id where nobody knows.
func (p rosterPage) Name(id identity.PersonID) string { return nameOf(p.names, id) }

// Title says what a proposal does.
func (p rosterPage) Title(v gate.ProposalView) message {
	return proposed(v.Kind, or(v.Name, string(v.Person)))
}

// May says what a token's scope lets it do.
func (rosterPage) May(s gate.Scope) string { return say(scopeWords, s) }

var scopeWords = map[gate.Scope]string{
	gate.ScopeOpen:   "open requests",
	gate.ScopeRead:   "read requests",
	gate.ScopeEnrol:  "register factors for people",
	gate.ScopeAudit:  "read the ledger, bundles and how the parts are",
	gate.ScopeReport: "report facts about people and devices",
}

// Ticked reports whether a scope was asked for.
func (p rosterPage) Ticked(s gate.Scope) bool { return slices.Contains(p.Asked["scope"], string(s)) }

func (c *console) roster(w http.ResponseWriter, r *http.Request, v visitor) error {
	return c.showRoster(w, r, v, http.StatusOK, nil, nil)
}

func (c *console) showRoster(w http.ResponseWriter, r *http.Request, v visitor, status int, alert *trouble, asked url.Values) (err error) {
	p := rosterPage{Me: v.Me, Scopes: gate.Scopes, Asked: asked, Officer: slices.Contains(v.Me.Roles, identity.Officer)}
	if p.RosterView, err = c.Gate.Roster(r.Context(), v.Caller); err != nil {
		return err
	}
	if p.Invitations, err = c.Gate.Invitations(r.Context(), v.Caller); err != nil {
		return err
	}
	if p.Tokens, err = c.Gate.Tokens(r.Context(), v.Caller); err != nil {
		return err
	}
	history, err := c.Gate.RosterHistory(r.Context(), v.Caller, 0, recent)
	if err != nil {
		return err
	}
	p.names = history.Names
	p.History, p.More = toldHistory(history), history.Before > 0
	if asked != nil { // it is said beside the form, which is far down the page
		p.Refused, alert = alert, nil
	}
	return c.show(w, r, status, "roster", frame{Title: msg("Roster"), Me: &v.Me, Here: "roster", Alert: alert, Body: p})
}

type rosterHistoryPage struct {
	Entries []rosterEntry
	Older   string // the address of the next page; "" at the end
}

// rosterHistory is how the roster came to be, page by page.
func (c *console) rosterHistory(w http.ResponseWriter, r *http.Request, v visitor) error {
	var before uint64
	if at := r.URL.Query().Get("before"); at != "" {
		var err error
		if before, err = strconv.ParseUint(at, 10, 64); err != nil {
			return errNowhere
		}
	}
	h, err := c.Gate.RosterHistory(r.Context(), v.Caller, before, 30)
	if err != nil {
		return err
	}
	p := rosterHistoryPage{Entries: toldHistory(h)}
	if h.Before > 0 {
		p.Older = "/roster/history?" + url.Values{"before": {strconv.FormatUint(h.Before, 10)}}.Encode()
	}
	return c.show(w, r, http.StatusOK, "roster_history", frame{Title: msg("History of the roster"), Me: &v.Me, Here: "roster", Body: p})
}

// rosterWithdraw makes an invitation worthless.
func (c *console) rosterWithdraw(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	if err := c.Gate.WithdrawInvitation(r.Context(), v.Caller, r.PostForm.Get("invitation")); err != nil {
		return c.rosterFault(w, r, v, err)
	}
	http.Redirect(w, r, "/roster#invitations", http.StatusSeeOther)
	return nil
}

// rosterFault says a refusal above the roster as it stands now: whoever came
// too late sees at once what happened meanwhile.
func (c *console) rosterFault(w http.ResponseWriter, r *http.Request, v visitor, err error) error {
	t := slipped(err)
	if t == nil {
		return err
	}
	return c.showRoster(w, r, v, t.Status, t, nil)
}

// slipped is a refusal that belongs on the page where it came about; nil for
// whatever is a page of its own.
func slipped(err error) *trouble {
	switch code, text := refusal(err); code {
	case "invalid":
		return &trouble{http.StatusUnprocessableEntity, msg("That cannot be done"), spoken(text)}
	case "roster_refused":
		return &trouble{http.StatusConflict, msg("The roster does not allow this"), spoken(text)}
	case "not_found", "conflict", "on_probation", "not_available", "too_many":
		t := describe(err)
		return &t
	}
	return nil
}

// rosterEntry is an entry of the history in words.
type rosterEntry struct {
	gate.RosterEntry
	Title   message
	ByName  string
	Signed  []string // the names of whoever signed
	Icon    string
	Verdict string
	Came    bool // whom it concerns brought it up, by redeeming an invitation
}

func toldHistory(h gate.RosterHistory) []rosterEntry {
	names, out := h.Names, make([]rosterEntry, len(h.Entries))
	for i, e := range h.Entries {
		who := or(e.Name, nameOf(names, e.Person))
		out[i] = rosterEntry{RosterEntry: e, Title: proposed(e.Kind, who), ByName: nameOf(names, identity.PersonID(e.By)),
			Icon: outcomeIcons[e.Outcome], Verdict: outcomeWords[e.Outcome]}
		if e.Outcome == gate.RosterInEffect {
			out[i].Title = happened(e.Kind, who)
		}
		if e.By == string(e.Person) {
			out[i].ByName = who // they may not be on the roster yet
			out[i].Came = e.Kind == roster.AddMember || e.Kind == roster.AddPasskey
		}
		for _, s := range e.Signers {
			out[i].Signed = append(out[i].Signed, nameOf(names, s))
		}
	}
	return out
}

var (
	outcomeWords = map[string]string{gate.RosterOpen: "waits for signatures", gate.RosterInEffect: "in effect",
		gate.RosterLapsed: "lapsed without enough signatures", gate.RosterSuperseded: "dropped, because another policy came into force"}
	outcomeIcons = map[string]string{gate.RosterOpen: "hourglass", gate.RosterInEffect: "circle-check", gate.RosterLapsed: "timer", gate.RosterSuperseded: "circle-x"}
)

// proposed says what a change would do.
func proposed(kind roster.Kind, who string) message {
	switch kind {
	case roster.AddMember:
		return msg("%s is to join the roster", who)
	case roster.AddPasskey:
		return msg("%s is to have another passkey", who)
	case roster.SetRoles:
		return msg("%s is to have other roles", who)
	case roster.RemoveMember:
		return msg("%s is to leave the roster", who)
	case roster.PublishPolicy:
		return msg("Another policy is to come into force")
	}
	return verbatim(plain(string(kind)))
}

// happened says what a change did.
func happened(kind roster.Kind, who string) message {
	switch kind {
	case gate.Founding:
		return msg("%s founded the roster", who)
	case roster.AddMember:
		return msg("%s joined the roster", who)
	case roster.AddPasskey:
		return msg("%s got another passkey", who)
	case roster.SetRoles:
		return msg("%s got other roles", who)
	case roster.RemoveMember:
		return msg("%s left the roster", who)
	case roster.PublishPolicy:
		return msg("Another policy came into force")
	}
	return verbatim(plain(string(kind)))
}

func nameOf(names map[identity.PersonID]string, id identity.PersonID) string {
	return or(names[id], string(id))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
