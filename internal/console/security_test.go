package console_test

import (
	"encoding/base32"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/openid/openidtest"
	"countersign/internal/proof"
	"countersign/internal/signin"
	"countersign/internal/softkey"
)

// ownerOf is what the gate says of the owner of a login's account, as if the
// provider had signed them in.
func (s *site) ownerOf(login string) gate.Owner {
	s.T.Helper()
	a, err := s.Directory.Find(s.T.Context(), login)
	s.Must(err)
	return gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC}
}

// owner is a browser in which somebody looks after their own account.
func (s *site) owner(login string) *visitor {
	s.T.Helper()
	token, err := s.signin.OpenOwner(s.T.Context(), s.ownerOf(login))
	s.Must(err)
	v := s.visitor()
	v.hold(token)
	return v
}

// hold gives the browser an owner's session.
func (v *visitor) hold(token string) {
	v.T.Helper()
	w := httptest.NewRecorder()
	v.signin.SetOwnerCookie(w, token)
	at, err := url.Parse(v.server.URL)
	v.Must(err)
	v.client.Jar.SetCookies(at, w.Result().Cookies())
}

// held is the owner's session of the browser, "" without.
func (v *visitor) held() string {
	at, err := url.Parse(v.server.URL)
	v.Must(err)
	for _, c := range v.client.Jar.Cookies(at) {
		if c.Name == "owner" {
			return c.Value
		}
	}
	return ""
}

// ownKey registers a passkey of somebody's.
func (s *site) ownKey(login, label string) (softkey.Key, gate.Added) {
	s.T.Helper()
	o := s.ownerOf(login)
	o.Since = s.Now()
	b, err := s.Gate.AddPasskey(s.T.Context(), o, label)
	s.Must(err)
	key := s.NewKey()
	response, err := key.Register("localhost", gatetest.Origin, b.Options.Challenge)
	s.Must(err)
	added, err := s.Gate.ConfirmPasskey(s.T.Context(), o, b.Enrolment, response)
	s.Must(err)
	return key, added
}

// signsIn answers the page's passkey prompt with the cookies of the browser.
func (v *visitor) signsIn(key softkey.Key) {
	v.T.Helper()
	begun, err := v.signin.Begin(v.T.Context())
	v.Must(err)
	answer, err := key.Assert("localhost", gatetest.Origin, begun.Options.Challenge)
	v.Must(err)
	at, err := url.Parse(v.server.URL)
	v.Must(err)
	r := httptest.NewRequestWithContext(v.T.Context(), http.MethodPost, "/", nil)
	for _, c := range v.client.Jar.Cookies(at) {
		r.AddCookie(c)
	}
	token, _, err := v.signin.FinishOwner(v.T.Context(), r, begun.ID, answer)
	v.Must(err)
	v.hold(token)
}

var appSecret = regexp.MustCompile(`translate="no">([A-Z2-7 ]+)<`)

func TestPeopleSeeByWhatTheyCanProveThemselves(t *testing.T) {
	s := newSite(t)
	_, _ = s.Enrol(gatetest.Wren, proof.RecoveryCode)
	s.ownKey(gatetest.Wren, "<b>laptop</b>")
	p := s.owner(gatetest.Wren).get("/security").is(http.StatusOK)
	p.says("Wren Ito", "Printed recovery code", "registered by the system “onboarding”", "Passkey <b>laptop</b>", "Counts for requests opened from 8 March 2026, 09:00 UTC",
		"w…@private.example", "w…@corp.example", "proves nothing", "the directory corp", "not lost together")
	p.never("<b>laptop", gatetest.WrensMail)
}

func TestWhoIsNotSignedInIsAskedTo(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/security", "/security/first", "/security/again", "/security/remove/enr_x"} {
		s.visitor().get(path).is(http.StatusOK).says("Sign in with my own passkey").never("Wren", "/security/oidc")
	}
	for _, path := range []string{"/security/app", "/security/address", "/security/confirm", "/security/recovery-code", "/security/colleague", "/security/remove/enr_x", "/security/request"} {
		s.visitor().post(path).is(http.StatusUnauthorized).says("Sign in with my own passkey")
	}
	s.visitor().get("/security/oidc").is(http.StatusNotFound)
}

