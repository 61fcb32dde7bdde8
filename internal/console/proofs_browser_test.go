package console_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// asking is the house's policy with other proofs, and nobody to approve.
func asking(proofs string) string {
	p := strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", "proofs: "+proofs, 1)
	return strings.Replace(p, "      approvals: [{role: manager, count: 1}]\n", "", 1)
}

// enrols registers the tab's authenticator as a passkey of somebody's own.
func (b tab) enrols(login string) {
	b.T.Helper()
	b.own(login)
	b.goTo("/security")
	b.open("security key")
	b.do("naming it", chromedp.SendKeys(chromedp.CSS("[data-label]"), "my telephone"))
	b.press("Register a passkey")
	b.sees("Your passkey is registered")
	b.Pass(proof.CoolOff)
}

// works signs the tab in as staff.
func (b tab) works(p identity.PersonID) {
	b.T.Helper()
	begun, err := b.signin.Begin(b.T.Context())
	b.Must(err)
	answer, err := b.Key(p).Assert("localhost", gatetest.Origin, begun.Options.Challenge)
	b.Must(err)
	token, _, err := b.signin.Finish(b.T.Context(), begun.ID, answer)
	b.Must(err)
	hidden := true
	_, err = chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "countersign", Value: token, URL: gatetest.Origin, HTTPOnly: &hidden})
	b.Must(err)
}

func (b tab) opens(code string) {
	b.T.Helper()
	b.goTo("/case")
	b.types("code", code)
	b.press("Open my case")
	b.sees("This wasn’t me")
}

func TestSomebodyProvesWithTheirOwnPasskey(t *testing.T) {
	h := gatetest.New(t, asking("passkey || totp"))
	_, _ = h.Enrol(gatetest.Wren, proof.TOTP)
	b := browse(t, h)
	complaints := b.complaints()
	b.passkey()
	b.enrols(gatetest.Wren)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	b.opens(v.Case)
	b.picture("case-ways")
	b.scripts(false)
	b.press("fingerprint")
	b.sees("Passkeys need JavaScript", "choose a way that needs none")
	b.picture("case-passkey-no-script")
	b.scripts(true)
	b.do("loading again", chromedp.Reload())
	b.sees("your passkey signs these bytes")
	b.picture("case-passkey")
	want, err := h.State(v.ID).ProofStatement(h.State(v.ID).Challenges[0].ID, "", "")
	h.Must(err)
	if text := b.text("[data-statement]"); text != string(want) {
		t.Errorf("the browser shows\n%s\nand what is signed is\n%s", text, want)
	}
	b.press("Sign with my passkey")
	b.sees("It is being carried out")
	if s := h.State(v.ID); len(s.Proofs) != 1 || s.Proofs[0].Method != proof.Passkey || len(s.Challenges) != 1 {
		t.Errorf("there is %+v", s.Proofs)
	}
	b.do("going back", chromedp.NavigateBack())
	b.sees("It is being carried out") // what was signed is not asked for again
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

func TestAClaimantWhoseSessionHasEndedIsLedToTheirCase(t *testing.T) {
	h := gatetest.New(t, asking("passkey"))
	b := browse(t, h)
	b.passkey()
	b.enrols(gatetest.Wren)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	b.opens(v.Case)
	b.press("fingerprint")
	b.sees("your passkey signs these bytes")
	leave := `fetch("/case/leave", {method: "POST"}).then((r) => { document.title = "left"; return r.text(); }), true`
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](leave)) // in another tab, say
	h.Must(err)
	_, err = chromedp.Run(b.ctx, chromedp.Poll[bool](`document.title === "left"`))
	h.Must(err)
	b.press("Sign with my passkey")
	b.sees("Open my case")
	if s := h.State(v.ID); len(s.Proofs) != 0 {
		t.Errorf("there is %+v", s.Proofs)
	}
}

var vouchAddress = regexp.MustCompile(`/vouch/[\w-]+`)

// vouchLink is the path of the link in a voucher's letter.
func (s *site) vouchLink(request, to string) string {
	s.T.Helper()
	for _, text := range s.Letters(request, to) {
		if m := vouchAddress.FindString(text); m != "" {
			return m
		}
	}
	s.T.Fatalf("no letter to %s has a link", to)
	return ""
}

// dated opens a request and ends it, so that the manager is on record.
func (s *site) dated() {
	s.T.Helper()
	v := s.Open(gatetest.Wren, identity.Unlock)
	_, err := s.Gate.Cancel(s.T.Context(), gatetest.Staff(gatetest.Finch), v.ID)
	s.Must(err)
	s.Pass(proof.CoolOff)
}

