package console_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/device"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
)

var handCode = regexp.MustCompile(`<p class="hand" translate="no">([0-9 ]+)</p>`)

// handed is the code that the page gives to be handed over.
func (p seen) handed() string {
	p.t.Helper()
	m := handCode.FindStringSubmatch(p.body)
	if m == nil {
		p.t.Fatalf("%s has no code to hand over: %s", p.path, p.text())
	}
	return m[1]
}

// answerOf is the address of a request's newest challenge.
func answerOf(s *site, request string) string {
	c := s.State(request).Challenges
	return "/case/answer?challenge=" + c[len(c)-1].ID
}

func removal(p identity.PersonID) roster.Proposed {
	return roster.Proposed{Kind: roster.RemoveMember, Person: p}
}

// cased is somebody who has come forward in a house with these proofs.
func cased(t *testing.T, proofs string, enrol ...func(*site)) (*site, gate.View, *visitor) {
	t.Helper()
	s := openSite(t, gatetest.New(t, asking(proofs)), nil)
	for _, e := range enrol {
		e(s)
	}
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case).is(http.StatusOK)
	return s, v, b
}

func TestEachWayHasAButtonAndSaysWhomItSuits(t *testing.T) {
	_, _, b := cased(t, "in_person || idv || oidc", func(s *site) { registerSubject(s) })
	b.get("/case").says("Each of these is enough", "In person", "For everybody who can come to a proofing officer", "For whoever is far away and has an identity document").
		never("ask the desk; this cannot be done", "Sign-in at your organisation") // it opens with what is being reset
}

func TestACodeToHandOverSurvivesReloadingAndIsInNoAddress(t *testing.T) {
	s, v, b := cased(t, "in_person")
	p := b.post("/case/challenge", "method", "in_person").is(http.StatusOK)
	code := p.handed()
	if strings.Contains(p.path, strings.ReplaceAll(code, " ", "")) || strings.Contains(p.header.Get("Refresh"), code) {
		t.Errorf("the code stands in %s", p.path)
	}
	s.Pass(5 * time.Hour)
	if again := b.get(p.path).is(http.StatusOK); again.handed() != code {
		t.Error("another code is shown")
	}
	if n := len(s.State(v.ID).Challenges); n != 1 {
		t.Errorf("loading again asked %d times", n)
	}
	other := s.visitor()
	other.post("/case", "code", v.Case)
	other.get(p.path).is(http.StatusNotFound).never(code)
	s.visitor().get(p.path).is(http.StatusUnauthorized).never(code)
	s.NoSecret(code, strings.ReplaceAll(code, " ", ""))
}

func TestAPageThatWaitsForAWitnessLooksAgainUntilTold(t *testing.T) {
	_, _, b := cased(t, "in_person")
	p := b.post("/case/challenge", "method", "in_person")
	if want := "10; url=" + p.path; p.refresh() != want {
		t.Errorf("it looks again: %q", p.refresh())
	}
	if p := b.get(p.path + "&still").says("Let the page look by itself"); p.refresh() != "" {
		t.Errorf("it looks again: %q", p.refresh())
	}
}

func TestAChallengeThatLapsedSaysSo(t *testing.T) {
	s, _, b := cased(t, "in_person || totp", func(s *site) { s.Enrol(gatetest.Wren, proof.TOTP) })
	p := b.post("/case/challenge", "method", "totp")
	s.Pass(11 * time.Minute)
	b.get(p.path).is(http.StatusGone).says("That took too long", "In person")
}

