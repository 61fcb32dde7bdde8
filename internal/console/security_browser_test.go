package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// own signs the tab in to look after somebody's account, as the provider would.
func (b tab) own(login string) {
	b.T.Helper()
	token, err := b.signin.OpenOwner(b.T.Context(), b.ownerOf(login))
	b.Must(err)
	hidden := true
	_, err = chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "owner", Value: token, URL: gatetest.Origin, HTTPOnly: &hidden})
	b.Must(err)
}

// open unfolds one of the ways to add.
func (b tab) open(summary string) { b.T.Helper(); b.press(summary) }

func TestSomebodyAddsAPasskeyAndSignsInWithIt(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.AddLark()
	b := browse(t, h)
	complaints := b.complaints()
	b.passkey()
	b.goTo("/security")
	b.sees("Sign in with my own passkey")
	b.picture("security-sign-in")
	b.own(gatetest.Wren)
	b.goTo("/security")
	b.sees("Only addresses are on record")
	b.picture("security-empty")
	b.open("security key")
	b.picture("security-adding")
	b.do("naming it", chromedp.SendKeys(chromedp.CSS("[data-label]"), "my telephone"))
	b.press("Register a passkey")
	b.sees("Your passkey is registered", "my telephone", "There is only one way back")

	b.open("security key")
	b.press("Register a passkey")
	b.sees("This device has a passkey for this place already")

	b.press("Sign out")
	b.sees("What brings you here?")
	b.goTo("/security")
	b.press("Sign in with my own passkey")
	b.sees("my telephone")

	h.Pass(11 * time.Minute)
	b.goTo("/security")
	b.picture("security-stale")
	b.press("Prove that it is me")
	b.picture("security-again")
	b.press("Use my passkey")
	b.sees("Add another way")
	b.press("Remove")
	b.sees("It is the last")
	b.picture("security-remove")
	b.press("Keep it")

	b.open("lost")
	h.Pass(11 * time.Minute) // while they looked away
	b.press("Make a code")
	b.sees("Prove once more that it is you")
	b.press("Use my passkey")
	b.open("lost")
	b.press("Make a code")
	b.sees("It works once")
	b.picture("security-card")
	printed(t, b, h)
	b.press("I have it; go on")
	b.sees("not lost together")

	b.open("six digits")
	b.press("Set up an app")
	b.sees("Scan this")
	b.picture("security-app")
	b.types("code", "000000")
	b.press("Register it")
	b.sees("That code is not right")
	b.picture("security-app-wrong")
	b.goTo("/security")
	b.open("pass on")
	b.types("address", "dove@elsewhere.example")
	b.press("Send them a code")
	b.sees("dove@elsewhere.example")
	b.picture("security-address")
	b.types("code", h.MailedCode("", "dove@elsewhere.example"))
	b.press("Register it")
	b.sees("The address is registered")

	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	_ = h.Answer(h.Claim(v.Case), proof.TOTP, "000000")
	_ = seed
	b.goTo("/security")
	b.press("Sign in with my own passkey")
	b.sees("1 wrong answer")
	b.picture("security")
	for _, c := range complaints() {
		// That a page is a refusal, the browser notes too.
		if !contains(c, "the server responded with a status of 4") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// printed looks at what goes on paper: the card and nothing that says whose it
// is.
func printed(t *testing.T, b tab, h *gatetest.House) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	h.Must(err)
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	h.Must(err)
	for _, word := range []string{"Aviary", "Countersign", "Wren", "wren", "Shown once", "helpdesk"} {
		if strings.Contains(text, word) {
			t.Errorf("the card that is printed says %q:\n%s", word, text)
		}
	}
	if !strings.Contains(text, "It works once") {
		t.Errorf("the card says\n%s", text)
	}
	if yes := true; *pictures != "" {
		h.Must(chromedp.Do(b.ctx, chromedp.EmulateViewport(794, 600, chromedp.EmulateScale(2))))
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		h.Must(err)
		h.Must(os.WriteFile(filepath.Join(*pictures, "security-card-print.png"), png, 0o600))
		pdf, err := chromedp.Call(b.ctx, page.PrintToPDF, page.PrintToPDFParams{DisplayHeaderFooter: &yes})
		h.Must(err)
		h.Must(os.WriteFile(filepath.Join(*pictures, "security-card.pdf"), pdf.Data, 0o600))
	}
	_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
	h.Must(err)
}

func TestTheFirstStepsByClicks(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	b := browse(t, h)
	b.passkey()
	b.own(gatetest.Wren)
	b.goTo("/security/first")
	b.sees("Register your first passkey")
	b.picture("security-first")
	b.press("Register a passkey")
	b.sees("Print a recovery code")
	b.picture("security-first-code")
	b.press("Show me the code")
	b.press("I have it; go on")
	b.sees("Where should we tell you?")
	b.picture("security-first-addresses")
	b.types("address", "wren2@private.example")
	b.press("Send the code")
	b.sees("We have sent a code")
	b.types("code", h.MailedCode("", "wren2@private.example"))
	b.press("Register it")
	b.sees("That is all")
	b.picture("security-first-done")
}

func TestDisowningWorksWithoutAScript(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	b := browse(t, h)
	b.scripts(false)
	b.ownKey(gatetest.Wren, "stranger’s")
	b.goTo(b.disownLink())
	b.picture("not-mine")
	b.press("This wasn’t me")
	b.sees("We have noted it")
	b.picture("not-mine-said")
}
