package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/store"
)

func TestTheLedgerListsWhatHappenedInPlainWords(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	p := s.staff(gatetest.Sorrel).get("/ledger").is(http.StatusOK)
	p.says("Signed head", "Request opened", "Case "+v.Case, "Roster founded", "Change of the roster countersigned", string(gatetest.Olive), s.LogSigner.Name(), "No witness has cosigned it")
	head, err := s.Gate.LedgerHead(t.Context(), gatetest.Staff(gatetest.Sorrel))
	s.Must(err)
	p.says(head.Root, strings.Join(strings.Fields(head.Checkpoint), " "))
	if p.never("Wren Ito", gatetest.WrensMail); !strings.Contains(p.body, `href="/ledger/0"`) {
		t.Error("the first entry cannot be opened")
	}
}

func TestOnlyOversightFindsTheLedger(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/ledger", "/ledger/0", "/ledger/checkpoints", "/ledger/99999"} {
		s.staff(gatetest.Finch).get(path).is(http.StatusForbidden)
		s.staff(s.Person(gatetest.Moss)).get(path).is(http.StatusForbidden)
		s.visitor().get(path).is(http.StatusOK).at("/sign-in?next=" + url.QueryEscape(path))
	}
}

func TestWhoSignsInForTheLedgerIsTakenBackToIt(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/ledger", "/ledger/7", "/ledger/checkpoints", "/ledger?q=roster"} {
		if p := s.visitor().get(path); !strings.Contains(p.body, `data-next="`+path+`"`) {
			t.Errorf("%s leads elsewhere: %s", path, p.body)
		}
	}
	if p := s.visitor().get("/sign-in?next=/ledgers"); strings.Contains(p.body, "ledgers") {
		t.Error("a page that does not exist is a place to go to")
	}
}

func TestTheLedgerIsSearched(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	other := s.Open(gatetest.Moss, identity.Unlock)
	b := s.staff(gatetest.Sorrel)
	look := func(q string) seen { return b.get("/ledger?q=" + url.QueryEscape(q)) }
	b.get("/ledger?q=%230").at("/ledger/0")
	look(" 3 ").at("/ledger/3").says("Entry 3")
	for _, q := range []string{v.Case, strings.ToLower(v.Case), strings.ReplaceAll(v.Case, "-", ""), v.ID} {
		look(q).is(http.StatusOK).says("What was found", "Case "+v.Case).never(other.Case, "<b>Roster founded</b>")
	}
	look("roster").has("<b>Roster founded</b>").never(v.Case)
	look("ZZZZ-ZZZZ").says("No such entries")
	look("req_0").says("No such entries")
	look("what is this?").is(http.StatusOK).says("Nothing is named like that")
	b.get("/ledger?type=roster_founded").has("<b>Roster founded</b>").never("<b>Request opened</b>")
	b.get("/ledger?until=2026-03-01").says("No such entries")
	b.get("/ledger?until=2026-03-02").has("<b>Request opened</b>")
	b.get("/ledger?until=tomorrow").says("Nothing is named like that")
	b.get("/ledger?before=x").is(http.StatusUnprocessableEntity)
}

func TestOlderEntriesFollowToTheVeryFirst(t *testing.T) {
	s := newSite(t)
	for range 30 {
		s.Open(gatetest.Wren, identity.PasswordReset)
	}
	all, err := s.Store.Records(t.Context(), 0, 1000)
	s.Must(err)
	b, path, found := s.staff(gatetest.Sorrel), "/ledger", map[string]bool{}
	for range 20 {
		p := b.get(path).is(http.StatusOK)
		for _, m := range regexp.MustCompile(`href="/ledger/(\d+)"`).FindAllStringSubmatch(p.body, -1) {
			found[m[1]] = true
		}
		next := regexp.MustCompile(`href="(/ledger\?[^"]*before=[^"]*)"`).FindStringSubmatch(p.body)
		if next == nil {
			break
		}
		path = strings.ReplaceAll(next[1], "&amp;", "&")
	}
	if len(found) != len(all) {
		t.Errorf("%d of %d entries were found", len(found), len(all))
	}
}