func TestAPasskeyIsAskedOverTheExactStatement(t *testing.T) {
	var key interface {
		Assert(rpID, origin string, challenge []byte) ([]byte, error)
	}
	s, v, b := cased(t, "passkey", func(s *site) {
		key, _ = s.ownKey(gatetest.Wren, "laptop")
		s.Pass(proof.CoolOff)
	})
	p := b.post("/case/challenge", "method", "passkey").is(http.StatusOK).says("Passkeys need JavaScript", "Choose another way", v.Words)
	id := s.State(v.ID).Challenges[0].ID
	want, err := s.State(v.ID).ProofStatement(id, "", "")
	s.Must(err)
	k := p.task()
	if p.statement() != string(want) || k.Options.Challenge != challengeOf(string(want)) || len(k.Options.Allow) != 1 ||
		k.Post != "/api/v1/case/challenges/"+id+"/answer" || k.Next != "/case" || !contains(p.body, `data-lost="/case"`) {
		t.Errorf("the page shows\n%s\nfor %+v", p.statement(), k)
	}
	b.post("/case/answer", "challenge", id, "answer", "yes").is(http.StatusUnprocessableEntity).says("an assertion") // never a bare yes
	response, err := key.Assert("localhost", gatetest.Origin, want.Challenge())
	s.Must(err)
	a, err := passkey.ParseAssertion(response)
	s.Must(err)
	_, err = s.Gate.Answer(t.Context(), b.caseToken(), id, gate.Reply{Assertion: &a})
	s.Must(err)
	b.get(p.path).at("/case").says("It is being carried out") // a page that has gone stale leads on
	b.post("/case/answer", "challenge", id, "answer", "yes").at("/case")
}

// caseToken is the session that the browser holds.
func (v *visitor) caseToken() string {
	v.T.Helper()
	r, err := http.NewRequestWithContext(v.T.Context(), http.MethodGet, v.server.URL, nil)
	v.Must(err)
	for _, c := range v.client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	token, err := v.signin.CaseToken(r)
	v.Must(err)
	return token
}

