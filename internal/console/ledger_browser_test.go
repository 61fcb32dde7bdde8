package console_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/mod/sumdb/note"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof"
	"countersign/internal/rest"
	"countersign/internal/signin"
	"countersign/internal/store"
)

// liar answers as the real server does, but for what it changes.
type liar struct {
	answer func(path string, a map[string]any) // of the API about the ledger
	refuse int                                 // with this status, if any
	page   func([]byte) []byte                 // what it does to pages
}

// between stands between the server and its callers.
func (l *liar) between(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api := strings.HasPrefix(r.URL.Path, "/api/v1/ledger")
		switch {
		case api && l.refuse != 0:
			w.WriteHeader(l.refuse)
		case api && l.answer != nil:
			heard := httptest.NewRecorder()
			next.ServeHTTP(heard, r)
			var a map[string]any
			if json.Unmarshal(heard.Body.Bytes(), &a) == nil {
				l.answer(strings.TrimPrefix(r.URL.Path, "/api/v1/ledger"), a)
			}
			raw, _ := json.Marshal(a)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(raw)
		case l.page != nil && strings.HasPrefix(r.URL.Path, "/ledger"):
			heard := httptest.NewRecorder()
			r.Header.Del("Accept-Encoding")
			next.ServeHTTP(heard, r)
			for name, values := range heard.Header() {
				w.Header()[name] = values
			}
			_, _ = w.Write(l.page(heard.Body.Bytes()))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// reader is an auditor's browser, at a server that may lie.
type reader struct {
	tab
	liar *liar
}

// record is a house with a whole request on its ledger, and more entries up
// to a size.
func record(t *testing.T, size int) *gatetest.House {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	have, err := h.Store.Records(t.Context(), 0, 10_000)
	h.Must(err)
	for i := len(have); i < size; i++ {
		_, err := h.Store.Commit(t.Context(), store.Commit{Stream: fmt.Sprint("not_", i), Actor: "system", At: h.Now(),
			Events: []store.Draft{{Type: "counted", Open: []byte(`{"n":` + fmt.Sprint(i) + `}`)}}})
		h.Must(err)
	}
	return h
}

func reads(t *testing.T, h *gatetest.House) reader {
	l := &liar{}
	s := openSite(t, h, func(who *signin.Signin) http.Handler { return rest.New(rest.Options{Gate: h.Gate, Signin: who}) })
	s.server.Config.Handler = l.between(s.server.Config.Handler)
	r := reader{tab{site: s, ctx: chromium(t, s)}, l}
	r.works(gatetest.Sorrel)
	r.goTo("/check")
	return r
}

// everyPage runs a script before those of every page from now on.
func (r reader) everyPage(script string) {
	r.T.Helper()
	_, err := chromedp.Call(r.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	r.Must(err)
}

// finds waits for what a check on the page found.
func (r reader) finds(check, what string) {
	r.T.Helper()
	r.do("waiting for "+check+" to find "+what, chromedp.WaitVisible(chromedp.CSS(fmt.Sprintf(`[data-check=%q] [data-say=%q]:not([hidden])`, check, what))))
}

// states are those of the steps of a check.
func (r reader) states(check string) string {
	r.T.Helper()
	text, err := chromedp.Run(r.ctx, chromedp.Evaluate[string](fmt.Sprintf(`[...document.querySelectorAll('[data-check=%q] [data-state]')].map((e) => (e.dataset.step || "climb") + " " + e.dataset.state).join(", ")`, check)))
	r.Must(err)
	return text
}

// keeps makes the browser one that has seen these heads, the newest first.
func (r reader) keeps(notes ...string) {
	r.T.Helper()
	type seen struct {
		Note string `json:"note"`
		At   string `json:"at"`
	}
	all := struct {
		Named string `json:"named"`
		Seen  []seen `json:"seen"`
	}{Named: r.LogKey, Seen: []seen{}}
	for _, n := range notes {
		all.Seen = append(all.Seen, seen{n, "2026-03-02T09:00:00Z"})
	}
	raw, err := json.Marshal(all)
	r.Must(err)
	text, err := json.Marshal(string(raw))
	r.Must(err)
	r.runs(`localStorage.setItem("countersign.ledger", ` + string(text) + `)`)
}

// at is the true signed head of the first entries.
func (r reader) at(size uint64) string {
	r.T.Helper()
	root, err := ledger.Root(size, r.Store.Nodes(r.T.Context()))
	r.Must(err)
	return r.signs(r.LogSigner, size, root)
}

func (r reader) signs(signer note.Signer, size uint64, root ledger.Hash) string {
	r.T.Helper()
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: signer.Name(), Size: size, Root: root}, signer)
	r.Must(err)
	return string(signed)
}

// stranger is another key that calls itself by the log's name.
func (r reader) stranger() (note.Signer, string) {
	r.T.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, r.LogSigner.Name())
	r.Must(err)
	signer, err := note.NewSigner(skey)
	r.Must(err)
	return signer, vkey
}

