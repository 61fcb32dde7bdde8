package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"countersign/internal/gate"
)

// ledgerEntryPage is one entry, in words and as its exact bytes.
type ledgerEntryPage struct {
	gate.EntryView
	Head    gate.LedgerHead
	Members []member
	Request bool // its stream is a request's
}

// Last reports whether no entry comes after it.
func (p ledgerEntryPage) Last() bool { return p.Seq+1 >= p.Size }

// Next and Before number the entries beside it.
func (p ledgerEntryPage) Next() uint64   { return p.Seq + 1 }
func (p ledgerEntryPage) Before() uint64 { return p.Seq - 1 }

// member is one member of an entry's body.
type member struct {
	Name, Value string
	Sealed      bool // a fingerprint stands for the value
	Long        bool
}

// sealed is how a commitment looks.
var sealed = regexp.MustCompile(`^sha256:[A-Za-z0-9_-]{43}$`)

const longMember = 120

// members takes the body of a leaf apart.
func members(leaf string) []member {
	var l struct{ Body map[string]json.RawMessage }
	if json.Unmarshal([]byte(leaf), &l) != nil {
		return nil // the exact bytes stand below
	}
	var all []member
	for name, raw := range l.Body {
		m := member{Name: name, Value: readable(raw)}
		m.Sealed, m.Long = sealed.MatchString(m.Value), len(m.Value) > longMember
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// readable is a text as it is, and anything else as indented JSON.
func readable(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return string(raw)
	}
	return out.String()
}

func (c *console) ledgerEntry(w http.ResponseWriter, r *http.Request, v visitor) error {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 53)
	if err != nil {
		return errNowhere
	}
	e, err := c.Gate.Entry(r.Context(), v.Caller, seq)
	if err != nil {
		return err
	}
	head, err := c.Gate.LedgerHead(r.Context(), v.Caller)
	if err != nil {
		return err
	}
	page := ledgerEntryPage{EntryView: e, Head: head, Members: members(e.Leaf), Request: e.Case != ""}
	return c.show(w, r, http.StatusOK, "ledger_entry", frame{Title: msg("Entry %d", seq), Me: &v.Me, Here: "ledger", Body: page})
}