func TestWhatANewFactorDoesToTheOldOneIsSaidBefore(t *testing.T) {
	s := newSite(t)
	s.owner(gatetest.Wren).get("/security").says("It counts only after 3 days.").never("The old one stops")
	_, _ = s.Enrol(gatetest.Wren, proof.RecoveryCode)
	s.owner(gatetest.Wren).get("/security").says("The old one stops working at once; the new one counts only after 3 days.", "It counts only after 3 days.").never("as soon as you confirm")
	_, _ = s.Enrol(gatetest.Wren, proof.TOTP)
	s.owner(gatetest.Wren).get("/security").says("The old one stops working as soon as you confirm the new one, which counts only after 3 days.").never("It counts only after")
}

func TestAnAppIsSetUpWithoutAScript(t *testing.T) {
	s := newSite(t)
	b := s.owner(gatetest.Wren)
	p := b.post("/security/app", "label", "old telephone").is(http.StatusOK).says("Scan this")
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(appSecret.FindStringSubmatch(p.body)[1], " ", ""))
	s.Must(err)
	if !strings.Contains(p.body, `href="otpauth://totp/`) || !strings.Contains(p.body, `<path d="M4 4h7v1h-7z`) {
		t.Error("there is no code to scan, or no link")
	}
	id := p.hidden("id")
	b.post("/security/confirm", "id", id, "method", "totp", "code", "000000").is(http.StatusUnprocessableEntity).says("not right").never("otpauth", "<path")
	b.post("/security/confirm", "id", id, "method", "totp", "code", s.Code(seed)).is(http.StatusOK).at("/security?done=app").says("Your authenticator app is registered", "old telephone")
	b.post("/security/confirm", "id", id, "method", "totp", "code", s.Code(seed)).is(http.StatusNotFound).says("not there any more")
	s.NoSecret(appSecret.FindStringSubmatch(p.body)[1], base32.StdEncoding.EncodeToString(seed))
}

func TestAnAddressIsConfirmedByTheCodeThatWentThere(t *testing.T) {
	s := newSite(t)
	b := s.owner(gatetest.Wren)
	p := b.post("/security/address", "method", "recovery_contact", "address", "dove@elsewhere.example", "label", "Dove").is(http.StatusOK).says("dove@elsewhere.example", "ask them for it")
	code := s.MailedCode("", "dove@elsewhere.example")
	for range 5 {
		b.post("/security/confirm", "id", p.hidden("id"), "code", "0000 0000").is(http.StatusUnprocessableEntity)
	}
	b.post("/security/confirm", "id", p.hidden("id"), "code", code).is(http.StatusNotFound).says("Begin again")
	p = b.post("/security/address", "method", "recovery_contact", "address", "dove@elsewhere.example", "label", "Dove").is(http.StatusOK)
	b.post("/security/confirm", "id", p.hidden("id"), "code", s.MailedCode("", "dove@elsewhere.example"), "next", "https://evil.example/").at("/security?done=address").says("Recovery contact Dove d…@elsewhere.example")
	for _, bad := range []string{"", "x", "a@b.example\nBcc: c@d.example", "<script>@x.example"} {
		b.post("/security/address", "method", "email_code", "address", bad).is(http.StatusUnprocessableEntity).never("<script>@")
	}
}

func TestTheRecoveryCardIsShownOnceAndSaysNotWhose(t *testing.T) {
	s := newSite(t)
	b := s.owner(gatetest.Wren)
	p := b.post("/security/recovery-code").is(http.StatusOK).says("It works once", "Never for", "2 March 2026")
	_, card, _ := strings.Cut(p.body, "<article")
	card, _, _ = strings.Cut(card, "</article>")
	for _, telling := range []string{"wren", "Wren", "Aviary", "corp", "localhost", "http"} {
		if strings.Contains(card, telling) {
			t.Errorf("the card says %q: %s", telling, card)
		}
	}
	code := regexp.MustCompile(`[0-9A-Z]{4}(?:-[0-9A-Z]{4}){4}`).FindString(card)
	if code == "" {
		t.Fatalf("no code: %s", card)
	}
	if p.header.Get("Cache-Control") != "no-store" {
		t.Error("the card may be stored")
	}
	b.get("/security").never(code)
	s.NoSecret(code)
}