func TestABrowserVerifiesEveryEntry(t *testing.T) {
	h := record(t, 70)
	r := reads(t, h)
	complaints := r.complaints()
	all, err := h.Store.Records(t.Context(), 0, 1000)
	h.Must(err)
	root, err := ledger.Root(uint64(len(all)), h.Store.Nodes(t.Context()))
	h.Must(err)
	for _, record := range all {
		if record.Seq > 12 && record.Seq%9 != 0 && record.Seq < 60 {
			continue
		}
		r.goTo(fmt.Sprint("/ledger/", record.Seq))
		r.finds("entry", "good")
		if got := r.states("entry"); strings.Contains(got, "waiting") || strings.Contains(got, "bad") || strings.Contains(got, "skipped") {
			t.Errorf("entry %d: %s", record.Seq, got)
		}
		if got := r.text(`[data-step=leaf] [data-out=leaf]`); got != record.Leaf.Hash().String() {
			t.Errorf("entry %d has the hash %s, the page says %s", record.Seq, record.Leaf.Hash(), got)
		}
		if got := r.text(`[data-out=computed]`); got != root.String() {
			t.Errorf("entry %d leads to %s, the page says %s", record.Seq, root, got)
		}
		proof, err := ledger.ProveInclusion(uint64(len(all)), record.Seq, h.Store.Nodes(t.Context()))
		h.Must(err)
		if n := strings.Count(r.states("entry"), "climb ok"); n != len(proof) {
			t.Errorf("entry %d is climbed in %d steps, not %d", record.Seq, n, len(proof))
		}
	}
	r.goTo("/ledger")
	r.finds("newest", "good")
	r.goTo("/ledger/checkpoints")
	r.finds("seen", "good")
	if heard := complaints(); len(heard) > 0 {
		t.Errorf("the browser complains: %v", heard)
	}
}

