package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/signin"
	"countersign/internal/softkey"
)

// owner is the session of an account's owner, as if the provider had signed
// them in.
func (s *site) owner(login string) string {
	s.T.Helper()
	a, err := s.Directory.Find(s.T.Context(), login)
	s.Must(err)
	token, err := s.signin.OpenOwner(s.T.Context(), gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC})
	s.Must(err)
	return token
}

// addKey registers an own passkey over HTTP.
func (s *site) addKey(owner, label string) (softkey.Key, gate.Added) {
	s.T.Helper()
	b := into[gate.Begun](s.post("/security/passkeys", object{"label": label}, as(owner)).ok(201))
	key := s.NewKey()
	response, err := key.Register("localhost", gatetest.Origin, b.Options.Challenge)
	s.Must(err)
	return key, into[gate.Added](s.post("/security/passkeys/"+b.Enrolment, object{"response": json.RawMessage(response)}, as(owner)).ok(200))
}

// ownSignIn signs in with an own passkey, bringing a session along perhaps.
func (s *site) ownSignIn(key softkey.Key, more ...with) *answer {
	s.T.Helper()
	c := into[signin.Ceremony](s.post("/security/sign-in/begin", nil).ok(200))
	response, err := key.Assert("localhost", gatetest.Origin, c.Options.Challenge)
	s.Must(err)
	return s.post("/security/sign-in/finish", object{"ceremony": c.ID, "response": json.RawMessage(response)}, more...)
}

type ownedAnswer struct {
	Account identity.AccountID
	Token   string
}

func TestAnOwnerLooksAfterTheirOwnAccountOverHTTP(t *testing.T) {
	s := open(t, gatetest.Policy)
	first := s.owner(gatetest.Wren)
	key, added := s.addKey(first, "laptop")
	token := into[ownedAnswer](s.ownSignIn(key).ok(200)).Token
	b := into[gate.Begun](s.post("/security/addresses", object{"method": "recovery_contact", "address": "dove@elsewhere.example"}, as(token)).ok(201))
	s.post("/security/begun/"+b.Enrolment, object{"code": "00000000"}, as(token)).no(422, "answer_refused")
	s.post("/security/begun/"+b.Enrolment, object{"code": s.MailedCode("", "dove@elsewhere.example")}, as(token)).ok(200)
	s.post("/security/totp", object{}, as(token)).ok(201)
	s.post("/security/colleagues", object{"login": gatetest.Moss}, as(token)).ok(200 + 1)
	mine := into[gate.Security](s.get("/security", as(token)).ok(200))
	if len(mine.Factors) != 3 || !mine.Fresh || mine.Factors[0].ID != added.Enrolment || !mine.Factors[0].Here {
		t.Errorf("the owner sees %+v", mine)
	}
	s.Pass(11 * time.Minute)
	s.post("/security/factors/"+added.Enrolment+"/remove", nil, as(token)).no(403, "proof_too_old")
	again := into[ownedAnswer](s.ownSignIn(key, as(token)).ok(200)).Token
	s.get("/security", as(token)).no(401, "unauthenticated")
	s.post("/security/factors/"+added.Enrolment+"/remove", nil, as(again)).ok(204)
	s.get("/security", as(again)).no(401, "session_unknown") // it ends with the passkey that opened it
	s.ownSignIn(key).no(401, "sign_in_refused")
	s.post("/security/sign-out", nil, as(first)).ok(204)
	s.get("/security", as(first)).no(401, "unauthenticated")
	s.NoSecret("dove@elsewhere.example", token, again, first)
}

func TestWhatIsSecretIsAnsweredOnceAndKeptNowhere(t *testing.T) {
	s := open(t, gatetest.Policy)
	owner := s.owner(gatetest.Wren)
	one := into[gate.Added](s.post("/security/recovery-codes", nil, as(owner), key("same")).ok(201))
	two := into[gate.Added](s.post("/security/recovery-codes", nil, as(owner), key("same")).ok(201))
	if one.Code == "" || one.Code == two.Code {
		t.Errorf("a key brought a secret back: %q, %q", one.Code, two.Code)
	}
	b := into[gate.Begun](s.post("/security/totp", object{}, as(owner), key("same")).ok(201))
	secret := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(b.URI)[1]
	raw, err := s.Store.Items(t.Context(), "idempotency", "", s.Now())
	s.Must(err)
	for _, i := range raw {
		if bytes.Contains(i.Value, []byte(secret)) || bytes.Contains(i.Value, []byte(one.Code)) {
			t.Error("a secret is kept for a replay")
		}
	}
	if mine := s.get("/security", as(owner)).ok(200); bytes.Contains(mine.body, []byte(two.Code)) || bytes.Contains(mine.body, []byte(secret)) {
		t.Error("a secret is shown again")
	}
	s.NoSecret(one.Code, two.Code, secret)
}

