package gate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof"
	"countersign/internal/store"
)

// told is a house with one whole request on its ledger.
func told(t *testing.T) (h *gatetest.House, request gate.View) {
	h = gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	id, _ := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	request, err := h.Gate.Request(t.Context(), gatetest.Staff(gatetest.Sorrel), id)
	h.Must(err)
	return h, request
}

// pages follows the cursors to the end.
func pages(h *gatetest.House, f gate.EntryFilter) (all []gate.EntryLine) {
	h.T.Helper()
	for range 1000 {
		p, err := h.Gate.Entries(h.T.Context(), gatetest.Staff(gatetest.Sorrel), f)
		h.Must(err)
		all = append(all, p.Entries...)
		if f.Cursor = p.Next; p.Next == "" {
			return all
		}
	}
	h.T.Fatal("the pages never end")
	return nil
}

func every(h *gatetest.House) []store.Record {
	h.T.Helper()
	records, err := h.Store.Records(h.T.Context(), 0, 10_000)
	h.Must(err)
	return records
}

func TestEveryEntryIsListedOnceNewestFirst(t *testing.T) {
	h, _ := told(t)
	want := every(h)
	slices.Reverse(want)
	for _, limit := range []int{1, 3, 25, 100} {
		got := pages(h, gate.EntryFilter{Limit: limit})
		if len(got) != len(want) {
			t.Fatalf("limit %d: %d entries, want %d", limit, len(got), len(want))
		}
		for i, l := range got {
			if w := want[i]; l.Seq != w.Seq || l.Type != w.Type || l.Stream != w.Stream || l.Version != w.Version || l.Actor != w.Actor || !l.At.Equal(w.At) {
				t.Errorf("limit %d: %+v, want %+v", limit, l, w.Leaf)
			}
		}
	}
}