func TestAChangeAsksOnceMore(t *testing.T) {
	s := newSite(t)
	key, added := s.ownKey(gatetest.Wren, "laptop")
	b := s.visitor()
	b.signsIn(key)
	first := b.held()
	s.Pass(11 * time.Minute)
	b.get("/security").is(http.StatusOK).says("Prove that it is me", "laptop").never(`action="/security/recovery-code"`)
	b.post("/security/recovery-code").is(http.StatusForbidden).says("Prove once more that it is you", "Use my passkey")
	b.post("/security/remove/" + added.Enrolment).is(http.StatusForbidden).says("Prove once more")
	p := b.get("/security/remove/" + added.Enrolment).is(http.StatusOK).says("Prove once more")
	if !strings.Contains(p.body, `data-next="/security/remove/`+added.Enrolment+`"`) {
		t.Errorf("it leads elsewhere: %s", p.body)
	}
	b.signsIn(key)
	if b.held() == first {
		t.Error("the session's token stayed the same over the proof")
	}
	b.post("/security/recovery-code").is(http.StatusOK)
	old := s.visitor()
	old.hold(first)
	old.get("/security").says("Sign in with my own passkey")
}

func TestASessionThatWasPlantedIsNotTakenOver(t *testing.T) {
	s := newSite(t)
	key, _ := s.ownKey(gatetest.Wren, "laptop")
	mallory := s.owner(gatetest.Moss)
	b := s.visitor()
	b.hold(mallory.held())
	b.signsIn(key)
	b.get("/security").says("Wren Ito").never("Moss Lee")
	mallory.get("/security").says("Moss Lee").never("Wren Ito")
	garbage := s.visitor()
	garbage.hold("own_planted")
	garbage.signsIn(key)
	if garbage.held() == "own_planted" {
		t.Error("a planted token was kept")
	}
}

func TestRemovingTheLastPasskeySaysWhatItMeans(t *testing.T) {
	s := newSite(t)
	key, added := s.ownKey(gatetest.Wren, "laptop")
	b := s.visitor()
	b.signsIn(key)
	b.get("/security/remove/"+added.Enrolment).is(http.StatusOK).says("It is the last", "you are signed out as well")
	_, _ = s.ownKey(gatetest.Wren, "key ring")
	b.get("/security/remove/" + added.Enrolment).never("It is the last").says("you are signed out as well")
	b.post("/security/remove/"+added.Enrolment).says("Sign in with my own passkey", "You have been signed out")
	b.get("/security").is(http.StatusOK).says("Sign in with my own passkey")
	s.owner(gatetest.Wren).get("/security").says("key ring").never("laptop")
	s.owner(gatetest.Moss).get("/security/remove/" + added.Enrolment).is(http.StatusNotFound)
}

func TestASessionReachesNothingOfAnotherKind(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	owner := s.owner(gatetest.Wren)
	for _, path := range []string{"/approvals", "/requests/" + v.ID, "/requests/" + v.ID + "/sign?decision=approval"} {
		if p := owner.get(path); !strings.HasPrefix(p.path, "/sign-in") {
			t.Errorf("an owner reaches %s: %s", path, p.text())
		}
	}
	owner.get("/case").never("New password")
	owner.post("/case/secret").never("class=\"secret\"")
	owner.post("/case/enrolment").never("Welcome")

	requester := s.visitor()
	requester.post("/case", "code", v.Case).is(http.StatusOK)
	staff := s.staff(s.Person(gatetest.Moss))
	for who, b := range map[string]*visitor{"a requester": requester, "staff": staff} {
		if p := b.get("/security"); !strings.Contains(p.text(), "Sign in with my own passkey") {
			t.Errorf("%s reaches a page about security: %s", who, p.text())
		}
		b.post("/security/recovery-code").is(http.StatusUnauthorized)
		// Their token in the owner's cookie is no session either.
		at, err := url.Parse(s.server.URL)
		s.Must(err)
		for _, c := range b.client.Jar.Cookies(at) {
			other := s.visitor()
			other.hold(c.Value)
			other.get("/security").says("Sign in with my own passkey").never("Wren Ito", "Moss Lee")
		}
	}
}

