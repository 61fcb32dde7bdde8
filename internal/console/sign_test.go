package console_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/roster"
)

var (
	preText  = regexp.MustCompile(`(?s)<pre[^>]*>(.*)</pre>`)
	signData = regexp.MustCompile(`data-sign="([^"]*)"`)
)

// statement is the text of the page's statement as a script reads it.
func (p seen) statement() string {
	return html.UnescapeString(tags.ReplaceAllString(preText.FindStringSubmatch(p.body)[1], ""))
}

type task struct {
	Options struct {
		Challenge string
		Allow     []struct{ ID string } `json:"allowCredentials"`
	}
	Post, Next string
	Fields     map[string]string
}

func (p seen) task() (t task) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(html.UnescapeString(signData.FindStringSubmatch(p.body)[1])), &t); err != nil {
		p.t.Fatal(err)
	}
	return t
}

func challengeOf(text string) string {
	h := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

func TestThePageShowsExactlyTheBytesThatAreSigned(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	moss := s.Person(gatetest.Moss)
	for _, d := range []reset.Decision{reset.Approve, reset.Deny} {
		paper, err := s.Gate.Statement(t.Context(), gatetest.Staff(moss), v.ID, d)
		s.Must(err)
		p := s.staff(moss).get("/requests/" + v.ID + "/sign?decision=" + string(d)).is(http.StatusOK)
		if p.statement() != paper.Statement {
			t.Errorf("the page shows\n%s\nand what is signed is\n%s", p.statement(), paper.Statement)
		}
		k := p.task()
		if k.Options.Challenge != challengeOf(p.statement()) {
			t.Error("the challenge is not the hash of the text on the page")
		}
		if k.Post != "/api/v1/requests/"+v.ID+"/decisions" || k.Fields["decision"] != string(d) || k.Fields["statement_id"] != paper.ID || len(k.Options.Allow) != 1 {
			t.Errorf("%+v", k)
		}
	}
}

func TestOnlyDecisionsHaveAPage(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.staff(s.Person(gatetest.Moss)).get("/requests/" + v.ID + "/sign").is(http.StatusOK).says("countersign/approval/v1")
	for _, d := range []string{"approve", "review", "Approval"} {
		s.staff(s.Person(gatetest.Moss)).get("/requests/" + v.ID + "/sign?decision=" + d).is(http.StatusNotFound)
	}
}

func TestAReviewIsReadAndSignedOnAPageOfItsOwn(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	sorrel := s.staff(gatetest.Sorrel)
	sorrel.get("/requests/" + v.ID + "/sign?decision=review-in-order").at("/requests/" + v.ID) // none is owed yet
	s.visitor().post(strings.TrimPrefix(s.vetoLink(v.ID), gatetest.Origin)).is(http.StatusOK)
	sorrel.get("/requests/" + v.ID).has("/sign?decision=review-in-order")
	for d, words := range map[reset.Decision]string{reset.InOrder: "Sign that it was in order", reset.Suspect: "Sign that it is suspicious"} {
		paper, err := s.Gate.Statement(t.Context(), gatetest.Staff(gatetest.Sorrel), v.ID, d)
		s.Must(err)
		p := sorrel.get("/requests/" + v.ID + "/sign?decision=" + string(d)).is(http.StatusOK).says(words, "You took no part")
		if k := p.task(); p.statement() != paper.Statement || k.Post != "/api/v1/requests/"+v.ID+"/reviews" || k.Fields["decision"] != string(d) || k.Fields["statement_id"] != paper.ID {
			t.Errorf("%+v", k)
		}
	}
	s.staff(gatetest.Finch).get("/requests/" + v.ID + "/sign?decision=review-in-order").is(http.StatusForbidden)

	paper, err := s.Gate.Statement(t.Context(), gatetest.Staff(gatetest.Sorrel), v.ID, reset.InOrder)
	s.Must(err)
	_, err = s.Gate.Review(t.Context(), gatetest.Staff(gatetest.Sorrel), v.ID, reset.InOrder, paper.ID, "", s.Sign(gatetest.Sorrel, paper.Options.Challenge))
	s.Must(err)
	sorrel.get("/requests/" + v.ID + "/sign?decision=review-in-order").at("/requests/" + v.ID).never("/sign?decision=review")
}

func TestWhoeverMayNotSignSeesNoStatement(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.staff(gatetest.Finch).get("/requests/" + v.ID + "/sign?decision=approval").is(http.StatusForbidden).says("Your role does not allow this").never("countersign/approval/v1")
	s.staff(gatetest.Olive).get("/requests/" + v.ID + "/sign?decision=denial").is(http.StatusForbidden)
	s.staff(s.Person(gatetest.Moss)).get("/requests/req_none/sign?decision=approval").is(http.StatusNotFound)
}

func TestAnEndedRequestHasNothingToSign(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	request, _ := s.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	s.Must(s.Do("dispatch", request))
	moss := s.staff(s.Person(gatetest.Moss))
	for _, d := range []string{"approval", "denial"} {
		moss.get("/requests/" + request + "/sign?decision=" + d).is(http.StatusOK).at("/requests/" + request).says("How far it is").never("ask the desk for a new one")
	}
}

func TestWhatIsSignedIsNotPutBeforeItsSignerAgain(t *testing.T) {
	s := openSite(t, gatetest.New(t, strings.Replace(gatetest.Policy, "approvals: [{role: manager, count: 1}]", "approvals: [{role: manager, count: 1}, {role: security, count: 1}]", 1)), nil)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, reset.Approve))
	moss := s.staff(s.Person(gatetest.Moss))
	moss.get("/requests/" + v.ID + "/sign?decision=approval").is(http.StatusOK).at("/requests/" + v.ID)
	moss.get("/requests/" + v.ID + "/sign?decision=denial").is(http.StatusOK).says("countersign/denial/v1")
	s.staff(gatetest.Sorrel).get("/requests/" + v.ID + "/sign?decision=approval").is(http.StatusOK).says("countersign/approval/v1")
}

func TestOfficersCountersignOnThePage(t *testing.T) {
	s := newSite(t)
	s.Invite("staff:second", "Second Officer", "", identity.Officer)
	id, err := s.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	s.Must(err)
	paper, err := s.Gate.ProposalPaper(t.Context(), gatetest.Staff("staff:second"), id)
	s.Must(err)
	p := s.staff("staff:second").get("/roster/proposals/"+id+"/sign").is(http.StatusOK).says("Countersign a change of the roster", "remove_member")
	if p.statement() != paper.Statement || p.task().Options.Challenge != challengeOf(paper.Statement) {
		t.Error("the page shows something else than is signed")
	}
	if p.task().Post != "/api/v1/roster/proposals/"+id+"/signatures" || strings.Contains(p.body, "data-note") {
		t.Errorf("%+v", p.task())
	}
	s.staff(gatetest.Sorrel).get("/roster/proposals/" + id + "/sign").is(http.StatusForbidden)
	s.staff(gatetest.Olive).get("/roster/proposals/chg_none/sign").is(http.StatusNotFound)
}

func TestASessionThatEndedHasToSignInAgain(t *testing.T) {
	s := newSite(t)
	b := s.staff(s.Person(gatetest.Moss))
	b.get("/approvals").at("/approvals")
	s.Pass(13 * time.Hour)
	b.get("/approvals").at("/sign-in?next=%2Fapprovals")
}
