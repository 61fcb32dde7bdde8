package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

func TestOneBoxGoesAnywhere(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	v := b.Open(gatetest.Wren, identity.Unlock)
	b.works(gatetest.Sorrel)
	b.goTo("/approvals")
	b.strikes("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.do("seeing the box", chromedp.WaitVisible(chromedp.CSS("#palette-words")))
	b.picture("palette")
	b.strikes("ledg")
	b.strikes("\r")
	b.arrives("/ledger")
	b.strikes("/")
	b.strikes(v.Case[:4] + v.Case[5:])
	b.strikes("\r")
	b.do("coming to the case", chromedp.WaitVisible(`//main//*[contains(., "`+v.Case+`")]`))
	b.goTo("/approvals")
	b.strikes("/")
	b.strikes("nothing of this name")
	b.do("being told", chromedp.WaitVisible(`//ul[@id="palette-list"]/li[contains(., "Nothing fits")]`))
	b.strikes("\x1b")
	b.do("closing", chromedp.WaitNotVisible(chromedp.CSS("#palette")))
	b.strikes("?")
	b.do("seeing the keys", chromedp.WaitVisible(chromedp.CSS("#keys")))
	b.picture("keys")
	b.strikes("\x1b")
	b.do("closing", chromedp.WaitNotVisible(chromedp.CSS("#keys")))
	b.strikes("gr")
	b.arrives("/requests")
}

func TestWordsTypedIntoAFieldAreNoCommands(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	b.works(gatetest.Finch)
	b.goTo("/desk")
	b.do("typing", chromedp.SendKeys(chromedp.CSS("main input[name=login]"), "gr?/jk"))
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.pathname + " " + document.activeElement.value + " " + document.querySelectorAll("dialog[open]").length`))
	b.Must(err)
	if got != "/desk gr?/jk 0" {
		t.Errorf("%q", got)
	}
}

// Two browsers: what one commits, the other shows, without anybody's doing.
func TestWhatOneCommitsAnotherSees(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	seed, _ := b.Enrol(gatetest.Wren, proof.TOTP)
	b.Pass(72 * time.Hour)
	v := b.Open(gatetest.Wren, identity.Unlock)
	b.works(gatetest.Finch)
	b.goTo("/requests/" + v.ID)
	b.sees("Wren Ito")
	wren := b.another()
	wren.goTo("/")
	wren.types("code", v.Case)
	wren.press("Open my case")
	wren.press("Authenticator app")
	wren.types("answer", b.Code(seed))
	wren.press("Confirm")
	b.do("seeing the proof", chromedp.WaitVisible(`//main//*[contains(@class, "status") and contains(@class, "approving")]`))
	_, err := b.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Finch), v.ID)
	b.Must(err)
	b.do("seeing the end", chromedp.WaitVisible(`//main//*[contains(@class, "status") and contains(@class, "cancelled")]`))
	wren.sees("has ended")
}

func TestAPageSaysThatItCannotKnowAnyMore(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	b.works(gatetest.Finch)
	b.goTo("/desk")
	b.do("being fresh", chromedp.WaitNotVisible(chromedp.CSS("#line")))
	b.server.Listener.Close()
	b.server.CloseClientConnections()
	b.do("being told", chromedp.WaitVisible(`//p[@id="line"][contains(., "The connection is lost")]`))
}

func TestAReaderSeesTheirOwnTimeAndTheDesks(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "  - desk: helpdesk\n", "  - desk: helpdesk\n    zone: Asia/Tokyo\n", 1))
	b := browse(t, h)
	v := b.Open(gatetest.Wren, identity.Unlock) // at 09:00 UTC
	b.works(gatetest.Finch)
	for zone, want := range map[string]string{"America/New_York": "04:00 AM", "Asia/Tokyo": "06:00 PM"} {
		_, err := chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
		b.Must(err)
		b.goTo("/requests/" + v.ID)
		b.do("reading the time", chromedp.WaitReady(`//time[@title]`))
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("time:not([data-ago])")].map((t) => t.textContent).join("\n")`))
		b.Must(err)
		if !strings.Contains(text, want) || strings.Contains(text, "at the desk") != (zone != "Asia/Tokyo") {
			t.Errorf("in %s: %s", zone, text)
		}
	}
}

func TestTheNavigationOfATelephoneBeginsWhereTheReaderIs(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	b.works(gatetest.Olive)
	b.do("taking a telephone", chromedp.EmulateViewport(360, 700))
	for _, path := range []string{"/approvals", "/policy", "/setup", "/policy/edit"} {
		b.goTo(path)
		b.until("the strip shows "+path, `[...document.querySelectorAll(":is(.side, .policy-tabs) [aria-current]")].every((a) => a.getBoundingClientRect().left >= 0 && a.getBoundingClientRect().right <= innerWidth)`)
	}
}
