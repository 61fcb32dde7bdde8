package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/reset"
)

// requestsPage is a list of requests, narrowed by what stands in its address.
type requestsPage struct {
	Group   string // open, ended or all
	Action  identity.Action
	Desk    string
	Case    string
	Mine    bool
	Lines   []requestLine
	Next    string // the address of the next page
	Actions []identity.Action
	Signs   bool // the visitor signs decisions
	Narrow  bool // some filter is set
}

// requestLine is one request in a list.
type requestLine struct {
	gate.Summary
	Status reset.Status
	Open   bool
	Where  string // the desk, in lists of several
}

// Roles are those whose signatures the plan asks for, each once.
func (l requestLine) Roles() []identity.Role {
	var all []identity.Role
	for _, n := range l.Needs {
		if !slices.Contains(all, n.Role) {
			all = append(all, n.Role)
		}
	}
	return all
}

// Waits says what an open request waits for, where its status does not say all
// of it: a word that the template knows.
func (l requestLine) Waits() string {
	switch {
	case l.Calling:
		return "call"
	case l.Status == reset.Approving:
		return "signature"
	case l.Status == reset.Waiting && l.WaitUntil != nil:
		return "time"
	case l.Status == reset.Uncertain:
		return "doubt"
	}
	return ""
}

// Since is the time that says most about it: when it was opened, or when it
// ended.
func (l requestLine) Since() time.Time {
	if l.Open {
		return l.OpenedAt
	}
	return l.ChangedAt
}

func requestLines(all []gate.Summary) []requestLine {
	out := make([]requestLine, 0, len(all))
	for _, s := range all {
		out = append(out, requestLine{s, reset.Status(s.Status), slices.Contains(openWords, s.Status), s.Desk})
	}
	return out
}

// openWords and endWords are the statuses of requests that may still reach a
// directory, and of those that have ended.
var (
	openWords = statusTexts(reset.OpenStatuses)
	endWords  = statusTexts([]reset.Status{reset.Done, reset.Failed, reset.RefusedEnd, reset.Denied, reset.CancelledBy, reset.ExpiredEnd, reset.Vetoed})
)

func statusTexts(all []reset.Status) (words []string) {
	for _, s := range all {
		words = append(words, string(s))
	}
	return words
}

func holdsRole(me gate.Me, roles ...identity.Role) bool {
	return slices.ContainsFunc(roles, func(r identity.Role) bool { return slices.Contains(me.Roles, r) })
}

const requestsOnPage = 30

// requests lists the requests that the visitor may see. A case code leads
// straight to its request.
func (c *console) requests(w http.ResponseWriter, r *http.Request, v visitor) error {
	q := r.URL.Query()
	p := requestsPage{Group: q.Get("show"), Action: identity.Action(q.Get("action")), Desk: q.Get("desk"), Case: q.Get("case"), Mine: q.Get("mine") != "",
		Actions: identity.Actions, Signs: holdsRole(v.Me, identity.Manager, identity.Security, identity.ResourceOwner)}
	f := gate.Filter{Action: p.Action, Desk: p.Desk, Case: p.Case, Mine: p.Mine, Cursor: q.Get("after"), Limit: requestsOnPage}
	switch {
	case p.Group == "ended":
		f.Statuses = endWords
	case p.Group == "all", p.Case != "":
		p.Group = "all"
	default:
		p.Group, f.Statuses = "open", openWords
	}
	if p.Mine {
		p.Group, f.Statuses = "open", nil
	}
	list, next, err := c.Gate.List(r.Context(), v.Caller, f)
	if err != nil {
		return err
	}
	if p.Case != "" && len(list) == 1 {
		http.Redirect(w, r, "/requests/"+url.PathEscape(list[0].ID), http.StatusSeeOther)
		return nil
	}
	p.Lines, p.Narrow = requestLines(list), p.Action != "" || p.Desk != "" || p.Case != "" || p.Mine
	if next != "" {
		q.Set("after", next)
		p.Next = "/requests?" + q.Encode()
	}
	return c.show(w, r, http.StatusOK, "requests", frame{Title: msg("Requests"), Me: &v.Me, Here: "requests", Live: "requests", Body: p})
}
