package demo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// hands are how somebody works a page: with a mouse, with the keyboard alone,
// or with a thumb on a telephone.
type hands interface {
	// press works the button, link or option with that text, in a part of the
	// page: main, aside (the demo's panel) or dialog.
	press(part, text string)
	// fill types into the field of that name.
	fill(name, text string)
}

// mouse clicks.
type mouse struct{ tab }

func (m mouse) press(part, text string) {
	m.Helper()
	m.do("clicking "+text, chromedp.Click(in(part, text), chromedp.NodeVisible))
}

func (m mouse) fill(name, text string) {
	m.Helper()
	m.do("typing "+text, chromedp.SendKeys(chromedp.CSS("main input[name="+name+"]"), text))
}

// thumb taps, and opens the drawer for what is in the panel.
type thumb struct{ mouse }

func (t thumb) press(part, text string) {
	t.Helper()
	if part == "aside" && t.truth(`document.getElementById("demo-panel").hidden`) {
		t.do("opening the drawer", chromedp.Click(`//button[@aria-controls="demo-panel"]`))
	}
	t.mouse.press(part, text)
}

func (b tab) truth(script string) bool {
	b.Helper()
	ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script))
	b.must(err)
	return ok
}

// keyboard knows Tab, Enter and letters.
type keyboard struct{ tab }

// mostTabs is more than any page has to be tabbed through.
const mostTabs = 150

// reach goes on with Tab until what has the focus fits.
func (k keyboard) reach(doing, fits string) {
	k.Helper()
	for range mostTabs {
		if k.truth(`(() => { const e = document.activeElement; return Boolean(e && e !== document.body && (` + fits + `)); })()`) {
			return
		}
		k.do(doing, chromedp.KeyEvent("\t"))
	}
	k.picture("failed")
	k.Fatalf("%s: no Tab leads there", doing)
}

func (k keyboard) press(part, text string) {
	k.Helper()
	k.do("waiting for "+text, chromedp.WaitVisible(in(part, text)))
	k.reach("reaching "+text, fmt.Sprintf(`e.closest(%q) && (e.getAttribute("aria-label") || e.textContent).replace(/\s+/g, " ").includes(%q)`, part, text))
	k.do("pressing "+text, chromedp.KeyEvent("\r"))
}

func (k keyboard) fill(name, text string) {
	k.Helper()
	k.do("waiting for the field "+name, chromedp.WaitVisible(chromedp.CSS("main input[name="+name+"]")))
	k.reach("reaching the field "+name, fmt.Sprintf(`e.closest("main") && e.name === %q`, name))
	k.do("typing "+text, chromedp.KeyEvent(text))
}

// ticked waits until a step of the guide is done.
func (b tab) ticked(step string) {
	b.Helper()
	b.do("waiting for the tick at "+step, chromedp.WaitReady(fmt.Sprintf(`//aside//li[contains(., %q)]//span[contains(., "done")]`, step)))
}

// fiveMinutes is the whole story of the panel's guide.
func fiveMinutes(b tab, h hands) {
	b.Helper()
	b.goTo("/demo")
	b.sees("Play all parts yourself")
	b.picture("1-cast")

	h.press("aside", "Be P. Cole")
	b.is("P. Cole")
	openFor(b, h)
	b.ticked("Open a case")
	b.picture("2-desk")

	h.press("aside", "Be A. Dahl")
	b.is("A. Dahl")
	typeIn(b, h, "On the line")
	h.press("main", "Open my case")
	h.press("main", "Authenticator app")
	b.do("waiting for the question", chromedp.WaitVisible(chromedp.CSS("main input[name=answer]")))
	b.picture("3-prove")
	typeIn(b, h, "Authenticator app")
	h.press("main", "Confirm")
	b.ticked("Prove yourself")

	h.press("aside", "Be N. Berg")
	b.is("N. Berg")
	h.press("main", "A. Dahl")
	b.sees("your passkey signs these bytes")
	h.press("main", "Approve with my passkey")
	b.do("seeing the key", chromedp.WaitVisible(`//dialog//*[contains(., "security key")]`))
	b.picture("4-key")
	h.press("dialog", "touch")
	b.ticked("Sign")

	h.press("aside", "Be A. Dahl")
	b.is("A. Dahl")
	b.sees("Your new password is ready")
	h.press("main", "Show it now")
	b.sees("Shown once")
	b.picture("5-password")
	b.ticked("See the new password")

	h.press("aside", "Be S. Lund")
	b.is("S. Lund")
	b.sees("A. Dahl")
	b.ticked("Look at the record")
	b.picture("6-record")

	h.press("aside", "Be E. Quist")
	b.is("E. Quist")
	b.sees("The file that proves it: allowed", "The same with one byte changed: not allowed")
	b.ticked("Verify it")
	b.picture("7-verified")
}

// openFor opens a case for A. Dahl at the desk.
func openFor(b tab, h hands) {
	b.Helper()
	h.fill("login", "a.dahl")
	h.press("main", "Look up")
	b.sees("What do they need?")
	h.press("main", "Open the request")
	b.sees("With the person on the line")
}

// typeIn has the panel type a code into the page.
func typeIn(b tab, h hands, what string) {
	b.Helper()
	at := fmt.Sprintf(`//aside//dt[.=%q]/following-sibling::dd//code`, what)
	b.do("reading "+what, chromedp.WaitReady(at))
	code, err := chromedp.Run(b.ctx, chromedp.TextContent(at))
	b.must(err)
	h.press("aside", "Type it: "+strings.TrimSpace(code))
}

func TestFiveMinutesWithAMouse(t *testing.T) {
	b := perform(t).browse(1280, 860)
	complaints := b.complaints()
	fiveMinutes(b, mouse{b})
	getPast(b, mouse{b})
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

func TestFiveMinutesWithTheKeyboardAlone(t *testing.T) {
	b := perform(t).browse(1280, 860)
	fiveMinutes(b, keyboard{b})
}

func TestFiveMinutesOnATelephone(t *testing.T) {
	b := perform(t).browse(360, 740)
	fiveMinutes(b, thumb{mouse{b}})
}

// getPast tries what the guide offers when all of it is done.
func getPast(b tab, h hands) {
	b.Helper()
	b.do("being offered more", chromedp.WaitVisible(in("aside", "Try to get past it")))
	h.press("aside", "Be P. Cole")
	b.is("P. Cole")
	b.goTo("/desk")
	openFor(b, h)
	b.do("waiting for the letter", chromedp.WaitVisible(`//aside//a[contains(., "/not-me/")]`))
	h.press("aside", "/not-me/")
	h.press("main", "This wasn’t me: stop it")
	b.sees("It is stopped")
	b.ticked("Object")
	b.picture("8-stopped")
}

// complaints collects what the browser holds against the pages, such as a
// breach of their policy; what it returns ends the collection.
func (b tab) complaints() func() []string {
	heard := make(chan string, 1000)
	go func() {
		defer close(heard)
		for m, err := range chromedp.Console(b.ctx) {
			if err != nil {
				return
			}
			heard <- fmt.Sprintf("%s: %s", m.Type, m.Text)
		}
	}()
	return func() (all []string) {
		const last = "that was all"
		_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(console.info(%q), true)`, last)))
		b.must(err)
		for {
			select {
			case c, ok := <-heard:
				if !ok || strings.HasSuffix(c, last) {
					return all
				}
				all = append(all, c)
			case <-time.After(patience):
				b.Fatal("the browser says nothing")
			}
		}
	}
}
