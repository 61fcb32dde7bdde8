package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// speaks makes the tab's reader one who has chosen a language.
func (b tab) speaks(language string) {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "language", Value: language, URL: gatetest.Origin})
	b.Must(err)
}

// narrow looks at the page on the smallest telephone there is, and takes it.
func (b tab) narrow(name string) {
	b.T.Helper()
	b.Must(chromedp.Do(b.ctx, chromedp.EmulateViewport(320, 400)))
	m, err := chromedp.Call(b.ctx, page.GetLayoutMetrics, cdp.Empty{})
	b.Must(err)
	if over := int64(m.CSSContentSize.Width); over > 320 {
		b.T.Errorf("%s is %d wide on a screen of 320", name, over)
	}
	b.picture(name)
}

// waited is a policy with somebody to sign and a waiting time.
const waited = "      approvals: [{role: manager, count: 1}]\n      wait: 2h\n"

// The requester's way in German, without a script, on the smallest telephone.
func TestARequesterGoesTheirWayInGermanWithoutAScript(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	b := browse(t, h)
	b.scripts(false)
	b.speaks("de")
	b.goTo("/")
	b.sees("Was führt Sie her?")
	b.narrow("de-front")
	for path, name := range map[string]string{"/help": "de-help", "/check": "de-check", "/sign-in": "de-sign-in", "/security": "de-security-sign-in", "/not-me/x": "de-not-me", "/join": "de-join"} {
		b.goTo(path)
		b.narrow(name)
	}
	b.goTo("/nowhere")
	b.sees("Diese Seite gibt es nicht")

	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	_, _ = h.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	b.goTo("/check")
	b.types("code", v.Case)
	b.press("Prüfen")
	b.sees("Es gibt eine solche Anfrage")
	b.narrow("de-check-found")
	b.goTo("/case")
	b.types("code", v.Case)
	b.press("Meinen Fall öffnen")
	b.sees("Wählen Sie, wie Sie es nachweisen")
	b.narrow("de-case")
	b.press("Authenticator-App")
	b.types("answer", "000000")
	b.press("Bestätigen")
	b.sees("Das stimmt nicht")
	b.narrow("de-answer")
	b.types("answer", h.Code(seed))
	b.press("Bestätigen")
	b.sees("Es liegt bei denen, die unterzeichnen müssen")
	b.narrow("de-case-approving")
	b.carryOut(v.ID)
	b.press("Noch einmal nachsehen")
	b.sees("Ihr neues Passwort liegt bereit")
	b.press("Jetzt zeigen")
	b.sees("Einmal gezeigt")
	b.narrow("de-secret")
	b.press("Ich habe es; schließen")
	b.sees("Was führt Sie her?")

	b.own(gatetest.Wren)
	b.goTo("/security")
	b.sees("Womit Sie sich ausweisen können")
	b.narrow("de-security")
}

// What a form brought about is drawn at the form's address. The page follows
// its case from there too, until its session is gone.
func TestACaseIsFollowedFromWhereAWayWasClosed(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", "proofs: totp || email_code", 1))
	_, _ = h.Enrol(gatetest.Wren, proof.TOTP)
	b := browse(t, h)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	b.opens(v.Case)
	b.press("Authenticator app")
	token := h.Claim(v.Case) // another browser of the same person
	for range 4 {
		if err := h.Answer(token, proof.TOTP, "000000"); err == nil {
			t.Fatal("a wrong answer is taken")
		}
	}
	b.types("answer", "000000")
	b.press("Confirm")
	b.sees("This way is closed")
	p, err := h.Gate.Challenge(t.Context(), token, proof.EmailCode)
	h.Must(err)
	_, err = h.Gate.Answer(t.Context(), token, p.Challenge, gate.Reply{Text: h.MailedCode(v.ID, gatetest.WrensMail)})
	h.Must(err)
	b.sees("with the people who have to sign")
	if !eval[bool](b, `document.getElementById("line").hidden && location.pathname === "/case/answer"`) {
		t.Errorf("the page says %q", b.text("#line"))
	}

	_, err = chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{})
	h.Must(err)
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Deny))
	b.do("hearing of the end", chromedp.WaitVisible(`//*[@id="line"][text()="This page no longer follows your case. Open it again with your case code."]`))
}

// With scripts the case keeps itself fresh, the clock runs, and the secret is
// covered after a while.
func TestACaseThatWaitsIsAliveAndItsSecretIsCovered(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "      approvals: [{role: manager, count: 1}]\n", waited, 1))
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	b := browse(t, h)
	complaints := b.complaints()
	v, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.Phone, Ticket: "INC-1"})
	h.Must(err)
	b.opens(v.Case)
	b.press("Authenticator app")
	b.types("answer", h.Code(seed))
	b.press("Confirm")
	b.sees("with the people who have to sign")
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	b.sees("A waiting time runs", "Nothing happens before") // nobody has pressed anything
	b.picture("case-waiting")
	h.Pass(3 * time.Hour)
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	b.sees("Your new password is ready")
	b.press("Show it now")
	b.sees("Hidden in", "Character by character")
	b.press("Character by character")
	b.picture("case-secret-spelled")
	_, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => { const now = Date.now; Date.now = () => now() + 181000; return true; })()`))
	h.Must(err)
	b.sees("It is hidden now", "Show it again")
	b.picture("case-secret-covered")
	b.press("Show it again")
	b.sees("Your new password")
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}
