package console_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
)

// vouched is a case whose manager has been written to; code is what the
// requester sees.
func vouched(t *testing.T) (s *site, request, link, code string, wren *visitor) {
	t.Helper()
	s = openSite(t, gatetest.New(t, asking("vouch")), nil)
	s.dated()
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	wren = s.visitor()
	wren.post("/case", "code", v.Case)
	p := wren.post("/case/challenge", "method", "vouch").is(http.StatusOK).says("Somebody vouches for you").never(gatetest.MossesMail, "Moss")
	return s, v.ID, s.vouchLink(v.ID, gatetest.MossesMail), p.handed(), wren
}

func TestAVoucherIsToldWhomAndWhatBeforeTheySign(t *testing.T) {
	s, request, link, code, wren := vouched(t)
	moss := s.visitor()
	p := moss.get(link).is(http.StatusOK).says("Is it Wren Ito who asks?", "Finch Day", "New password", "wren", "Only if you are sure", "That is not them").never(code, "data-sign")
	if n := len(s.State(request).Proofs); n != 0 {
		t.Fatal("looking vouched")
	}
	p = moss.post(link, "code", code).is(http.StatusOK).says("Read, and sign")
	k := p.task()
	want, err := s.State(request).ProofStatement(s.State(request).Challenges[0].ID, s.Person(gatetest.Moss), "")
	s.Must(err)
	if p.statement() != string(want) || k.Options.Challenge != challengeOf(string(want)) {
		t.Errorf("the page shows\n%s", p.statement())
	}
	token := strings.TrimPrefix(link, "/vouch/")
	if k.Post != "/api/v1/vouches" || k.Fields["token"] != token || k.Fields["code"] != code || k.Next != "/vouch/done" {
		t.Errorf("%+v", k)
	}
	response, err := s.Key(s.Person(gatetest.Moss)).Assert("localhost", gatetest.Origin, want.Challenge())
	s.Must(err)
	a, err := passkey.ParseAssertion(response)
	s.Must(err)
	s.Must(s.Gate.Vouch(t.Context(), token, code, a))
	moss.get("/vouch/done").says("It is signed")
	moss.get(link).is(http.StatusNotFound).says("was used")
	wren.get("/case").says("It is being carried out")
}

func TestAWrongCodeOfAVoucherIsSaidAndCounted(t *testing.T) {
	s, request, link, code, wren := vouched(t)
	moss := s.visitor()
	for range 4 {
		moss.post(link, "code", "0000 0000").is(http.StatusUnprocessableEntity).says("That is not right", "After five wrong answers", "Only if you are sure").never("data-sign")
	}
	moss.post(link, "code", "").is(http.StatusUnprocessableEntity)
	moss.post(link, "code", code).is(http.StatusForbidden).says("This way is closed").never("data-sign")
	if n := s.State(request).Failures(proof.Vouch); n != 5 {
		t.Errorf("%d were counted", n)
	}
	at := answerOf(s, request)
	wren.get(at).is(http.StatusForbidden).says("This way is closed").never(code)
}

func TestThatIsNotThemStopsWithoutAnything(t *testing.T) {
	s, request, link, _, _ := vouched(t)
	s.visitor().get(link + "/not-them").is(http.StatusNotFound)
	s.visitor().post(link + "/not-them").is(http.StatusOK).says("It is stopped")
	if st := s.State(request).Status(); st != reset.CancelledBy {
		t.Errorf("it stands at %s", st)
	}
	s.visitor().post(link + "/not-them").is(http.StatusNotFound)
}

func TestUnknownVouchersLinksAnswerAlike(t *testing.T) {
	s := newSite(t)
	first := s.visitor().get("/vouch/vch_none").is(http.StatusNotFound).says("not known, was used, or has lapsed")
	for _, path := range []string{"/vouch/x", "/vouch/%22%3E%3Cscript%3E", "/vouch/" + strings.Repeat("a", 900)} {
		for _, p := range []seen{s.visitor().get(path), s.visitor().post(path, "code", "1"), s.visitor().post(path + "/not-them")} {
			if p.is(http.StatusNotFound); p.body != first.body {
				t.Errorf("%s: the page differs", path)
			}
			s.Pass(6e10)
		}
	}
}

func TestAVoucherWithoutAPasskeyIsToldSo(t *testing.T) {
	s := openSite(t, gatetest.New(t, asking("vouch")), nil)
	s.dated()
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	wren := s.visitor()
	wren.post("/case", "code", v.Case)
	code := wren.post("/case/challenge", "method", "vouch").handed()
	link := s.vouchLink(v.ID, gatetest.MossesMail)
	id, err := s.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), removal(s.Person(gatetest.Moss)))
	s.Must(err)
	s.Countersign(gatetest.Olive, id)
	s.visitor().post(link, "code", code).is(http.StatusForbidden).says("You cannot vouch here", "no passkey")
}
