package rest_test

import (
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/client"
	"countersign/internal/gate"
	"countersign/internal/ledger"
)

func TestTheLedgerIsExploredOverHTTP(t *testing.T) {
	c := man(t)
	audit := as(c.token2("audit", gate.ScopeAudit))
	head := into[gate.LedgerHead](c.get("/ledger", audit).ok(200))
	found := into[gate.EntryPage](c.get("/ledger/entries?type=opened&case="+url.QueryEscape(c.request.Case), audit).ok(200))
	if len(found.Entries) != 1 || found.Entries[0].Stream != c.request.ID || found.Next != "" {
		t.Fatalf("found: %+v", found)
	}
	raw := c.get("/ledger/entries/"+itoa(found.Entries[0].Seq), audit).ok(200)
	e := into[gate.EntryView](raw)
	v, err := note.NewVerifier(head.Key)
	c.Must(err)
	signed, err := ledger.ParseCheckpoint(v.Name(), []byte(e.Checkpoint), note.VerifierList(v))
	c.Must(err)
	var path []ledger.Hash
	for _, text := range e.Proof {
		var h ledger.Hash
		c.Must(h.UnmarshalJSON([]byte(`"` + text + `"`)))
		path = append(path, h)
	}
	if err := ledger.CheckInclusion(path, signed.Size, signed.Root, e.Seq, ledger.HashLeaf([]byte(e.Leaf))); err != nil {
		t.Error(err)
	}
	if strings.Contains(string(raw.body), "Wren Ito") || strings.Contains(string(raw.body), "salt") {
		t.Errorf("it tells what it only commits to: %s", raw.body)
	}
	if p := into[gate.Consistency](c.get("/ledger/consistency?from=3", audit).ok(200)); p.From != 3 || p.To < head.Size || len(p.Proof) == 0 {
		t.Errorf("consistency: %+v", p)
	}
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func TestWhoHasNoOversightExploresNothing(t *testing.T) {
	c := man(t)
	reader := c.token2("reader", gate.ScopeRead)
	for _, path := range []string{"/ledger", "/ledger/entries", "/ledger/entries/0", "/ledger/entries/99999", "/ledger/consistency?from=1"} {
		c.get(path).no(401, "unauthenticated")
		c.get(path, as(c.token)).no(401, "unauthenticated") // a requester's session
		c.get(path, as(c.agent)).no(403, "forbidden")
		c.get(path, as(c.manager)).no(403, "forbidden")
		c.get(path, as(reader)).no(403, "forbidden")
	}
}

func TestWhatNamesNoEntryIsRefused(t *testing.T) {
	c := man(t)
	for path, want := range map[string]struct {
		status int
		code   string
	}{
		"/ledger/entries/99999":                {404, "not_found"},
		"/ledger/entries/-1":                   {400, "invalid"},
		"/ledger/entries/x":                    {400, "invalid"},
		"/ledger/entries/9007199254740992":     {400, "invalid"},
		"/ledger/entries?limit=0":              {400, "invalid"},
		"/ledger/entries?limit=101":            {400, "invalid"},
		"/ledger/entries?cursor=x":             {400, "invalid"},
		"/ledger/entries?since=yesterday":      {400, "invalid"},
		"/ledger/consistency":                  {400, "invalid"},
		"/ledger/consistency?from=99999":       {404, "not_found"},
		"/ledger/consistency?from=5&to=3":      {404, "not_found"},
		"/ledger/consistency?from=1&to=999999": {404, "not_found"},
	} {
		c.get(path, as(c.security)).no(want.status, want.code)
	}
}

func TestTheClientReadsTheLedger(t *testing.T) {
	c := man(t)
	server := httptest.NewServer(c.api)
	t.Cleanup(server.Close)
	to, err := client.New(server.URL)
	c.Must(err)
	to = to.As(c.security)
	head, err := to.LedgerHead(t.Context())
	c.Must(err)
	page, err := to.Entries(t.Context(), client.EntryFilter{Stream: c.request.ID, Until: c.Now().Add(time.Hour), Limit: 2})
	c.Must(err)
	if len(page.Entries) != 2 || page.Next == "" || page.Entries[0].Seq <= page.Entries[1].Seq || page.Entries[0].Case != c.request.Case {
		t.Fatalf("page: %+v", page)
	}
	e, err := to.Entry(t.Context(), page.Entries[0].Seq)
	c.Must(err)
	if e.Size != head.Size || ledger.HashLeaf([]byte(e.Leaf)).String() != e.Hash {
		t.Errorf("entry: %+v", e)
	}
	p, err := to.Consistency(t.Context(), 2, head.Size)
	c.Must(err)
	if p.From != 2 || p.To != head.Size || p.Checkpoint != head.Checkpoint {
		t.Errorf("consistency: %+v", p)
	}
}