func TestAManagerVouchesWithTheirOwnPasskey(t *testing.T) {
	h := gatetest.New(t, asking("vouch || in_person"))
	moss := browse(t, h)
	moss.dated()
	complaints := moss.complaints()
	moss.passkey()
	moss.enrols(gatetest.Moss)
	v := h.Open(gatetest.Wren, identity.MFAReset)
	wren := moss.another()
	wren.scripts(false)
	wren.opens(v.Case)
	wren.press("Somebody vouches for you")
	wren.sees("Give it to nobody who has rung you")
	wren.picture("case-vouch")
	code := wren.text(".hand")

	moss.goTo(moss.vouchLink(v.ID, gatetest.MossesMail))
	moss.sees("Is it", "Only if you are sure")
	moss.picture("vouch")
	moss.types("code", "0000 0000")
	moss.press("Go on to read and sign")
	moss.sees("That is not right")
	moss.types("code", code)
	moss.press("Go on to read and sign")
	moss.sees("your passkey signs these bytes")
	moss.picture("vouch-sign")
	moss.press("Vouch with my passkey")
	moss.sees("Thank you. It is signed")
	moss.picture("vouch-done")
	if s := h.State(v.ID); len(s.Proofs) != 1 || s.Proofs[0].By != h.Person(gatetest.Moss) {
		t.Errorf("there is %+v", s.Proofs)
	}
	wren.press("Look whether it is done")
	wren.sees("It is being carried out")
	for _, c := range complaints() {
		if !contains(c, "422") { // the wrong code
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// foundedBy is a house with an account and nobody on the roster, and the
// invitation of its founder, who is to have other roles as well.
func foundedBy(t testing.TB, policy string, roles ...identity.Role) (*gatetest.House, string) {
	h := gatetest.Reopen(t, t.TempDir())
	_, err := h.Directory.Add(t.Context(), local.NewAccount{Login: gatetest.Wren, Name: "Wren Ito", Password: gatetest.FirstPassword, Contacts: []directory.Contact{
		{Kind: directory.ContactEmail, Address: gatetest.WrensMail, FirstSeen: h.Now().AddDate(-1, 0, 0)}}})
	h.Must(err)
	token, err := h.Gate.InviteFounder(t.Context(), gate.Invitee{Person: gatetest.Olive, Name: "Olive Park", Roles: append(roles, identity.Officer)}, []byte(policy))
	h.Must(err)
	return h, token
}

func TestAProofingOfficerAttestsInTheBrowser(t *testing.T) {
	h, invitation := foundedBy(t, strings.Replace(asking("in_person"), "desks:", "escalation: none\ndesks:", 1), identity.Proofing)
	olive := browse(t, h)
	olive.passkey()
	found(olive, invitation)
	v, err := h.Gate.Open(t.Context(), gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}}, gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.Phone})
	h.Must(err)
	wren := olive.another()
	wren.scripts(false)
	wren.opens(v.Case)
	wren.press("In person")
	wren.sees("Show it only to the officer")
	wren.picture("case-in-person")
	code := wren.text(".hand")

	olive.goTo("/proofing")
	olive.press("Sign in with a passkey")
	olive.sees("Somebody stands before you")
	olive.picture("proofing")
	olive.types("case", v.Case)
	olive.press("Show me who it is")
	olive.sees("Look, and compare")
	olive.do("choosing", chromedp.Click(chromedp.CSS("label[for=document-passport]")))
	olive.types("code", "1111 1111")
	olive.press("Go on to read and sign")
	olive.sees("That is not right", "Look, and compare")
	olive.picture("proofing-look")
	olive.types("code", code)
	olive.press("Go on to read and sign")
	olive.sees("your passkey signs these bytes")
	olive.picture("proofing-sign")
	if !contains(olive.text("[data-statement]"), "document: passport\n") {
		t.Error("the document that was chosen is not in the statement")
	}
	olive.press("Attest with my passkey")
	olive.sees("Signed. It stands on record")
	if s := h.State(v.ID); s.Status() != reset.Ready || s.Proofs[0].By != gatetest.Olive {
		t.Errorf("it stands at %s with %+v", s.Status(), s.Proofs)
	}
	wren.press("Look whether it is done")
	wren.sees("It is being carried out")
}

// Every page that needs no passkey, on an old telephone without a script.
func TestThePagesForEverybodyNeedNoScript(t *testing.T) {
	h := gatetest.New(t, strings.Replace(asking("totp || sms_code || voice_code || callback || device || idv || in_person || (recovery_code && email_code)"),
		"risk_analysis", "escalation: Ring the duty officer at +1 555 0100, who comes to you with a colleague.\nrisk_analysis", 1))
	h.AddLark()
	_, _ = h.Enrol(gatetest.Lark, proof.TOTP)
	_, _ = h.Enrol(gatetest.Lark, proof.RecoveryCode)
	b := browse(t, h)
	b.scripts(false)
	b.goTo("/")
	b.picture("front")
	b.goTo("/check")
	b.picture("check")
	b.types("code", "ABCD-2345")
	b.press("Check")
	b.sees("hang up")
	b.picture("check-none")
	v, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Lark, Action: identity.Unlock, Channel: identity.WalkIn})
	h.Must(err)
	b.goTo("/check")
	b.types("code", v.Case)
	b.press("Check")
	b.sees("There is such a request")
	b.picture("check-found")
	b.goTo("/help")
	b.picture("help")
	b.types("login", "lark")
	b.press("Ask for it")
	b.sees("Check your mail and messages")
	b.picture("help-asked")
	b.opens(v.Case)
	b.picture("case-all-ways")
	b.press("We call you back")
	b.sees("We ring the telephone on record now")
	b.picture("case-callback")
	finch := b.another()
	finch.works(gatetest.Finch)
	_ = h.Texted(h.Voice, v.ID, gatetest.LarksPhone)
	finch.goTo("/requests/" + v.ID)
	finch.sees("We are ringing the number on record that ends in …42.", "Never ask for")
	finch.picture("request-script")
	b.press("Choose another way")
	b.press("Code by text message")
	b.sees("Type it here and nowhere else")
	b.picture("case-sms")
	b.goTo("/case")
	b.press("This wasn’t me")
	b.sees("Security is told")
	b.picture("reported")
	h.Publish(strings.Replace(asking("device"), "risk_analysis", "escalation: Ring the duty officer at +1 555 0100, who comes to you with a colleague.\nrisk_analysis", 1))
	x := h.Open(gatetest.Wren, identity.PasswordReset)
	b.opens(x.Case)
	b.sees("Ring the duty officer")
	b.picture("case-no-way")
}
