package console

import (
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

type casePage struct {
	gate.CaseView
	Status reset.Status
	Steps  []step
	Ways   []way
	// Waits: the page has to be looked at again for something to change.
	Waits bool
	// Still: the reader asked the page not to look again by itself.
	Still     bool
	CanCancel bool
	Password  bool // what waits to be shown is a password
	Over      bool
}

// step is one of the stages a case goes through.
type step struct {
	Text  message
	State string // done, now, later
}

// way is one alternative: all its methods are needed.
type way []proof.Method

// caseShow is the requester's view of their case.
func (c *console) caseShow(w http.ResponseWriter, r *http.Request) error {
	v, err := c.ownCase(r)
	if unknownSession(err) {
		return c.askCode(w, r, nil)
	}
	if err != nil {
		return err
	}
	return c.showCase(w, r, http.StatusOK, v, nil)
}

func (c *console) showCase(w http.ResponseWriter, r *http.Request, status int, v gate.CaseView, t *trouble) error {
	p := newCasePage(v)
	p.Still = r.Method == http.MethodGet && r.URL.Query().Has("still")
	return c.show(w, r, status, "case_show", frame{Title: msg("Case %s", v.Case), Live: "case", Alert: t, Body: p})
}

func (c *console) ownCase(r *http.Request) (gate.CaseView, error) {
	token, err := c.Signin.CaseToken(r)
	if err != nil {
		return gate.CaseView{}, err
	}
	return c.Gate.Case(r.Context(), token)
}

// unknownSession reports whether an error only says that this browser has no
// case open.
func unknownSession(err error) bool {
	code := codeOf(err)
	return code == "session_unknown" || code == "unauthenticated"
}

// caseTrouble shows the case together with what went wrong.
func (c *console) caseTrouble(w http.ResponseWriter, r *http.Request, why error) error {
	if unknownSession(why) {
		return c.askCode(w, r, gate.ErrSession)
	}
	v, err := c.ownCase(r)
	if err != nil {
		return why
	}
	t := c.note(w, r, why)
	return c.showCase(w, r, t.Status, v, &t)
}

func newCasePage(v gate.CaseView) casePage {
	p := casePage{CaseView: v, Status: reset.Status(v.Status)}
	for _, path := range v.Paths {
		p.Ways = append(p.Ways, way(path))
	}
	switch p.Status {
	case reset.Approving, reset.Waiting:
		p.Waits, p.CanCancel = true, v.Mine
	case reset.Ready, reset.OrderedUp:
		p.Waits, p.CanCancel = true, v.Mine
	case reset.Dispatching, reset.Uncertain:
		p.Waits = true
	case reset.Proving:
		p.CanCancel = v.Mine
	default:
		p.Over, p.Password = true, p.Status == reset.Done && v.Action == identity.PasswordReset
	}
	p.Steps = steps(p.Status)
	return p
}

// steps tells how far a case has come; nil for one that ended otherwise.
func steps(s reset.Status) []step {
	at := map[reset.Status]int{
		reset.Proving: 0, reset.Approving: 1, reset.Waiting: 1,
		reset.Ready: 2, reset.OrderedUp: 2, reset.Dispatching: 2, reset.Uncertain: 2, reset.Done: 3,
	}
	now, ok := at[s]
	if !ok {
		return nil
	}
	all := []step{{Text: msg("You prove that it is you")}, {Text: msg("Others check, where the rules ask for it")}, {Text: msg("It is carried out")}}
	for i := range all {
		all[i].State = map[bool]string{true: "done", false: "later"}[i < now]
		if i == now {
			all[i].State = "now"
		}
	}
	return all
}

// LookAgain is after how many seconds a waiting page without a script looks
// again.
func (p casePage) LookAgain() int {
	switch p.Status {
	case reset.Ready, reset.OrderedUp, reset.Dispatching:
		return 4
	}
	return 20
}
