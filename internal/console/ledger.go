package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"countersign/internal/gate"
)

// ledgerPage is the head of the ledger and its newest entries, or those that
// somebody looked for.
type ledgerPage struct {
	Head   gate.LedgerHead
	Search ledgerSearch
	Found  gate.EntryPage
	Types  []string
	// Unclear: nothing on the ledger is named like what was typed.
	Unclear bool
}

// ledgerSearch is what the reader typed.
type ledgerSearch struct {
	Text, Type string
	Until      string // a day, the last one wanted; UTC
	Cursor     string
}

// Older is the address of the next page, given its cursor.
func (s ledgerSearch) Older(cursor string) string {
	q := url.Values{"before": {cursor}}
	for name, value := range map[string]string{"q": s.Text, "type": s.Type, "until": s.Until} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/ledger?" + q.Encode()
}

// Any reports whether something was looked for.
func (s ledgerSearch) Any() bool { return s.Text != "" || s.Type != "" || s.Until != "" }

var (
	entryNumber = regexp.MustCompile(`^#?([0-9]{1,16})$`)
	streamName  = regexp.MustCompile(`^(?:[a-z]{2,5}_[0-9a-z-]{1,80}|roster)$`)
	caseCode    = regexp.MustCompile(`^[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{4}$`)
)

// filter is what the gate is asked for; false where the text names nothing
// that an entry could belong to.
func (s ledgerSearch) filter() (f gate.EntryFilter, clear bool) {
	f = gate.EntryFilter{Type: s.Type, Cursor: s.Cursor}
	if s.Until != "" {
		day, err := time.Parse(time.DateOnly, s.Until)
		if err != nil {
			return f, false
		}
		f.Until = day.AddDate(0, 0, 1)
	}
	switch {
	case s.Text == "":
	case streamName.MatchString(s.Text):
		f.Stream = s.Text
	case caseCode.MatchString(s.Text):
		f.Case = s.Text
	default:
		return f, false
	}
	return f, true
}

func (c *console) ledgerRoutes() map[string]staffHandler {
	return map[string]staffHandler{
		"GET /ledger":             c.ledger,
		"GET /ledger/checkpoints": c.ledgerCheckpoints,
		"GET /ledger/{seq}":       c.ledgerEntry,
	}
}

func (c *console) ledger(w http.ResponseWriter, r *http.Request, v visitor) error {
	q := r.URL.Query()
	s := ledgerSearch{Text: strings.TrimSpace(q.Get("q")), Type: q.Get("type"), Until: q.Get("until"), Cursor: q.Get("before")}
	if m := entryNumber.FindStringSubmatch(s.Text); m != nil {
		http.Redirect(w, r, "/ledger/"+m[1], http.StatusSeeOther)
		return nil
	}
	head, err := c.Gate.LedgerHead(r.Context(), v.Caller)
	if err != nil {
		return err
	}
	page := ledgerPage{Head: head, Search: s, Types: eventTypes}
	filter, clear := s.filter()
	if page.Unclear = !clear; clear {
		if page.Found, err = c.Gate.Entries(r.Context(), v.Caller, filter); err != nil {
			return err
		}
	}
	return c.show(w, r, http.StatusOK, "ledger", frame{Title: msg("Ledger"), Me: &v.Me, Here: "ledger", Body: page})
}

// ledgerCheckpoints is about the signed heads: those that this browser has
// seen, one that the reader brings along, and by which key they are checked.
func (c *console) ledgerCheckpoints(w http.ResponseWriter, r *http.Request, v visitor) error {
	head, err := c.Gate.LedgerHead(r.Context(), v.Caller)
	if err != nil {
		return err
	}
	return c.show(w, r, http.StatusOK, "ledger_checkpoints", frame{Title: msg("Checkpoints"), Me: &v.Me, Here: "ledger", Body: head})
}
