package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/reset"
)

type signPage struct {
	Eyebrow, Heading, Lead message
	signing
	Change  *gate.PolicyChange
	Request *gate.View // what the statement is about, in plain words
	// Integration is the name of one that is let in: its token is shown on the
	// same page, once it is signed.
	Integration string
}

// signing is the part of a page where somebody reads a statement and signs it
// with a passkey.
type signing struct {
	Lines      []statementLine
	Task       string // what the script needs, as JSON: see signTask
	Button     message
	Deny       bool
	NoteLabel  string // "" where the API takes no note
	NoteNeeded bool   // nothing is signed without one
	Look       int    // for how many seconds the text has to be seen before it can be signed
	Back       string
	BackText   string // "" is "Not now"
	Other      string // where to decide the other way, if anywhere
	OtherText  string // "" is "Deny instead"
	Lost       string // where to go when the session has ended; "" is to the staff's sign-in
	Without    string // what to do where there is no script, besides switching it on
}

// statementLine is one line of a statement in two parts, so that its name can
// stand out. Joined again they are exactly its bytes, line end included.
type statementLine struct {
	Name, Rest string
	Mark       bool // it should not be overlooked
}

// weighty are lines that change what a decision means.
var weighty = []string{
	"class: privileged\n", "class: executive\n", "class: break_glass\n", "class: unknown\n", "class: service\n", "tier: high\n", "tier: critical\n",
}

func statementLines(text string) []statementLine {
	var out []statementLine
	for l := range strings.Lines(text) {
		name, _, ok := strings.Cut(l, ": ")
		if !ok {
			name = ""
		}
		out = append(out, statementLine{name, l[len(name):], slices.Contains(weighty, l)})
	}
	return out
}

// signTask is what the script does with the statement: check that the text on
// the page is what the options' challenge is the hash of, ask the passkey, and
// post the fields together with its answer.
type signTask struct {
	Options any               `json:"options"`
	Post    string            `json:"post"`
	Fields  map[string]string `json:"fields"`
	Next    string            `json:"next,omitempty"` // where to go afterwards,
	Show    string            `json:"show,omitempty"` // or which member of the answer to show here
}

// of fills in what is signed, and what the script has to do with it.
func (s signing) of(text string, options any, t signTask) (signing, error) {
	t.Options = options
	raw, err := json.Marshal(t)
	if err != nil {
		return s, fmt.Errorf("console: writing what is to be signed: %w", err)
	}
	s.Lines, s.Task = statementLines(text), string(raw)
	return s, nil
}

func (c *console) showSign(w http.ResponseWriter, r *http.Request, v visitor, here string, p signPage, paper gate.Paper, t signTask) (err error) {
	if p.signing, err = p.of(paper.Statement, paper.Options, t); err != nil {
		return err
	}
	return c.show(w, r, http.StatusOK, "sign", frame{Title: p.Heading, Me: &v.Me, Here: here, Body: p})
}

// requestSign puts the statement of a request before somebody who may sign it.
func (c *console) requestSign(w http.ResponseWriter, r *http.Request, v visitor) error {
	id, d := r.PathValue("id"), reset.Decision(r.URL.Query().Get("decision"))
	if d == "" {
		d = reset.Approve
	}
	what, known := map[reset.Decision]string{reset.Approve: "decisions", reset.Deny: "decisions", reset.InOrder: "reviews", reset.Suspect: "reviews"}[d]
	if !known {
		return errNowhere
	}
	paper, err := c.Gate.Statement(r.Context(), v.Caller, id, d)
	var view gate.View
	if err == nil {
		view, err = c.Gate.Request(r.Context(), v.Caller, id)
	}
	code := codeOf(err)
	if code == reset.RequestEnded || code == reset.SignedAlready || err == nil && settled(view, v.Me, d) {
		http.Redirect(w, r, "/requests/"+url.PathEscape(id), http.StatusSeeOther) // its page says how it stands
		return nil
	}
	if err != nil {
		return err
	}
	p := requestSignPage(view, d)
	p.Look = paper.Look
	return c.showSign(w, r, v, "approvals", p, paper, signTask{
		Post:   "/api/v1/requests/" + id + "/" + what,
		Fields: map[string]string{"decision": string(d), "statement_id": paper.ID},
		Next:   "/requests/" + id,
	})
}