// ownVerbs are all that an owner's session opens.
var ownVerbs = []struct {
	method, path string
	body         any
}{
	{"GET", "/security", nil}, {"POST", "/security/passkeys", object{}}, {"POST", "/security/passkeys/enr_x", object{"response": object{}}},
	{"POST", "/security/totp", object{}}, {"POST", "/security/addresses", object{"method": "email_code", "address": "a@b.example"}},
	{"POST", "/security/begun/enr_x", object{"code": "1"}}, {"POST", "/security/recovery-codes", nil}, {"POST", "/security/colleagues", object{"login": "moss"}},
	{"POST", "/security/factors/enr_x/remove", nil}, {"POST", "/security/sign-out", nil},
}

func TestNoOtherSessionOpensAnOwnersDoor(t *testing.T) {
	c := man(t)
	tokens := map[string]string{"an agent": c.agent, "the owner's manager": c.manager, "an officer": c.officer, "security": c.security,
		"the requester": c.token, "an integration": c.token2("all", gate.Scopes...), "nobody": "own_unknown", "a stranger": ""}
	for who, token := range tokens {
		for _, v := range ownVerbs {
			var more []with
			if token != "" {
				more = append(more, as(token))
			}
			a := c.send(v.method, "/api/v1"+v.path, v.body, more...)
			a.no(401, "unauthenticated")
			if a.code != 401 {
				t.Errorf("%s: %s", who, a.what)
			}
		}
	}
}

func TestAnOwnersSessionOpensNoOtherDoor(t *testing.T) {
	c := man(t)
	own := as(c.owner(gatetest.Wren))
	for _, try := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/requests", nil}, {"POST", "/requests", wish()}, {"GET", c.path(""), nil}, {"GET", c.path("/timeline"), nil}, {"GET", c.path("/bundle"), nil},
		{"POST", c.path("/cancel"), nil}, {"GET", "/roster", nil}, {"GET", "/me", nil}, {"POST", "/tokens/statement", object{"name": "x", "scopes": []string{"requests:read"}}},
		{"POST", "/enrolments", object{"login": "wren", "method": "totp"}}, {"POST", "/proofings/show", object{"case": c.request.Case}},
		{"GET", "/case", nil}, {"POST", "/case/challenges", object{"method": "totp"}}, {"POST", "/case/secret", nil}, {"POST", "/case/enrolment", object{}},
	} {
		if a := c.send(try.method, "/api/v1"+try.path, try.body, own); a.code != 401 {
			t.Errorf("%s: %d %s", a.what, a.code, a.body)
		}
	}
}

func TestAnOwnerReachesNothingOfAnother(t *testing.T) {
	s := open(t, gatetest.Policy)
	wren, moss := s.owner(gatetest.Wren), s.owner(gatetest.Moss)
	_, added := s.addKey(wren, "laptop")
	begun := into[gate.Begun](s.post("/security/totp", object{}, as(wren)).ok(201))
	for path, body := range map[string]any{
		"/security/factors/%s/remove": nil, "/security/begun/%s": object{"code": "000000"}, "/security/passkeys/%s": object{"response": object{}},
	} {
		for _, id := range []string{added.Enrolment, begun.Enrolment} {
			theirs := s.post(fmt.Sprintf(path, url.PathEscape(id)), body, as(moss))
			nobodys := s.post(fmt.Sprintf(path, "enr_00000000-0000-7000-8000-000000000000"), body, as(moss))
			if theirs.code != 404 || theirs.code != nobodys.code || !bytes.Equal(theirs.body, nobodys.body) {
				t.Errorf("%s tells what exists:\n%d %s\n%d %s", path, theirs.code, theirs.body, nobodys.code, nobodys.body)
			}
		}
	}
	if n := len(into[gate.Security](s.get("/security", as(wren)).ok(200)).Factors); n != 1 {
		t.Errorf("Wren has %d", n)
	}
}

