package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

const signedBySecurity = `apiVersion: countersign/v1
name: browser
risk_analysis: none, this is a test
classes: [{class: standard, when: "true"}]
rules:
  - rule: everyone
    when: "true"
    demand:
      proofs: totp || (recovery_code && email_code)
      approvals: [{role: security, count: 1}]
      tier: elevated
`

// unfounded is a house with an account and nobody on the roster, and the
// invitation of its founder.
func unfounded(t testing.TB) (*gatetest.House, string) {
	return foundedBy(t, signedBySecurity, identity.Security)
}

// theFounder is the founder's browser, with the key by which they founded the
// roster of a house of their own.
func theFounder(t testing.TB) tab {
	h, invitation := unfounded(t)
	b := browse(t, h)
	b.passkey()
	found(b, invitation)
	return b
}

// One reset by clicks: the founder joins with a passkey, the requester proves
// themselves without JavaScript, the founder signs, the password changes.
func TestAResetByClicksInARealBrowser(t *testing.T) {
	h, invitation := unfounded(t)
	olive := browse(t, h)
	complaints := olive.complaints()
	olive.passkey()
	found(olive, invitation)

	_, _ = h.Enrol(gatetest.Wren, proof.RecoveryCode)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v, err := h.Gate.Open(t.Context(), gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}},
		gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.Phone, Ticket: "INC-20417"})
	h.Must(err)

	wren := olive.another()
	wren.scripts(false)
	proveByClicks(wren, v.Case, h.Code(seed))

	signByClicks(olive, v.ID)
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	olive.goTo("/requests/" + v.ID)
	olive.sees("Receipt")
	olive.picture("request")
	collectByClicks(t, wren)

	for _, c := range complaints() {
		// Before signing in, asking who one is answers 401.
		if !contains(c, "401 (Unauthorized)") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}

func found(b tab, invitation string) {
	b.T.Helper()
	b.goTo("/join#" + invitation)
	b.sees("Join the roster")
	b.picture("join")
	b.press("Register a passkey")
	b.sees("Sign the founding entry", "your passkey signs these bytes")
	b.picture("join-founding")
	if at, err := chromedp.Run(b.ctx, chromedp.Location()); err != nil || at != gatetest.Origin+"/join" {
		b.T.Errorf("the invitation stays in the address: %s (%v)", at, err)
	}
	b.press("Sign with my passkey")
	b.sees("The roster is founded")
	b.picture("join-founded")
	chain, err := b.Gate.Chain(b.T.Context())
	b.Must(err)
	if len(chain.Members[gatetest.Olive].Passkeys) != 1 || chain.Members[gatetest.Olive].Passkeys[0].Software {
		b.T.Errorf("the roster has %+v", chain.Members)
	}
	b.press("Sign in")
	b.sees("Staff sign in")
	b.picture("sign-in")
}

func proveByClicks(b tab, code, digits string) {
	b.T.Helper()
	b.goTo("/")
	b.types("code", code)
	b.press("Open my case")
	b.sees("Choose how to prove it")
	b.picture("case-proving")
	b.press("Authenticator app")
	b.types("answer", "000000")
	b.press("Confirm")
	b.sees("That is not right")
	b.picture("case-answer")
	b.types("answer", digits)
	b.press("Confirm")
	b.sees("with the people who have to sign")
	b.picture("case-approving")
}

func signByClicks(b tab, request string) {
	b.T.Helper()
	b.goTo("/requests/" + request + "/sign?decision=approval")
	b.press("Sign in with a passkey")
	b.sees("Approve: New password for Wren Ito", "your passkey signs these bytes")
	b.goTo("/approvals")
	b.sees("Wren Ito")
	b.picture("approvals")
	b.press("Wren Ito")
	b.sees("your passkey signs these bytes")
	b.picture("sign")
	if text := b.text("[data-statement]"); text != statementOf(b, request) {
		b.T.Errorf("the browser shows\n%s\nand what is signed is\n%s", text, statementOf(b, request))
	}
	b.do("noting", chromedp.SendKeys(chromedp.CSS("#note"), "called back on the number on record"))
	b.press("Approve with my passkey")
	b.sees("Olive Park")
	s := b.State(request)
	if s.Status() != reset.Ready || len(s.Votes) != 1 || s.Votes[0].Person != gatetest.Olive {
		b.T.Fatalf("the request stands at %s with %+v", s.Status(), s.Votes)
	}
	b.Pass(time.Second)
}

