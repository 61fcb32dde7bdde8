package rest_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/recoverycode"
	"countersign/internal/signin"
)

// alike wants answers that nobody can tell apart.
func alike(t *testing.T, answers ...*answer) {
	t.Helper()
	for _, a := range answers {
		a.Del("X-Request-Id")
		if first := answers[0]; a.code != first.code || !bytes.Equal(a.body, first.body) || fmt.Sprint(a.Header) != fmt.Sprint(first.Header) {
			t.Errorf("answers differ:\n %d %s %v\n %d %s %v", first.code, first.body, first.Header, a.code, a.body, a.Header)
		}
	}
}

func TestSelfServiceAnswersAlikeForEverybody(t *testing.T) {
	s := open(t, gatetest.Policy)
	var answers []*answer
	for _, login := range []string{gatetest.Wren, gatetest.Wren, "nobody.at.all", "admin", "*"} {
		answers = append(answers, s.post("/self-requests", object{"login": login, "action": "password_reset"}).ok(202))
	}
	answers = append(answers, s.post("/self-requests", object{"login": gatetest.Wren, "directory": "none", "action": "password_reset"}).ok(202))
	alike(t, answers...)
	s.post("/self-requests", object{"login": gatetest.Wren, "action": "password_reset", "email": "evil@example.org"}).no(400, "unknown_field")
	s.post("/self-requests", object{"login": gatetest.Wren, "action": "anything"}).no(400, "invalid")
}

func TestAReportOfACallerAnswersAlikeWhateverThereIs(t *testing.T) {
	s := open(t, gatetest.Policy)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	var answers []*answer
	for _, body := range []object{{}, {"case": v.Case}, {"case": "2222-2222"}, {"login": gatetest.Wren}, {"login": "nobody", "note": "he was in a hurry"}} {
		answers = append(answers, s.post("/desk-reports", body).ok(202))
	}
	alike(t, answers...)
	s.post("/desk-reports", object{"note": strings.Repeat("a", 301)}).no(400, "invalid")
	s.post("/desk-reports", object{"agent": "staff:finch"}).no(400, "unknown_field")
}

func TestAnybodyWithACaseCodeChecksTheDesk(t *testing.T) {
	s := open(t, gatetest.Policy)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	c := into[gate.DeskCheck](s.post("/desk-checks", object{"case": v.Case}).ok(200))
	if c.Card.Agent != "Finch Day" || c.Status == "" {
		t.Errorf("they see %+v", c)
	}
	alike(t, s.post("/desk-checks", object{"case": "2222-2222"}).no(404, "not_found"), s.post("/desk-checks", object{"case": "nonsense"}).no(404, "not_found"))
}

func TestWhatAnybodyMayDoIsCountedBySource(t *testing.T) {
	s := open(t, gatetest.Policy)
	for path, body := range map[string]object{
		"/desk-checks": {"case": "2222-2222"}, "/desk-reports": {}, "/self-requests": {"login": "x", "action": "unlock"},
	} {
		s.serve(signin.New(signin.Options{Gate: s.Gate, Store: s.Store, Now: s.Now, Rates: map[signin.Door]signin.Rate{signin.Claims: {Burst: 2, Every: time.Minute}}}))
		for range 2 {
			if a := s.post(path, body); a.code == 429 {
				t.Fatalf("%s: refused at once", path)
			}
		}
		if a := s.post(path, body).no(429, "throttled"); a.Get("Retry-After") == "" {
			t.Errorf("%s: no word of when to come back", path)
		}
	}
}

func TestWhatProvesNothingIsRefusedOverHTTP(t *testing.T) {
	c := man(t)
	const unknown = "/requests/req_00000000-0000-7000-8000-000000000000/observations"
	for _, kind := range gate.Observations {
		c.post(c.path("/observations"), object{"kind": kind}, as(c.agent)).no(422, "not_a_proof")
	}
	for _, more := range []object{
		{"kind": "knowledge", "answers": []string{"1970-01-01", "4411"}}, {"kind": "caller_id", "number": "+15550100"},
		{"kind": "colleague_word", "note": "Moss says it is her"},
	} {
		c.post(c.path("/observations"), more, as(c.agent)).no(400, "unknown_field")
	}
	c.post(c.path("/observations"), object{"kind": "gut_feeling"}, as(c.agent)).no(400, "invalid")
	c.Invite("staff:dipper", "Dipper Lake", "nightline", identity.Agent)
	elsewhere := as(c.signIn("staff:dipper"))
	alike(t, c.post(c.path("/observations"), object{"kind": "knowledge"}, elsewhere).no(404, "not_found"),
		c.post(unknown, object{"kind": "knowledge"}, elsewhere).no(404, "not_found"))
}

// from is where a request comes from.
func from(address string) with { return func(r *http.Request) { r.RemoteAddr = address + ":4711" } }

func TestASourceOfWrongAnswersIsToldWhenToComeBack(t *testing.T) {
	s := open(t, strings.Replace(gatetest.Policy, "totp || (recovery_code && email_code)", "totp || email_code || recovery_code", 1))
	s.Enrol(gatetest.Wren, proof.TOTP)
	s.Enrol(gatetest.Wren, proof.RecoveryCode)
	there, near := from("[2001:db8::1]"), from("[2001:db8::ffff]") // one customer's network
	for _, try := range []struct{ method, typed string }{
		{"totp", "000000"}, {"totp", "000000"}, {"email_code", "00000000"}, {"recovery_code", recoverycode.New(rand.Reader)},
	} {
		token := as(s.Claim(s.Open(gatetest.Wren, identity.PasswordReset).Case))
		for i := range 5 {
			source := []with{there, near}[i%2]
			p := into[gate.Prompt](s.post("/case/challenges", object{"method": try.method}, source, token).ok(201))
			s.post("/case/challenges/"+p.Challenge+"/answer", object{"answer": try.typed}, source, token).no(422, "answer_refused")
		}
	}
	s.Publish(strings.Replace(gatetest.Policy, "totp || (recovery_code && email_code)", "in_person", 1))
	token := as(s.Claim(s.Open(gatetest.Wren, identity.PasswordReset).Case))
	refused := s.post("/case/challenges", object{"method": "in_person"}, near, token).no(429, "too_many")
	if wait, err := strconv.Atoi(refused.Get("Retry-After")); err != nil || wait < 1 || wait > 3600 {
		t.Errorf("come back in %q", refused.Get("Retry-After"))
	}
	s.post("/case/challenges", object{"method": "in_person"}, from("192.0.2.9"), token).ok(201)
}
