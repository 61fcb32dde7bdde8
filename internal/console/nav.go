package console

import (
	"net/http"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/identity"
)

// entry is a place in the navigation of staff.
type entry struct {
	Name  string // what frame.Here says
	Path  string
	Label string
	Icon  string
	Group group
	// Roles see it; none: everybody on the roster.
	Roles []identity.Role
}

type group string

const (
	work    group = "Work"
	look    group = "Oversight"
	operate group = "Set-up"
)

var (
	deciding   = []identity.Role{identity.Manager, identity.Security, identity.ResourceOwner, identity.Officer}
	overseeing = []identity.Role{identity.Security, identity.Officer, identity.Auditor, identity.Reviewer}
)

// entries are in the order of the page. Reviews belong after "To sign", and
// delegations and emergencies after "Roster", once there are such pages.
var entries = []entry{
	{"desk", "/desk", "Desk", "headset", work, []identity.Role{identity.Agent}},
	{"approvals", "/approvals", "To sign", "signature", work, deciding},
	{"proofing", "/proofing", "In person", "id-card", work, []identity.Role{identity.Proofing}},
	{"requests", "/requests", "Requests", "list", work, slices.Concat(deciding, overseeing)},
	{"reports", "/reports", "Reports", "bar-chart-3", look, overseeing},
	{"ledger", "/ledger", "Ledger", "scroll-text", look, overseeing},
	{"policy", "/policy", "Policy", "scale", operate, overseeing},
	{"roster", "/roster", "Roster", "users", operate, nil},
	{"parts", "/parts", "Directories and channels", "plug", operate, overseeing},
	{"setup", "/setup", "First steps", "list-checks", operate, []identity.Role{identity.Officer}},
}

// open reports whether somebody with these roles finds the entry.
func (e entry) open(me gate.Me) bool {
	return len(e.Roles) == 0 || slices.ContainsFunc(e.Roles, func(r identity.Role) bool { return slices.Contains(me.Roles, r) })
}

// section is a group of the navigation, as one member of staff sees it.
type section struct {
	Title   group
	Entries []entry
}

func sections(me gate.Me) []section {
	var out []section
	for _, e := range entries {
		if !e.open(me) {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Title != e.Group {
			out = append(out, section{Title: e.Group})
		}
		last := &out[len(out)-1]
		last.Entries = append(last.Entries, e)
	}
	return out
}

// home is where signing in leads: the first place that is theirs.
func home(me gate.Me) string {
	for _, e := range entries {
		if e.open(me) {
			return e.Path
		}
	}
	return "/roster"
}

// goHome takes staff to where their work is.
func (c *console) goHome(w http.ResponseWriter, r *http.Request, v visitor) error {
	http.Redirect(w, r, home(v.Me), http.StatusSeeOther)
	return nil
}