func TestTheClimbNamesTheEntriesBelowEachHash(t *testing.T) {
	h := record(t, 70)
	r := reads(t, h)
	r.goTo("/ledger/66") // of 70: its neighbours are 67, 64–65, 68–69 and 0–63
	r.finds("entry", "good")
	text := strings.Join(strings.Fields(r.text("[data-rows]")), " ")
	for _, want := range []string{"entries 67–67", "over entries 66–67", "entries 64–65", "over entries 64–67", "entries 68–69", "over entries 64–69", "entries 0–63", "over entries 0–69"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
}

func changed(hash any) string {
	raw, _ := base64.StdEncoding.DecodeString(hash.(string))
	raw[7] ^= 1
	return base64.StdEncoding.EncodeToString(raw)
}

func TestALyingServerIsFoundOut(t *testing.T) {
	h := record(t, 40)
	r := reads(t, h)
	other, otherKey := r.stranger()
	newest := r.at(40)
	entry := func(change func(a map[string]any)) func(string, map[string]any) {
		return func(path string, a map[string]any) {
			if strings.HasPrefix(path, "/entries/") {
				change(a)
			}
		}
	}
	proofOf := func(a map[string]any) []any { return a["proof"].([]any) }
	for name, lie := range map[string]struct {
		liar liar
		keep []string // heads that this browser has seen
		find string
	}{
		"another leaf than the page's": {liar{answer: entry(func(a map[string]any) { a["leaf"] = strings.Replace(a["leaf"].(string), "system", "someone", 1) })}, nil, "not-this"},
		"a leaf changed everywhere": {liar{
			answer: entry(func(a map[string]any) {
				a["leaf"] = strings.Replace(a["leaf"].(string), `"actor":"system"`, `"actor":"nobody"`, 1)
			}),
			page: func(p []byte) []byte {
				return bytes.ReplaceAll(p, []byte(`actor&#34;:&#34;system`), []byte(`actor&#34;:&#34;nobody`))
			}}, nil, "path"},
		"a hash of the path":        {liar{answer: entry(func(a map[string]any) { proofOf(a)[2] = changed(proofOf(a)[2]) })}, nil, "path"},
		"the path out of order":     {liar{answer: entry(func(a map[string]any) { p := proofOf(a); p[0], p[1] = p[1], p[0] })}, nil, "path"},
		"a path that is too short":  {liar{answer: entry(func(a map[string]any) { a["proof"] = proofOf(a)[1:] })}, nil, "path"},
		"a path without its end":    {liar{answer: entry(func(a map[string]any) { a["proof"] = proofOf(a)[:2] })}, nil, "path"},
		"a path that is too long":   {liar{answer: entry(func(a map[string]any) { a["proof"] = append(proofOf(a), proofOf(a)[0]) })}, nil, "path"},
		"a path that is no base64":  {liar{answer: entry(func(a map[string]any) { a["proof"] = []any{"&"} })}, nil, "unreadable"},
		"no path at all":            {liar{answer: entry(func(a map[string]any) { delete(a, "proof") })}, nil, "unreadable"},
		"a root of its own":         {liar{answer: entry(func(a map[string]any) { a["checkpoint"] = r.signs(r.LogSigner, 40, ledger.Hash{1}) })}, nil, "path"},
		"a size of its own":         {liar{answer: entry(func(a map[string]any) { a["checkpoint"] = strings.Replace(newest, "\n40\n", "\n39\n", 1) })}, nil, "path"},
		"a head before the entry":   {liar{answer: entry(func(a map[string]any) { a["checkpoint"] = r.at(5) })}, nil, "path"},
		"a head that nobody signed": {liar{answer: entry(func(a map[string]any) { a["checkpoint"] = newest[:strings.Index(newest, "—")] })}, nil, "other-key"},
		"a head with a stolen signature": {liar{answer: entry(func(a map[string]any) {
			earlier := r.at(39)
			a["checkpoint"] = newest[:strings.Index(newest, "—")] + earlier[strings.Index(earlier, "—"):]
		})}, nil, "signature"},
		"a head of another name":       {liar{answer: entry(func(a map[string]any) { a["checkpoint"] = "x" + newest })}, nil, "other-key"},
		"a head with a line more":      {liar{answer: entry(func(a map[string]any) { a["checkpoint"] = strings.Replace(newest, "\n\n", "\nmore\n\n", 1) })}, nil, "no-checkpoint"},
		"a head signed by a stranger":  {liar{answer: entry(func(a map[string]any) { a["checkpoint"] = r.signs(other, 40, rootOf(r, 40)) })}, nil, "other-key"},
		"another key on the page":      {liar{page: func(p []byte) []byte { return bytes.ReplaceAll(p, escaped(r.LogKey), escaped(otherKey)) }}, []string{newest}, "key-changed"},
		"a shorter ledger":             {liar{}, []string{r.signs(r.LogSigner, 41, ledger.Hash{1})}, "shrank"},
		"another ledger of the length": {liar{}, []string{r.signs(r.LogSigner, 40, ledger.Hash{1})}, "forked"},
		"another past":                 {liar{}, []string{r.signs(r.LogSigner, 17, ledger.Hash{1})}, "forked"},
		"no proof of the past": {liar{answer: func(path string, a map[string]any) {
			if path == "/consistency" {
				a["proof"] = []any{}
			}
		}}, []string{r.at(17)}, "forked"},
		"a changed proof of the past": {liar{answer: func(path string, a map[string]any) {
			if path == "/consistency" {
				proofOf(a)[1] = changed(proofOf(a)[1])
			}
		}}, []string{r.at(17)}, "forked"},
		"a longer proof of the past": {liar{answer: func(path string, a map[string]any) {
			if path == "/consistency" {
				a["proof"] = append(proofOf(a), proofOf(a)[0])
			}
		}}, []string{r.at(17)}, "forked"},
		"a ledger of another name": {liar{}, []string{"x" + newest}, "other-log"},
		"nothing":                  {liar{refuse: http.StatusInternalServerError}, nil, "unreachable"},
		"that nobody is signed in": {liar{refuse: http.StatusUnauthorized}, nil, "signed-out"},
	} {
		r.keeps(lie.keep...)
		*r.liar = lie.liar
		r.goTo("/ledger/38")
		r.finds("entry", lie.find)
		if got := r.states("entry"); strings.Contains(got, "waiting") {
			t.Errorf("%s: %s", name, got)
		}
		if good, err := chromedp.Run(r.ctx, chromedp.Evaluate[bool](`document.querySelector('[data-say=good]').hidden`)); err != nil || !good {
			t.Errorf("%s: it says yes as well", name)
		}
		if strings.HasPrefix(name, "a hash of the path") {
			r.picture("ledger-lie")
		}
		if name == "a shorter ledger" {
			r.picture("ledger-shorter")
		}
		// What was found out is not remembered as if it had been right.
		kept, err := chromedp.Run(r.ctx, chromedp.Evaluate[int](`JSON.parse(localStorage.getItem("countersign.ledger")).seen.length`))
		h.Must(err)
		if kept != len(lie.keep) {
			t.Errorf("%s: the browser now keeps %d heads, not %d", name, kept, len(lie.keep))
		}
	}
}

func rootOf(r reader, size uint64) ledger.Hash {
	r.T.Helper()
	root, err := ledger.Root(size, r.Store.Nodes(r.T.Context()))
	r.Must(err)
	return root
}

// escaped is a text as it stands in an attribute.
func escaped(text string) []byte { return []byte(strings.ReplaceAll(text, "+", "&#43;")) }

func TestABrowserHoldsEveryEarlierHeadAgainstTheNewest(t *testing.T) {
	h := record(t, 70)
	r := reads(t, h)
	var notes []string
	for size := uint64(0); size <= 70; size++ {
		notes = append(notes, r.at(size))
	}
	notes[33] = r.signs(r.LogSigner, 33, ledger.Hash{1})
	slices.Reverse(notes)
	r.keeps(notes...)
	r.goTo("/ledger/checkpoints")
	r.finds("seen", "good")
	r.do("waiting for the last of them", chromedp.WaitVisible(chromedp.CSS(`tbody tr:nth-child(71)[data-state]:not([data-state=waiting])`)))
	states := strings.Split(r.states("seen"), ", ")[2:]
	for i, state := range states {
		if want := map[bool]string{true: "climb bad", false: "climb ok"}[i == 70-33]; state != want {
			t.Errorf("the head over %d entries: %s, want %s", 70-i, state, want)
		}
	}
	if len(states) != 71 {
		t.Errorf("%d heads are listed", len(states))
	}
	r.press("Forget what this browser has seen")
	r.finds("seen", "first")
	if n := len(strings.Split(r.states("seen"), ", ")); n != 3 {
		t.Errorf("%d rows are left", n)
	}
}

func TestAReaderPinsTheirOwnKey(t *testing.T) {
	h := record(t, 20)
	r := reads(t, h)
	_, otherKey := r.stranger()
	r.goTo("/ledger/checkpoints")
	r.finds("seen", "first")
	for _, junk := range []string{"what is this", h.LogKey[:len(h.LogKey)-4], strings.Replace(h.LogKey, "+", "x+", 1)} {
		r.do("pinning", chromedp.SetValue(chromedp.CSS("#vkey"), junk))
		r.press("Trust this key here")
		r.finds("pin", "no-key")
	}
	pinned := func(key string) {
		t.Helper()
		r.do("pinning", chromedp.SetValue(chromedp.CSS("#vkey"), "  "+key+"\n"))
		r.press("Trust this key here")
		r.do("waiting", chromedp.WaitVisible(chromedp.CSS(`#key [data-key-source=pinned]:not([hidden])`)))
	}
	pinned(otherKey)
	r.finds("seen", "other-key")
	r.goTo("/ledger/3")
	r.finds("entry", "other-key")
	if got := r.text("[data-check=entry] [data-out=key]"); got != otherKey {
		t.Errorf("it names the key %s", got)
	}
	r.goTo("/ledger/checkpoints")
	pinned(h.LogKey)
	r.finds("seen", "good")
	// A server that names a key of its own no longer matters.
	*r.liar = liar{page: func(p []byte) []byte { return bytes.ReplaceAll(p, escaped(h.LogKey), escaped(otherKey)) }}
	r.goTo("/ledger/3")
	r.finds("entry", "good")
	r.goTo("/ledger/checkpoints")
	r.picture("ledger-checkpoints")
	r.press("Trust the key that the server names")
	r.finds("seen", "key-changed")
}

func TestACheckpointThatTheReaderBringsIsHeldAgainstTheLedger(t *testing.T) {
	h := record(t, 40)
	r := reads(t, h)
	other, _ := r.stranger()
	r.goTo("/ledger/checkpoints")
	for name, try := range map[string]struct{ note, find string }{
		"an earlier one":            {r.at(17), "good"},
		"the newest":                {r.at(40), "good"},
		"a changed past":            {r.signs(r.LogSigner, 17, ledger.Hash{1}), "forked"},
		"more than there is":        {r.signs(r.LogSigner, 41, ledger.Hash{1}), "shrank"},
		"signed by a stranger":      {r.signs(other, 17, rootOf(r, 17)), "other-key"},
		"with a changed number":     {strings.Replace(r.at(17), "\n17\n", "\n16\n", 1), "signature"},
		"something else altogether": {"Dear Sorrel,\n\nplease check.\n", "no-checkpoint"},
	} {
		t.Log(name)
		r.do("pasting", chromedp.SetValue(chromedp.CSS("#checkpoint"), try.note))
		r.press("Check it")
		r.finds("hold", try.find)
	}
}

// Only what was compared is said to continue anything.
func TestAFirstVisitClaimsNoComparison(t *testing.T) {
	r := reads(t, record(t, 20))
	for _, page := range []struct{ path, check string }{{"/ledger", "newest"}, {"/ledger/checkpoints", "seen"}} {
		r.runs(`localStorage.clear()`)
		for _, want := range []struct{ say, state string }{{"first", "continues first"}, {"good", "continues ok"}} {
			r.goTo(page.path)
			r.finds(page.check, want.say)
			if got := r.states(page.check); !strings.Contains(got, want.state) {
				t.Errorf("%s: it says %q, and the steps %s", page.path, want.say, got)
			}
			if n := eval[int](r.tab, `document.querySelectorAll("[data-check=`+page.check+`] [data-say]:not([hidden])").length`); n != 1 {
				t.Errorf("%s: it says %d things", page.path, n)
			}
		}
	}
}

func TestABrowserWithoutEd25519SaysWhatItDidNotCheck(t *testing.T) {
	h := record(t, 20)
	r := reads(t, h)
	*r.liar = liar{}
	r.goTo("/ledger")
	r.finds("newest", "first")
	r.runs(`localStorage.clear()`)
	r.everyPage(`SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException("no", "NotSupportedError"))`)
	r.goTo("/ledger/3")
	r.finds("entry", "partly")
	if got := r.states("entry"); !strings.Contains(got, "signature skipped") || !strings.Contains(got, "root ok") {
		t.Errorf("steps: %s", got)
	}
	r.picture("ledger-partly")
}

func TestPicturesOfTheLedger(t *testing.T) {
	h := record(t, 300)
	r := reads(t, h)
	h.Pass(time.Minute)
	r.goTo("/ledger/checkpoints")
	r.finds("seen", "first")
	h.Open(gatetest.Moss, identity.Unlock)
	r.goTo("/ledger")
	r.finds("newest", "good")
	r.picture("ledger")
	r.goTo("/ledger/9")
	r.finds("entry", "good")
	r.picture("ledger-entry")
	r.goTo("/ledger?q=what+is+this")
	r.picture("ledger-unclear")
}