func TestWhateverIsWrongWithAnOwnersSignInTheAnswerIsTheSame(t *testing.T) {
	s := open(t, gatetest.Policy)
	removed, gone := s.addKey(s.owner(gatetest.Wren), "old")
	s.post("/security/factors/"+gone.Enrolment+"/remove", nil, as(s.owner(gatetest.Wren))).ok(204)
	var answers []*answer
	for _, k := range []softkey.Key{s.NewKey(), removed, s.Key(gatetest.Finch)} { // of nobody, removed, of the roster
		a := s.ownSignIn(k).no(401, "sign_in_refused")
		a.Del("X-Request-Id")
		answers = append(answers, a)
	}
	c := into[signin.Ceremony](s.post("/security/sign-in/begin", nil).ok(200))
	a := s.post("/security/sign-in/finish", object{"ceremony": c.ID, "response": object{"id": "x"}}).no(401, "sign_in_refused")
	a.Del("X-Request-Id")
	for _, b := range append(answers[1:], a) {
		if b.code != answers[0].code || fmt.Sprint(b.Header) != fmt.Sprint(answers[0].Header) {
			t.Errorf("%d %s\n%d %s", answers[0].code, answers[0].body, b.code, b.body)
		}
	}
	good, _ := s.addKey(s.owner(gatetest.Wren), "new")
	c = into[signin.Ceremony](s.post("/security/sign-in/begin", nil).ok(200))
	response, err := good.Assert("localhost", gatetest.Origin, c.Options.Challenge)
	s.Must(err)
	finish := object{"ceremony": c.ID, "response": json.RawMessage(response), "as": "cookie"}
	ok := s.post("/security/sign-in/finish", finish).ok(200)
	if strings.Contains(string(ok.body), "own_") || !strings.Contains(ok.Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("a browser is handed %s", ok.body)
	}
	s.post("/security/sign-in/finish", finish).no(401, "sign_in_refused") // once
}

func TestDisowningNeedsNoSessionAndEndsThoseOfTheAccount(t *testing.T) {
	s := open(t, gatetest.Policy)
	thief, moss := s.owner(gatetest.Wren), s.owner(gatetest.Moss)
	s.addKey(thief, "stranger's")
	link := regexp.MustCompile(`/not-mine/(\S+)`).FindStringSubmatch(s.Letters("", gatetest.WrensMail)[0])[1]
	s.post("/disownments", object{"token": "dis_unknown"}).no(404, "not_found")
	s.get("/security", as(thief)).ok(200)
	s.post("/disownments", object{"token": link}).ok(204)
	s.get("/security", as(thief)).no(401, "session_unknown")
	s.get("/security", as(moss)).ok(200)
	s.Pass(time.Second)
	if n := len(into[gate.Security](s.get("/security", as(s.owner(gatetest.Wren))).ok(200)).Factors); n != 0 {
		t.Errorf("%d are on record", n)
	}
	s.post("/disownments", object{"token": link}).ok(204)
}

// Whoever asks for something from within a session that is not theirs loses it
// when the owner says so.
func TestThisWasntMeEndsTheOwnersSessions(t *testing.T) {
	s := open(t, gatetest.Policy)
	thief := s.owner(gatetest.Wren)
	s.post("/security/requests", object{"action": "password_reset"}, as(thief)).ok(201)
	list, _, err := s.Gate.List(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.Filter{})
	s.Must(err)
	s.Must(s.Gate.Notice(t.Context(), list[0].ID, "opened"))
	link := regexp.MustCompile(`/not-me/(\S+)`).FindStringSubmatch(s.Letters(list[0].ID, gatetest.WrensMail)[0])[1]
	s.post("/repudiations", object{"token": link}).ok(204)
	s.post("/security/recovery-codes", nil, as(thief)).no(401, "session_unknown")
	s.get("/security", as(thief)).no(401, "session_unknown")
}