// What ended, or was signed in another tab, meanwhile cannot be signed by
// pressing again: the page leads to where it stands.
func TestASignatureThatCannotCountAnyMoreIsNotAskedForAgain(t *testing.T) {
	olive := theFounder(t)
	h := olive.House
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	itsm := gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}}
	v, err := h.Gate.Open(t.Context(), itsm, gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
	h.Must(err)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	olive.goTo("/requests/" + v.ID + "/sign?decision=approval")
	olive.press("Sign in with a passkey")
	olive.sees("your passkey signs these bytes")
	_, err = h.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Olive), v.ID)
	h.Must(err)
	olive.press("Approve with my passkey")
	olive.sees("See how it stands")
	olive.picture("sign-over")
	if !eval[bool](olive, `document.querySelector("[data-act]").disabled`) {
		t.Error("the button offers the same again")
	}
	olive.press("See how it stands")
	olive.sees("How far it is", "cancelled")
}

func statementOf(b tab, request string) string {
	text, err := b.State(request).Statement(reset.Approve)
	b.Must(err)
	return string(text)
}

func collectByClicks(t *testing.T, b tab) {
	t.Helper()
	b.goTo("/case")
	b.sees("Your new password is ready")
	b.picture("case-done")
	b.press("Show it now")
	b.sees("Shown once")
	b.picture("case-secret")
	shown := b.text(".secret")
	a, err := b.Directory.Find(t.Context(), gatetest.Wren)
	b.Must(err)
	b.Must(b.Directory.VerifyPassword(t.Context(), a.ID, shown))
	b.press("I have it; close")
	b.sees("What brings you here?")
	_ = chromedp.Do(b.ctx, chromedp.NavigateBack()) // a browser may refuse to go back to it at all
	html, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	b.Must(err)
	if contains(html, shown) {
		t.Error("the back button brings the password back")
	}
	b.NoSecret(shown)
}