func TestEntriesAreFoundByStreamCaseTypeAndTime(t *testing.T) {
	h, request := told(t)
	all := every(h)
	ours := func(r store.Record) bool { return r.Stream == request.ID }
	opened := h.State(request.ID).OpenedAt
	for name, try := range map[string]struct {
		filter gate.EntryFilter
		wanted func(store.Record) bool
	}{
		"a request":             {gate.EntryFilter{Stream: request.ID}, ours},
		"a case":                {gate.EntryFilter{Case: strings.ToLower(strings.ReplaceAll(request.Case, "-", " "))}, ours},
		"the roster":            {gate.EntryFilter{Stream: "roster"}, func(r store.Record) bool { return r.Stream == "roster" }},
		"a type":                {gate.EntryFilter{Type: "roster_countersigned"}, func(r store.Record) bool { return r.Type == "roster_countersigned" }},
		"a type within a case":  {gate.EntryFilter{Case: request.Case, Type: "voted"}, func(r store.Record) bool { return ours(r) && r.Type == "voted" }},
		"since then":            {gate.EntryFilter{Since: opened}, func(r store.Record) bool { return !r.At.Before(opened) }},
		"until then":            {gate.EntryFilter{Until: opened}, func(r store.Record) bool { return r.At.Before(opened) }},
		"between":               {gate.EntryFilter{Since: opened, Until: opened.Add(time.Millisecond)}, func(r store.Record) bool { return r.At.Equal(opened) }},
		"long before all of it": {gate.EntryFilter{Until: opened.AddDate(-9, 0, 0)}, func(store.Record) bool { return false }},
		"no such case":          {gate.EntryFilter{Case: "ZZZZ-ZZZZ"}, func(store.Record) bool { return false }},
		"no such stream":        {gate.EntryFilter{Stream: "req_'; --"}, func(store.Record) bool { return false }},
		"no such type":          {gate.EntryFilter{Type: "voted "}, func(store.Record) bool { return false }},
		"a case elsewhere":      {gate.EntryFilter{Case: request.Case, Stream: "roster"}, func(store.Record) bool { return false }},
	} {
		var want, got []uint64
		for _, r := range slices.Backward(all) {
			if try.wanted(r) {
				want = append(want, r.Seq)
			}
		}
		try.filter.Limit = 2
		for _, l := range pages(h, try.filter) {
			got = append(got, l.Seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestARequestsEntriesNameItsCaseAndOthersNone(t *testing.T) {
	h, request := told(t)
	for _, l := range pages(h, gate.EntryFilter{}) {
		if want := map[bool]string{true: request.Case}[l.Stream == request.ID]; l.Case != want {
			t.Errorf("entry %d of %s has the case %q, want %q", l.Seq, l.Stream, l.Case, want)
		}
	}
}

func TestAPageLooksAtABoundedNumberOfEntries(t *testing.T) {
	h, _ := told(t)
	var drafts []store.Draft
	for range 1500 {
		drafts = append(drafts, store.Draft{Type: "counted", Open: []byte(`{}`)})
	}
	_, err := h.Store.Commit(t.Context(), store.Commit{Stream: "not_1", Actor: "system", At: h.Now(), Events: drafts})
	h.Must(err)
	p, err := h.Gate.Entries(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.EntryFilter{Type: "voted"})
	h.Must(err)
	if len(p.Entries) != 0 || p.Looked != 1000 || p.Next == "" {
		t.Errorf("the first page looked at %d, found %d, goes on at %q", p.Looked, len(p.Entries), p.Next)
	}
	if got := pages(h, gate.EntryFilter{Type: "voted"}); len(got) != 1 {
		t.Errorf("in the end %d were found", len(got))
	}
}

func TestAClockThatWasBehindHidesNoEntries(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Pass(24 * time.Hour)
	since := h.Now()
	opened := h.Open(gatetest.Wren, identity.Unlock)
	_, err := h.Store.Commit(t.Context(), store.Commit{Stream: "not_1", Actor: "system", At: since.Add(-time.Hour), Events: []store.Draft{{Type: "counted", Open: []byte(`{}`)}}})
	h.Must(err)
	for _, f := range []gate.EntryFilter{{Since: since}, {Since: since, Type: "opened"}, {Since: since, Limit: 1}, {Since: since, Stream: opened.ID}} {
		got := pages(h, f)
		if !slices.ContainsFunc(got, func(l gate.EntryLine) bool { return l.Stream == opened.ID && l.Type == "opened" }) {
			t.Errorf("%+v: the request is not among %+v", f, got)
		}
		if slices.ContainsFunc(got, func(l gate.EntryLine) bool { return l.At.Before(since) }) {
			t.Errorf("%+v: %+v", f, got)
		}
	}
}

// Old entries are looked at page by page, never all at once.
func TestAPageOfWhatIsNewEndsWithinItsBound(t *testing.T) {
	h, _ := told(t)
	var drafts []store.Draft
	for range 1500 {
		drafts = append(drafts, store.Draft{Type: "counted", Open: []byte(`{}`)})
	}
	_, err := h.Store.Commit(t.Context(), store.Commit{Stream: "not_1", Actor: "system", At: h.Now(), Events: drafts})
	h.Must(err)
	h.Pass(24 * time.Hour)
	f := gate.EntryFilter{Since: h.Now()}
	one := h.Open(gatetest.Wren, identity.Unlock)
	p, err := h.Gate.Entries(t.Context(), gatetest.Staff(gatetest.Sorrel), f)
	h.Must(err)
	if len(p.Entries) == 0 || p.Entries[len(p.Entries)-1].Stream != one.ID || p.Looked != 1000 || p.Next == "" {
		t.Errorf("the first page looked at %d, found %+v, goes on at %q", p.Looked, p.Entries, p.Next)
	}
	if got := pages(h, f); len(got) != len(p.Entries) {
		t.Errorf("in the end %d were found, on the first page %d", len(got), len(p.Entries))
	}
}

func TestAnEntryIsProvedAgainstTheSignedHead(t *testing.T) {
	h, _ := told(t)
	v, err := note.NewVerifier(h.LogKey)
	h.Must(err)
	for _, r := range every(h) {
		e, err := h.Gate.Entry(t.Context(), gatetest.Staff(gatetest.Sorrel), r.Seq)
		h.Must(err)
		head, err := ledger.ParseCheckpoint(v.Name(), []byte(e.Checkpoint), note.VerifierList(v))
		h.Must(err)
		if head.Size != e.Size || e.Leaf != string(r.Leaf.Bytes()) || e.Hash != r.Leaf.Hash().String() {
			t.Errorf("entry %d: size %d of %d, leaf %s", r.Seq, e.Size, head.Size, e.Leaf)
		}
		if err := ledger.CheckInclusion(hashesOf(h, e.Proof), head.Size, head.Root, r.Seq, ledger.HashLeaf([]byte(e.Leaf))); err != nil {
			t.Error(err)
		}
		for _, p := range r.Private {
			if text := string(p.Value); len(text) > 6 && strings.Contains(e.Leaf, text) {
				t.Errorf("entry %d tells %s", r.Seq, text)
			}
		}
	}
}

func hashesOf(h *gatetest.House, texts []string) (all []ledger.Hash) {
	h.T.Helper()
	for _, text := range texts {
		var one ledger.Hash
		h.Must(one.UnmarshalJSON([]byte(`"` + text + `"`)))
		all = append(all, one)
	}
	return all
}

func TestEachSizeIsProvedToContinueEachSmallerOne(t *testing.T) {
	h, _ := told(t)
	size := uint64(len(every(h)))
	nodes := h.Store.Nodes(t.Context())
	for from := range size + 1 {
		for _, to := range []uint64{0, from, size - from/2} {
			c, err := h.Gate.Consistent(t.Context(), gatetest.Staff(gatetest.Sorrel), from, to)
			if to != 0 && to < from {
				if code(err) != "not_found" {
					t.Errorf("from %d to %d: %v", from, to, err)
				}
				continue
			}
			h.Must(err)
			older, err := ledger.Root(from, nodes)
			h.Must(err)
			newer, err := ledger.Root(c.To, nodes)
			h.Must(err)
			if c.From != from || to == 0 && c.To != size {
				t.Errorf("from %d to %d: %+v", from, to, c)
			}
			if err := ledger.CheckConsistency(hashesOf(h, c.Proof), from, older, c.To, newer); err != nil {
				t.Errorf("from %d to %d: %v", from, to, err)
			}
		}
	}
	for _, beyond := range [][2]uint64{{size + 1, 0}, {1, size + 1}, {1 << 60, 1 << 61}} {
		if _, err := h.Gate.Consistent(t.Context(), gatetest.Staff(gatetest.Sorrel), beyond[0], beyond[1]); code(err) != "not_found" {
			t.Errorf("%v: %v", beyond, err)
		}
	}
}

func TestTheHeadTellsWhoSignedIt(t *testing.T) {
	h, _ := told(t)
	head, err := h.Gate.LedgerHead(t.Context(), gatetest.Staff(gatetest.Sorrel))
	h.Must(err)
	all := every(h)
	if head.Size != uint64(len(all)) || head.Key != h.LogKey || head.Origin != h.LogSigner.Name() || !head.Newest.Equal(all[len(all)-1].At) {
		t.Errorf("%+v", head)
	}
	if len(head.Signatures) != 1 || !head.Signatures[0].Log || head.Signatures[0].Name != head.Origin || !strings.Contains(h.LogKey, "+"+head.Signatures[0].Key+"+") {
		t.Errorf("%+v", head.Signatures)
	}
}

func TestOnlyOversightReadsEntries(t *testing.T) {
	h, request := told(t)
	try := func(c gate.Caller) (refused int) {
		_, err1 := h.Gate.Entries(t.Context(), c, gate.EntryFilter{Stream: request.ID})
		_, err2 := h.Gate.Entry(t.Context(), c, 0)
		_, err3 := h.Gate.Consistent(t.Context(), c, 1, 0)
		_, err4 := h.Gate.LedgerHead(t.Context(), c)
		_, err5 := h.Gate.Entry(t.Context(), c, 1<<60) // no word of what there is
		for _, err := range []error{err1, err2, err3, err4, err5} {
			if code(err) == "forbidden" {
				refused++
			}
		}
		return refused
	}
	for name, c := range map[string]gate.Caller{
		"the agent who opened it":    gatetest.Staff(gatetest.Finch),
		"the manager who signed":     gatetest.Staff(h.Person(gatetest.Moss)),
		"nobody":                     {},
		"somebody not on the roster": gatetest.Staff("staff:gone"),
		"a token that reads":         {Token: "t", Scopes: []gate.Scope{gate.ScopeRead, gate.ScopeOpen, gate.ScopeEnrol, gate.ScopeReport}},
	} {
		if n := try(c); n != 5 {
			t.Errorf("%s: %d of 5 refused", name, n)
		}
	}
	for name, c := range map[string]gate.Caller{
		"security":         gatetest.Staff(gatetest.Sorrel),
		"an officer":       gatetest.Staff(gatetest.Olive),
		"an auditing tool": {Token: "t", Scopes: []gate.Scope{gate.ScopeAudit}},
	} {
		if n := try(c); n != 0 {
			t.Errorf("%s: %d refused", name, n)
		}
	}
}

func TestWhatIsNoFilterOrNoEntryIsRefused(t *testing.T) {
	h, _ := told(t)
	c := gatetest.Staff(gatetest.Sorrel)
	for _, f := range []gate.EntryFilter{{Limit: -1}, {Limit: 101}, {Cursor: "x"}, {Cursor: "-1"}, {Cursor: "99999999999999999999"}} {
		if _, err := h.Gate.Entries(t.Context(), c, f); code(err) != "invalid" {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for _, seq := range []uint64{uint64(len(every(h))), 1 << 53, 1<<64 - 1} {
		if _, err := h.Gate.Entry(t.Context(), c, seq); code(err) != "not_found" {
			t.Errorf("entry %d: %v", seq, err)
		}
	}
}