func TestADeviceSignsTheFileAndItsAnswerIsPasted(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, v, b := cased(t, "device", func(s *site) {
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		s.Must(err)
		_, err = s.Gate.Enrol(t.Context(), gate.Caller{Token: "mdm", Scopes: []gate.Scope{gate.ScopeEnrol}}, gate.Registering{
			Login: gatetest.Wren, Method: proof.Device, Key: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
		s.Must(err)
		s.Pass(proof.CoolOff)
	})
	p := b.post("/case/challenge", "method", "device").is(http.StatusOK).says("countersign device sign --key KEYFILE statement.txt")
	file := b.get("/case/answer/statement?challenge=" + p.hidden("challenge")).is(http.StatusOK)
	want, err := s.State(v.ID).ProofStatement(p.hidden("challenge"), "", "")
	s.Must(err)
	if file.body != string(want) || file.header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the file is %q, %v", file.body, file.header)
	}
	if shown := html.UnescapeString(tags.ReplaceAllString(statementText.FindStringSubmatch(p.body)[1], "")); shown != string(want) {
		t.Errorf("the page shows\n%s", shown)
	}
	b.post("/case/answer", "challenge", p.hidden("challenge"), "answer", "AAAA").is(http.StatusUnprocessableEntity).says("That is not right", "KEYFILE")
	answer, err := device.Sign(rand.Reader, k, []byte(want))
	s.Must(err)
	b.post("/case/answer", "challenge", p.hidden("challenge"), "answer", "\n "+answer+"\r\n").at("/case").says("It is being carried out")
	s.visitor().get("/case/answer/statement?challenge=" + p.hidden("challenge")).is(http.StatusUnauthorized)
}

var statementText = regexp.MustCompile(`(?s)<pre class="statement"[^>]*>(.*?)</pre>`)

func TestOnlyADevicesStatementIsAFile(t *testing.T) {
	_, _, b := cased(t, "in_person")
	p := b.post("/case/challenge", "method", "in_person")
	b.get("/case/answer/statement?challenge=" + strings.TrimPrefix(p.path, "/case/answer?challenge=")).is(http.StatusNotFound)
	b.get("/case/answer/statement?challenge=chl_none").is(http.StatusNotFound)
	b.get("/case/answer/statement").is(http.StatusNotFound)
}

func registerSubject(s *site) {
	_, err := s.Gate.Enrol(s.T.Context(), gate.Caller{Token: "onboarding", Scopes: []gate.Scope{gate.ScopeEnrol}},
		gate.Registering{Login: gatetest.Wren, Method: proof.IDV, Subject: "pat-17"})
	s.Must(err)
	s.Pass(proof.CoolOff)
}

func TestAResultOfIdentityProofingIsPasted(t *testing.T) {
	s, v, b := cased(t, "idv", registerSubject)
	p := b.post("/case/challenge", "method", "idv").is(http.StatusOK).says("A provider that your organisation trusts")
	id := p.hidden("challenge")
	if !contains(html.UnescapeString(p.body), gatetest.Proofer+"/start?nonce="+id) {
		t.Errorf("no way to the provider: %s", p.body)
	}
	b.post("/case/answer", "challenge", id, "answer", "ey.ey.ey").is(http.StatusUnprocessableEntity).says("That is not right")
	b.post("/case/answer", "challenge", id, "answer", s.Proofed(id, "pat-17", nil)).at("/case").says("It is being carried out")
	if m := s.State(v.ID).Proofs[0].Method; m != proof.IDV {
		t.Errorf("it is %s", m)
	}
}

func TestTheCodeOfACallGoesBackByTheAgent(t *testing.T) {
	s := openSite(t, gatetest.New(t, asking("callback")), nil)
	s.AddLark()
	v, err := s.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Lark, Action: identity.Unlock, Channel: identity.WalkIn})
	s.Must(err)
	lark, finch := s.visitor(), s.staff(gatetest.Finch)
	lark.post("/case", "code", v.Case)
	finch.get("/requests/"+v.ID).says(v.Words, "Never ask for", "a password, or a code").never("We are ringing", gatetest.LarksPhone, "0142")
	finch.post("/requests/"+v.ID+"/callback", "code", "0000 0000").is(http.StatusNotFound).says("No call is under way")
	page := lark.post("/case/challenge", "method", "callback").is(http.StatusOK).says("We ring the telephone on record now", v.Words, "Finch Day").never(gatetest.LarksPhone, "0142", `name="answer"`)
	spoken := s.Texted(s.Voice, v.ID, gatetest.LarksPhone)
	finch.get("/requests/"+v.ID).says("the number on record that ends in …42", "or any other code than the one from this call").never(gatetest.LarksPhone, spoken)
	s.staff(gatetest.Sorrel).get("/requests/"+v.ID).never("We are ringing", "/callback", "Never ask for")
	s.visitor().post("/requests/"+v.ID+"/callback", "code", spoken).at("/sign-in?next=%2Frequests%2F" + v.ID + "%2Fcallback")
	finch.get("/requests/" + v.ID + "/callback").at("/requests/" + v.ID)
	s.staff(gatetest.Sorrel).post("/requests/"+v.ID+"/callback", "code", spoken).is(http.StatusForbidden)
	finch.post("/requests/"+v.ID+"/callback", "code", "0000 0000").is(http.StatusUnprocessableEntity).says("That is not right")
	finch.post("/requests/"+v.ID+"/callback", "code", spoken[:4]+" "+spoken[4:]).is(http.StatusOK).at("/requests/" + v.ID).says("Call back").never("We are ringing")
	finch.post("/requests/"+v.ID+"/callback", "code", spoken).is(http.StatusNotFound)
	lark.get(page.path).at("/case").says("It is being carried out")
	s.NoSecret(spoken)
}

func TestACodeByTelephoneIsTypedByItsOwner(t *testing.T) {
	s := openSite(t, gatetest.New(t, asking("sms_code || voice_code")), nil)
	s.AddLark()
	v, err := s.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Lark, Action: identity.Unlock, Channel: identity.WalkIn})
	s.Must(err)
	b := s.visitor()
	b.post("/case", "code", v.Case).says("Code by text message", "Code by telephone")
	ask := b.post("/case/challenge", "method", "sms_code").says("the telephone on record", "Type it here and nowhere else").never(gatetest.LarksPhone)
	b.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", s.Texted(s.SMS, v.ID, gatetest.LarksPhone)).at("/case").says("It is being carried out")
}