func TestALongSearchSaysHowFarItLooked(t *testing.T) {
	s := newSite(t)
	var drafts []store.Draft
	for range 1200 {
		drafts = append(drafts, store.Draft{Type: "counted", Open: []byte(`{}`)})
	}
	_, err := s.Store.Commit(t.Context(), store.Commit{Stream: "not_1", Actor: "system", At: s.Now(), Events: drafts})
	s.Must(err)
	p := s.staff(gatetest.Sorrel).get("/ledger?type=roster_founded").says("None among these 1,000 entries", "Older ones")
	next := regexp.MustCompile(`href="(/ledger\?[^"]*before=[^"]*)"`).FindStringSubmatch(p.body)
	s.staff(gatetest.Sorrel).get(strings.ReplaceAll(next[1], "&amp;", "&")).has("<b>Roster founded</b>")
}

func TestAnEntryIsShownInWordsAndAsItsExactBytes(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	records, err := s.Store.Stream(t.Context(), v.ID)
	s.Must(err)
	opened := records[0]
	p := s.staff(gatetest.Sorrel).get(fmt.Sprint("/ledger/", opened.Seq)).is(http.StatusOK)
	p.says(fmt.Sprintf("Entry %d: Request opened", opened.Seq), "Case "+v.Case, string(gatetest.Finch), string(opened.Leaf.Bytes()), "a fingerprint; the value itself does not stand on the ledger")
	p.never("Wren Ito", gatetest.WrensMail)
	if !strings.Contains(p.body, `href="/requests/`+v.ID+`"`) {
		t.Error("it does not lead to its request")
	}
	b := s.staff(gatetest.Sorrel)
	b.get("/ledger/0").is(http.StatusOK).says("Entry 0: Roster founded").never(`rel="prev"`)
	for _, path := range []string{"/ledger/99999", "/ledger/-1", "/ledger/x", "/ledger/18446744073709551616", "/ledger/0x1"} {
		b.get(path).is(http.StatusNotFound)
	}
}

func TestWhatOthersWroteStaysTextOnTheLedgersPages(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	hostile := `<img src=x onerror=alert(1)>"'&{{.}} ` + "\u202egnirts" + strings.Repeat("w", 9000)
	text, err := jsonText(hostile)
	h.Must(err)
	_, err = h.Store.Commit(t.Context(), store.Commit{Stream: hostile, Actor: hostile, At: h.Now(),
		Events: []store.Draft{{Type: hostile, Open: []byte(`{"note":` + text + `,"zz":[` + text + `]}`)}}})
	h.Must(err)
	r := reads(t, h)
	all, err := h.Store.Records(t.Context(), 0, 1000)
	h.Must(err)
	at := fmt.Sprint("/ledger/", len(all)-1)
	for _, path := range []string{at, "/ledger"} {
		r.goTo(path)
		r.finds(map[bool]string{true: "entry", false: "newest"}[path == at], "good")
		for name, wanted := range map[string]string{
			"an element": `document.querySelectorAll("main img").length === 0`,
			"a width":    `document.documentElement.scrollWidth <= innerWidth`,
		} {
			ok, err := evaluated(r, wanted)
			h.Must(err)
			if !ok {
				t.Errorf("%s: hostile text makes %s", path, name)
			}
		}
	}
	r.picture("ledger-hostile")
}

func jsonText(s string) (string, error) {
	raw, err := ledger.Marshal(s)
	return string(raw), err
}

func evaluated(r reader, script string) (bool, error) {
	return chromedp.Run(r.ctx, chromedp.Evaluate[bool](script))
}

// has looks for markup.
func (p seen) has(text string) seen {
	p.t.Helper()
	if !strings.Contains(p.body, text) {
		p.t.Errorf("%s has no %q: %s", p.path, text, p.text())
	}
	return p
}
