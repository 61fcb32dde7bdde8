package demo_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// clear checks that nothing of the demo lies over the page.
func (b tab) clear(when string) {
	b.Helper()
	if !b.truth(`(() => {
		const shown = [...document.querySelectorAll("#demo-panel, .demo-bar")].map((e) => e.getBoundingClientRect()).filter((r) => r.width && r.height);
		return [...document.querySelectorAll("main a, main button, main input, header a, header button, footer button")].every((e) => {
			e.scrollIntoView({ block: "center" });
			const r = e.getBoundingClientRect();
			return !r.width || shown.every((s) => r.right <= s.left || r.left >= s.right || r.bottom <= s.top || r.top >= s.bottom);
		});
	})()`) {
		b.picture("failed")
		b.Errorf("%s the demo lies over the page", when)
	}
	b.do("going back up", chromedp.KeyEvent("\uE011"))
}

const toggle = `//button[@aria-controls="demo-panel"]`

func (b tab) shut() bool {
	b.Helper()
	return b.truth(`document.getElementById("demo-panel").hidden && document.querySelector("[aria-controls=demo-panel]").getAttribute("aria-expanded") === "false"`)
}

func TestThePanelCoversNothingAndStaysAsItWasLeft(t *testing.T) {
	h := perform(t)
	b := h.browse(1280, 860)
	b.goTo("/demo")
	mouse{b}.press("aside", "Be P. Cole")
	b.is("P. Cole")
	b.clear("open, at the desk,")
	b.do("shutting it", chromedp.Click(toggle))
	b.goTo("/roster")
	b.is("P. Cole")
	if !b.shut() {
		t.Error("it opened by itself")
	}
	b.picture("9-shut")
	b.clear("shut, at the roster,")
	b.do("opening it", chromedp.Click(toggle))
	b.do("Escape", chromedp.Focus(`//aside//select`), chromedp.KeyEvent("\u001b"))
	if !b.shut() || !b.truth(`document.activeElement === document.querySelector("[aria-controls=demo-panel]")`) {
		t.Error("Escape does not shut it and come back to its button")
	}
	b.do("a telephone", chromedp.EmulateViewport(360, 740))
	b.goTo("/desk")
	b.is("P. Cole")
	b.clear("on a telephone")
	b.do("opening the drawer", chromedp.Click(toggle))
	b.picture("9-drawer")
	if b.shut() {
		t.Error("the drawer does not open")
	}
}

func TestWhoeverJoinsWithTheirOwnPasskeySignsWithIt(t *testing.T) {
	h := perform(t)
	b := h.browse(1280, 860)
	b.passkey()
	m := mouse{b}
	b.goTo("/demo")
	m.press("main", "Join the roster")
	m.press("main", "Register a passkey")
	m.press("dialog", "Use a passkey of my own")
	b.sees("Your passkey is registered")
	for _, officer := range []string{"s.lund", "k.voss"} {
		b.goTo("/demo")
		b.do("becoming "+officer, chromedp.Click(fmt.Sprintf(`//main//form[input[@value=%q]][not(ancestor::ol)]//button`, officer)))
		b.sees("To sign")
		m.press("main", "person:you")
		b.sees("your passkey signs these bytes")
		m.press("main", "Countersign with my passkey")
		m.press("dialog", "touch")
		b.sees("Nothing waits for you")
	}
	m.press("header", "Sign out")
	b.is("nobody yet")
	m.press("main", "Staff sign in")
	m.press("main", "Sign in with a passkey")
	m.press("dialog", "Use a passkey of my own")
	b.is("You")
}

// passkey gives the tab an authenticator that answers at once.
func (b tab) passkey() {
	b.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	b.must(err)
	yes := true
	_, err = chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: yes, HasUserVerification: yes, IsUserVerified: yes, AutomaticPresenceSimulation: yes,
	}})
	b.must(err)
}