func TestAnAccountThatWasDisabledIsSignedOut(t *testing.T) {
	s := newSite(t)
	b := s.owner(gatetest.Wren)
	b.get("/security").says("Wren Ito")
	a, err := s.Directory.Find(t.Context(), gatetest.Wren)
	s.Must(err)
	item, err := s.Store.Item(t.Context(), "local_account", a.ID.Object(), s.Now())
	s.Must(err)
	var record map[string]any
	s.Must(json.Unmarshal(item.Value, &record))
	record["disabled"] = true
	item.Value, err = json.Marshal(record)
	s.Must(err)
	s.Must(s.Store.Change(t.Context(), storeChange(item)))
	b.get("/security").is(http.StatusUnauthorized).says("You have been signed out").never("Wren Ito")
	if b.held() != "" {
		t.Error("the cookie stays")
	}
}

func TestPeopleAskForSomethingThemselves(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	b := s.owner(gatetest.Wren)
	b.post("/security/request", "action", "password_reset").is(http.StatusOK).at("/case").says("New password")
	b.get("/security").says("New password", "by self-service")
	b.post("/security/request", "action", "privilege_change").is(http.StatusUnprocessableEntity)
	b.post("/security/request", "action", "nonsense").is(http.StatusUnprocessableEntity)
	_ = seed
}

func TestAFirstEnrolmentGoesOnToThreeSteps(t *testing.T) {
	s := openSite(t, gatetest.New(t, strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", "proofs: in_person", 1)), nil)
	s.Invite("staff:rowan", "Rowan Fell", "", identity.Proofing)
	v := s.Open(gatetest.Wren, identity.InitialEnrolment)
	b := s.visitor()
	b.post("/case", "code", v.Case).is(http.StatusOK)
	b.get("/case").never("/case/enrolment")
	b.post("/case/enrolment").is(http.StatusConflict)
	token := ""
	at, err := url.Parse(s.server.URL)
	s.Must(err)
	for _, c := range b.client.Jar.Cookies(at) {
		token = c.Value
	}
	p, err := s.Gate.Challenge(t.Context(), token, proof.InPerson)
	s.Must(err)
	paper, err := s.Gate.ProofingPaper(t.Context(), gatetest.Staff("staff:rowan"), v.Case, p.Code, "identity_card")
	s.Must(err)
	s.Must(s.Gate.Attest(t.Context(), gatetest.Staff("staff:rowan"), v.Case, p.Code, "identity_card", s.Sign("staff:rowan", paper.Options.Challenge)))
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, "approval"))
	s.Pass(time.Second)
	s.Authorise(v.ID)
	s.Must(s.Do("dispatch", v.ID))
	b.get("/case").says("Register your first passkey")
	b.post("/case/enrolment").is(http.StatusOK).at("/security/first").says("Register your first passkey")
	s.ownKey(gatetest.Wren, "telephone")
	b.get("/security/first").says("Print a recovery code")
	b.post("/security/recovery-code", "next", "/security/first").is(http.StatusOK)
	b.get("/security/first").says("Where should we tell you?", "does not count here")
	q := b.post("/security/address", "method", "email_code", "address", "wren2@private.example", "next", "/security/first").is(http.StatusOK)
	b.post("/security/confirm", "id", q.hidden("id"), "code", s.MailedCode("", "wren2@private.example"), "next", q.hidden("next")).at("/security/first?done=address").says("That is all")
	s.Pass(16 * time.Minute)                          // the session has ended
	b.post("/case/enrolment").is(http.StatusConflict) // once
}

// The provider of this site answers for accounts too.
func ownedSite(t *testing.T) (*site, *openidtest.Provider) {
	s, op := providedSite(t, signin.Off)
	s.Issuer = op.URL
	for name, p := range map[string]openidtest.Person{
		"wren":          {Subject: "w", ACR: "phr", Claims: map[string]any{"preferred_username": "wren"}},
		"wren by otp":   {Subject: "w", AMR: []string{"pwd", "otp"}, Claims: map[string]any{"preferred_username": "wren"}},
		"wren by word":  {Subject: "w", AMR: []string{"pwd"}, Claims: map[string]any{"preferred_username": "wren"}},
		"moss":          {Subject: "m", ACR: "phr", Claims: map[string]any{"preferred_username": "moss"}},
		"heron":         {Subject: "h", ACR: "phr", Claims: map[string]any{"preferred_username": "heron"}},
		"wren, nowhere": {Subject: "n", ACR: "phr", Claims: map[string]any{"sub": "wren"}},
	} {
		op.People[name] = p
	}
	return s, op
}