func TestWhatIsProvedStaysAndTheWayOutIsThePolicys(t *testing.T) {
	stuck := openSite(t, gatetest.New(t, strings.Replace(asking("totp && device"), "risk_analysis", "escalation: Go to <b>the gate</b>.\nrisk_analysis", 1)), nil)
	_, _ = stuck.Enrol(gatetest.Wren, proof.TOTP)
	x := stuck.Open(gatetest.Wren, identity.PasswordReset)
	stuck.visitor().post("/case", "code", x.Case).says("No way to prove yourself is open here", "laid down what happens now", "Go to <b>the gate</b>.").never("Go to <b>")
	var seed gatetest.Seed
	s, v, b := cased(t, "totp && in_person", func(s *site) { seed, _ = s.Enrol(gatetest.Wren, proof.TOTP) })
	b.get("/case").says("Both of these, in any order, now or later")
	hand := b.post("/case/challenge", "method", "in_person")
	b.prove(proof.TOTP, s.Code(seed)).at("/case").says("Proved so far: Authenticator app", "You can do the rest later, in this browser", "What is still missing", "In person")
	if again := b.get(hand.path).is(http.StatusOK); again.handed() != hand.handed() { // the other sitting
		t.Error("another code is shown")
	}
	if st := s.State(v.ID).Status(); st != reset.Proving {
		t.Errorf("it stands at %s", st)
	}
}

func TestHostileTextOnTheCardIsText(t *testing.T) {
	s := openSite(t, gatetest.New(t, asking("in_person")), nil)
	s.Invite("staff:rook", hostile, "helpdesk", identity.Agent)
	v, err := s.Gate.Open(t.Context(), gatetest.Staff("staff:rook"), gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.Phone})
	s.Must(err)
	b := s.visitor()
	for _, p := range []seen{b.post("/case", "code", v.Case), b.post("/case/challenge", "method", "in_person"), b.post("/check", "code", v.Case)} {
		p.is(http.StatusOK).says("onerror=alert(1)").never("<img src=x")
	}
}

func TestFormsOfAnotherSiteProveReportAndAskNothing(t *testing.T) {
	s, v, b := cased(t, "in_person")
	for _, path := range []string{"/case/challenge", "/case/answer", "/case/not-me", "/check", "/check/report", "/help", "/vouch/vch_x", "/vouch/vch_x/not-them", "/proofing", "/requests/" + v.ID + "/callback"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+path, strings.NewReader("method=in_person&code="+v.Case+"&login=wren&action=unlock"))
		s.Must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		b.do(r).is(http.StatusForbidden).says("from another site")
	}
	if len(s.State(v.ID).Challenges) != 0 {
		t.Error("a challenge was asked for from elsewhere")
	}
	for _, kind := range []string{gate.JobSelf, gate.JobReport} {
		if items, err := s.Store.Items(t.Context(), "errand", kind, s.Now()); err != nil || len(items) != 0 {
			t.Errorf("%d of %s were left (%v)", len(items), kind, err)
		}
	}
}

func TestAskingTwiceIsTwoChallengesAndOneProof(t *testing.T) {
	var seed gatetest.Seed
	s, v, b := cased(t, "totp", func(s *site) { seed, _ = s.Enrol(gatetest.Wren, proof.TOTP) })
	first := b.post("/case/challenge", "method", "totp")
	second := b.post("/case/challenge", "method", "totp")
	if first.hidden("challenge") == second.hidden("challenge") {
		t.Error("one challenge stands for two")
	}
	b.get(first.path).is(http.StatusOK) // the back button
	code := s.Code(seed)
	b.post("/case/answer", "challenge", first.hidden("challenge"), "answer", code).at("/case")
	b.post("/case/answer", "challenge", first.hidden("challenge"), "answer", code).at("/case").says("It is being carried out") // pressed twice
	if n := len(s.State(v.ID).Proofs); n != 1 {
		t.Errorf("there are %d proofs", n)
	}
}