// settled reports whether there is nothing left to sign for whoever came.
func settled(view gate.View, me gate.Me, d reset.Decision) bool {
	if d == reset.InOrder || d == reset.Suspect {
		return !view.ReviewOwed
	}
	return !slices.Contains(reset.OpenStatuses, view.Status) || d == reset.Approve && signedBy(view, me)
}

func requestSignPage(view gate.View, d reset.Decision) signPage {
	action := msg(say(actionWords, view.Action))
	p := signPage{Eyebrow: msg("Case %s", view.Case), Request: &view, signing: signing{Back: "/requests/" + view.ID}}
	if d == reset.Deny {
		p.Deny, p.Button = true, msg("Deny with my passkey")
		p.Heading, p.Lead = msg("Deny: %s for %s", action, view.Subject.Name), msg("One denial ends the request. Your passkey signs exactly the lines below.")
		p.NoteLabel, p.NoteNeeded = "Why (stays on record)", true
		return p
	}
	if d == reset.InOrder || d == reset.Suspect {
		return reviewSignPage(p, view, d)
	}
	p.Button, p.NoteLabel = msg("Approve with my passkey"), "Note (stays on record)"
	p.Heading = msg("Approve: %s for %s", action, view.Subject.Name)
	p.Lead = msg("Read the lines. Your passkey signs exactly these, and nothing else: if any of it changes, your signature no longer counts.")
	p.Other = "/requests/" + view.ID + "/sign?decision=denial"
	return p
}

// reviewSignPage is for somebody who took no part and looks at it afterwards.
func reviewSignPage(p signPage, view gate.View, d reset.Decision) signPage {
	action := msg(say(actionWords, view.Action))
	p.Lead = msg("You took no part in this request. Look at all of it on its page first. Your passkey signs exactly the lines below.")
	if d == reset.Suspect {
		p.Heading, p.Button = msg("Suspicious: %s for %s", action, view.Subject.Name), msg("Sign that it is suspicious")
		p.Deny, p.NoteLabel, p.NoteNeeded = true, "Why (stays on record)", true
		return p
	}
	p.Heading, p.Button = msg("In order: %s for %s", action, view.Subject.Name), msg("Sign that it was in order")
	p.NoteLabel = "Note (stays on record)"
	p.Other, p.OtherText = "/requests/"+view.ID+"/sign?decision="+string(reset.Suspect), "It is suspicious"
	return p
}

// proposalSign puts a change of the roster before an officer.
func (c *console) proposalSign(w http.ResponseWriter, r *http.Request, v visitor) error {
	id := r.PathValue("id")
	paper, err := c.Gate.ProposalPaper(r.Context(), v.Caller, id)
	if err != nil {
		return err
	}
	p := signPage{
		Eyebrow: msg("Roster"), Heading: msg("Countersign a change of the roster"),
		Lead:    msg("If somebody is to join, have them read you the characters after “passkey”, on the telephone or in person, and compare. Your passkey signs exactly the lines below."),
		signing: signing{Button: msg("Countersign with my passkey"), Back: "/approvals"},
	}
	if p.Change = paper.Policy; p.Change != nil {
		p.Eyebrow, p.Heading = msg("Policy"), msg("Countersign a new policy")
		p.Lead = msg("Read what it changes, and the policy itself. Your passkey signs exactly the lines below, which name both by their hashes.")
	}
	return c.showSign(w, r, v, "approvals", p, paper, signTask{
		Post: "/api/v1/roster/proposals/" + id + "/signatures", Fields: map[string]string{}, Next: "/approvals",
	})
}