func TestASecondFactorAtTheProviderOpensOnesOwnSecurity(t *testing.T) {
	s, op := ownedSite(t)
	for _, name := range []string{"wren", "wren by otp"} {
		b := s.visitor()
		b.get("/security").says("sign in at your organisation")
		b.get(b.leave(op, "/security/oidc?next=/security", name)).is(http.StatusOK).at("/security").says("Wren Ito")
		s.Pass(11 * time.Minute)
		first := b.held()
		b.get("/security").says("Prove that it is me")
		b.get(b.leave(op, "/security/oidc?next=/security", name)).is(http.StatusOK).never("Prove that it is me")
		if b.held() == first {
			t.Error("the token stayed the same")
		}
	}
	for _, name := range []string{"wren by word", "heron", "wren, nowhere"} {
		b := s.visitor()
		b.get(b.leave(op, "/security/oidc", name)).is(http.StatusForbidden).says("does not count here").never("Wren Ito")
		if b.held() != "" {
			t.Errorf("%s holds a session", name)
		}
	}
}

func TestWhatCameBackForAnotherPurposeOpensNothing(t *testing.T) {
	s, op := ownedSite(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", "/approvals", "/security/../approvals", "/security/leave"} {
		b := s.visitor()
		b.get(b.leave(op, "/security/oidc?"+url.Values{"next": {next}}.Encode(), "wren")).at("/security")
	}
	link := s.visitor().leave(op, "/security/oidc", "wren")
	b := s.visitor()
	b.get(link).is(http.StatusForbidden)
	if b.held() != "" {
		t.Error("somebody else's link signs in")
	}
	// Somebody else at the provider is somebody else here: nothing of Wren's stays.
	b.get(b.leave(op, "/security/oidc", "wren")).says("Wren Ito")
	b.get(b.leave(op, "/security/oidc", "moss")).says("Moss Lee").never("Wren Ito")
}

func TestNothingOfOnesOwnSecurityIsInlineOrStored(t *testing.T) {
	s := newSite(t)
	_, added := s.ownKey(gatetest.Wren, "laptop")
	b := s.owner(gatetest.Wren)
	for _, p := range []seen{s.visitor().get("/security"), b.get("/security"), b.get("/security/again"), b.get("/security/first"), b.get("/security/remove/" + added.Enrolment),
		b.post("/security/app"), b.post("/security/recovery-code"), b.get("/not-mine/x"), b.post("/not-mine/x"),
		b.post("/security/address", "method", "email_code", "address", "a@b.example")} {
		if found := inline.FindString(p.body); found != "" {
			t.Errorf("%s has %q", p.path, found)
		}
		if p.header.Get("Cache-Control") != "no-store" || !strings.Contains(p.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", p.path, p.header)
		}
	}
}

// The words of a name are words, whoever wrote them.
func TestHostileNamesStayText(t *testing.T) {
	s := newSite(t)
	o := s.ownerOf(gatetest.Wren)
	o.Since = s.Now()
	for _, label := range []string{`"><img src=x onerror=alert(1)>`, `{{.Login}}`, `</bdi></li><form action=/security/leave>`, `&lt;script&gt;`, `'; drop`} {
		b, err := s.Gate.AddPasskey(t.Context(), o, label)
		s.Must(err)
		response, err := s.NewKey().Register("localhost", gatetest.Origin, b.Options.Challenge)
		s.Must(err)
		added, err := s.Gate.ConfirmPasskey(t.Context(), o, b.Enrolment, response)
		s.Must(err)
		v := s.owner(gatetest.Wren)
		v.get("/security").is(http.StatusOK).says(label).never("<img src=x", "<form action=/security/leave")
		v.get("/security/remove/" + added.Enrolment).is(http.StatusOK).says(label)
	}
	v := s.owner(gatetest.Wren)
	for _, label := range []string{"two\nlines", "\u202egnihtyna", strings.Repeat("x", 61)} {
		v.post("/security/app", "label", label).is(http.StatusUnprocessableEntity).says("That cannot be registered").never("\u202e")
	}
}