func TestAPageThatLiesAboutTheStatementIsNotSigned(t *testing.T) {
	b := theFounder(t)
	h := b.House
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v, err := h.Gate.Open(t.Context(), gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}}, gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
	h.Must(err)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	b.goTo("/requests/" + v.ID + "/sign?decision=approval")
	b.press("Sign in with a passkey")
	b.sees("your passkey signs these bytes")
	_, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => { const s = document.querySelector("[data-statement]").childNodes[5]; s.lastChild.textContent = ": chair\n"; return true; })()`))
	h.Must(err)
	b.press("Approve with my passkey")
	b.sees("this text is not what your passkey would sign", "Nothing was signed")
	b.picture("sign-lying")
	if s := h.State(v.ID); len(s.Votes) != 0 {
		t.Errorf("it was signed: %+v", s.Votes)
	}
	b.do("looking at the button", chromedp.WaitVisible(chromedp.CSS("button[data-act][disabled]")))
}

func TestASessionThatEndsWhileReadingComesBackToTheSamePage(t *testing.T) {
	b := theFounder(t)
	h := b.House
	v, err := h.Gate.Open(t.Context(), gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}}, gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
	h.Must(err)
	b.goTo("/requests/" + v.ID + "/sign?decision=denial")
	b.press("Sign in with a passkey")
	b.sees("your passkey signs these bytes")
	h.Pass(2 * time.Hour)
	b.do("giving a reason", chromedp.SendKeys(chromedp.CSS("#note"), "nobody expected it"))
	b.press("Deny with my passkey")
	b.press("Sign in with a passkey")
	b.sees("your passkey signs these bytes")
	b.picture("sign-denial")
	b.press("Deny with my passkey")
	b.sees("Olive Park")
	if st := h.State(v.ID).Status(); st != reset.Denied {
		t.Errorf("the request stands at %s", st)
	}
	b.goTo("/sign-in?next=%2Fapprovals")
	b.sees("Nothing waits for you") // signed in already: on it goes
}

func TestStoppingByTheLinkWorksWithoutAScript(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	b := browse(t, h)
	b.scripts(false)
	_, _ = h.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	link := b.vetoLink(v.ID)
	b.goTo(link)
	b.picture("not-me")
	b.press("This wasn’t me: stop it")
	b.sees("It is stopped")
	b.picture("not-me-said")
	if st := h.State(v.ID).Status(); st != reset.Vetoed {
		t.Errorf("the request stands at %s", st)
	}
	b.goTo("/not-me/unknown")
	b.press("This wasn’t me: stop it")
	b.sees("This link is not known")
}

func TestAnInviteeReadsOutTheFingerprintAndAnOfficerCountersigns(t *testing.T) {
	olive := theFounder(t)
	h := olive.House
	token, err := h.Gate.Invite(t.Context(), gatetest.Staff(gatetest.Olive), gate.Invitee{Person: "staff:finch", Name: "Finch Day", Roles: []identity.Role{identity.Agent}, Desk: "helpdesk"})
	h.Must(err)

	finch := olive.another()
	finch.passkey()
	finch.goTo("/join#inv_unknown")
	finch.press("Register a passkey")
	finch.sees("This invitation is not known, was used, or has lapsed")
	finch.goTo("/join")
	finch.sees("This page needs the whole link")
	finch.goTo("/?") // away, so that the link opens the page anew
	finch.goTo("/join#" + token)
	finch.press("Register a passkey")
	finch.sees("Officers of the roster now have to countersign")
	finch.picture("join-proposed")
	print := finch.text("[data-fingerprint]")

	olive.press("Sign in with a passkey")
	olive.sees("Changes of the roster")
	olive.press("staff:finch")
	olive.sees("your passkey signs these bytes")
	olive.picture("roster-sign")
	if !contains(olive.text("[data-statement]"), print) {
		t.Errorf("the statement does not hold %s", print)
	}
	olive.press("Countersign with my passkey")
	olive.sees("Nothing waits for you")
	olive.picture("approvals-empty")
	if _, member := must(h.Gate.Chain(t.Context())).Members["staff:finch"]; !member {
		t.Error("finch is not on the roster")
	}
}

func TestAnOfficerSignsForAnIntegrationAndItsTokenIsShownOnce(t *testing.T) {
	olive := theFounder(t)
	olive.press("Sign in with a passkey")
	olive.sees("Nothing waits for you")
	olive.goTo("/roster")
	olive.press("Let an integration in")
	olive.types("name", "tickets")
	olive.press("Read what is to be signed")
	olive.sees("A token needs a scope")
	olive.picture("roster-token-refused")
	olive.do("ticking a scope", chromedp.Click(chromedp.CSS("input[name=scope][value='requests:open']")))
	olive.press("Read what is to be signed")
	olive.sees("your passkey signs these bytes")
	olive.picture("roster-token")
	olive.press("Let it in with my passkey")
	olive.sees("The token of tickets")
	olive.picture("roster-token-shown")
	token := olive.text("[data-shown] .secret")
	if c, err := olive.Gate.ByToken(t.Context(), token); err != nil || c.Token != "tickets" {
		t.Errorf("%q lets %+v in, %v", token, c, err)
	}
	olive.press("Back to the roster")
	olive.sees("tickets")
	olive.do("going back", chromedp.NavigateBack())
	if shown := olive.text("main"); contains(shown, token) {
		t.Error("it is shown again")
	}
	olive.NoSecret(token)

	// A name that is in use is refused beside the form, and the reader is there.
	olive.goTo("/roster/tokens/sign?name=tickets&scope=requests:open&days=30")
	olive.sees("A token of that name is in use.")
	olive.until("the refusal has the focus", `document.activeElement.closest("#tokens details[open]") !== null && document.activeElement.textContent.includes("A token of that name is in use.")`)
	olive.until("it is in sight", `(() => { const r = document.querySelector("#tokens [role=alert]").getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()`)
	if n := eval[int](olive, `document.querySelectorAll("[role=alert]").length`); n != 1 {
		t.Errorf("the page has %d alerts", n)
	}
	olive.picture("roster-token-in-use")

	// It was signed in another tab, and the page says so in its own language.
	olive.speaks("de")
	olive.goTo("/roster/tokens/sign?name=monitoring&scope=ledger:read&days=30")
	olive.sees("Ihr Passkey unterzeichnet genau diese Bytes")
	papers := must(olive.Store.Items(t.Context(), "token_paper", string(gatetest.Olive), olive.Now()))
	for _, p := range papers {
		olive.Must(olive.Store.Change(t.Context(), store.ItemChange{Item: p, Delete: true, Expect: p.Version}))
	}
	olive.press("Mit meinem Passkey zulassen")
	olive.sees("Diese Erklärung wurde schon unterzeichnet")
}

func TestAnOfficerReadsWhatAPolicyChangesAndSignsIt(t *testing.T) {
	olive := theFounder(t)
	h := olive.House
	inForce := must(h.Gate.Chain(t.Context())).PolicyText
	stricter := strings.Replace(inForce, "rules:\n", "rules:\n  # <b>Three</b> hours to think.\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)
	id, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.PublishPolicy, PolicyText: stricter})
	h.Must(err)

	olive.press("Sign in with a passkey")
	olive.sees("Changes of the roster")
	olive.goTo("/roster/proposals/" + id + "/sign")
	olive.sees("your passkey signs these bytes")
	olive.sees("Countersign a new policy")
	olive.sees("The new policy asks more of")
	olive.press("The new policy")
	olive.sees("<b>Three</b> hours to think.")
	olive.picture("policy-sign")
	olive.press("Countersign with my passkey")
	olive.sees("Nothing waits for you")
	if chain := must(h.Gate.Chain(t.Context())); chain.PolicyText != stricter {
		t.Errorf("in force is\n%s", chain.PolicyText)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
