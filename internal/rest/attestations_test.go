package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// inPerson is a site where people prove themselves before a proofing officer.
func inPerson(t *testing.T) (s *site, officer string, v gate.View, session string, p gate.Prompt) {
	s = open(t, strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", "proofs: in_person", 1))
	s.Invite("staff:rowan", "Rowan Fell", "", identity.Proofing)
	agent := s.signIn(gatetest.Finch)
	v = into[gate.View](s.post("/requests", wish(), as(agent)).ok(201))
	session = into[struct{ Token string }](s.post("/cases/claim", object{"case": v.Case}).ok(201)).Token
	p = into[gate.Prompt](s.post("/case/challenges", object{"method": "in_person"}, as(session)).ok(201))
	return s, s.signIn("staff:rowan"), v, session, p
}

func TestAProofingOfficerAttestsOverHTTP(t *testing.T) {
	s, officer, v, _, p := inPerson(t)
	seen := into[gate.Attesting](s.post("/proofings/show", object{"case": v.Case}, as(officer)).ok(200))
	if seen.Method != proof.InPerson || len(seen.Documents) == 0 || seen.Card.Case != v.Case {
		t.Errorf("the officer sees %+v", seen)
	}
	sighting := object{"case": v.Case, "code": p.Code, "document": "identity_card"}
	paper := into[gate.Paper](s.post("/proofings/statement", sighting, as(officer)).ok(200))
	sighting["assertion"] = s.assertion("staff:rowan", []byte("something else entirely, of 32 b"))
	s.post("/proofings", sighting, as(officer)).no(422, "signature_refused")
	sighting["assertion"] = object{"id": "x"}
	s.post("/proofings", sighting, as(officer)).no(422, "signature_refused")
	sighting["assertion"] = s.assertion("staff:rowan", paper.Options.Challenge)
	for who, other := range map[string]string{"an agent": s.signIn(gatetest.Finch), "a manager": s.signIn(s.Person(gatetest.Moss)), "an officer of the roster": s.signIn(gatetest.Olive),
		"an integration": s.token("all", gate.Scopes...)} {
		for _, path := range []string{"/proofings/show", "/proofings/statement", "/proofings"} {
			body := any(sighting)
			switch path {
			case "/proofings/show":
				body = object{"case": v.Case}
			case "/proofings/statement":
				body = object{"case": v.Case, "code": p.Code, "document": "identity_card"}
			}
			if a := s.post(path, body, as(other)); a.code != 403 {
				t.Errorf("%s: %s: %d %s", who, a.what, a.code, a.body)
			}
		}
	}
	s.post("/proofings", sighting, as(officer), key("k")).ok(204)
	s.post("/proofings", sighting, as(officer), key("k")).ok(204) // repeated, not done again
	if st := s.State(v.ID); len(st.Proofs) != 1 || st.Status() != reset.Approving {
		t.Errorf("it stands at %s with %d proofs", st.Status(), len(st.Proofs))
	}
	s.NoSecret(p.Code, officer)
}

func TestAProofingOfficerLearnsOfNoCaseWithoutItsCode(t *testing.T) {
	s, officer, v, _, _ := inPerson(t)
	wrong := object{"case": v.Case, "code": "0000 0000", "document": "identity_card"}
	a := s.post("/proofings/statement", wrong, as(officer))
	if a.code < 400 || bytes.Contains(a.body, []byte("statement\":")) {
		t.Errorf("a wrong code: %d %s", a.code, a.body)
	}
	s.post("/proofings/show", object{"case": "ABCD-2345"}, as(officer)).no(404, "not_found")
	for _, document := range []string{"", "library_card", "identity_card\n"} {
		s.post("/proofings/statement", object{"case": v.Case, "code": "1", "document": document}, as(officer)).no(400, "invalid")
	}
}

// The doors of a voucher have no session: whatever is wrong with a token, the
// answer is the same.
func TestAVouchersDoorTellsNothingToWhoGuesses(t *testing.T) {
	s := open(t, gatetest.Policy)
	for path, body := range map[string]object{
		"/vouches/show": {}, "/vouches/decline": {}, "/vouches/statement": {"code": "1234"},
		"/vouches": {"code": "1234", "assertion": json.RawMessage(s.assertion(gatetest.Finch, []byte("0123456789abcdef0123456789abcdef")))},
	} {
		var first *answer
		for _, token := range []string{"vou_unknown", "x", strings.Repeat("z", 200), "dis_x", "../x"} {
			body["token"] = token
			a := s.post(path, body).no(404, "not_found")
			a.Del("X-Request-Id")
			if first == nil {
				first = a
			} else if !bytes.Equal(a.body, first.body) || fmt.Sprint(a.Header) != fmt.Sprint(first.Header) {
				t.Errorf("%s:\n%s\n%s", path, first.body, a.body)
			}
		}
	}
}
