package rest_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/softkey"
)

func TestAResetIsAskedProvedSignedOrderedAndShownOverHTTP(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer, agent := s.signIn(gatetest.Olive), s.signIn(gatetest.Finch)

	// On-boarding registers an authenticator app; it counts after the cool-off.
	onboarding := into[struct{ Token string }](s.post("/tokens", s.letting(officer, "onboarding", "enrolments:write"), as(officer)).ok(201)).Token
	factor := into[gate.Factor](s.post("/enrolments", object{"login": "wren", "method": "totp"}, as(onboarding)).ok(201))
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(factor.URI)[1])
	s.Must(err)
	s.Pass(proof.CoolOff + time.Hour)
	s.post("/requests", wish(), as(agent)).no(401, "unauthenticated") // three days later, everybody has to sign in again
	agent = s.signIn(gatetest.Finch)
	manager := s.signIn(s.Person(gatetest.Moss))

	opened := s.post("/requests", wish(), as(agent)).ok(201)
	v := into[gate.View](opened)
	if opened.Get("Location") != "/api/v1/requests/"+v.ID || opened.Get("ETag") != `"2"` || v.Status != reset.Proving {
		t.Errorf("opened: %v %+v", opened.Header, v)
	}

	claimed := into[struct {
		Token string
		Case  gate.CaseView
	}](s.post("/cases/claim", object{"case": strings.ToLower(v.Case)}).ok(201))
	s.post("/case/secret", nil, as(claimed.Token)).no(409, "illegal_transition")
	p := into[gate.Prompt](s.post("/case/challenges", object{"method": "totp"}, as(claimed.Token)).ok(201))
	answerPath := "/case/challenges/" + p.Challenge + "/answer"
	s.post(answerPath, object{"answer": "000000"}, as(claimed.Token)).no(422, "answer_refused")
	typed := s.Code(seed)
	if c := into[gate.CaseView](s.post(answerPath, object{"answer": typed}, as(claimed.Token)).ok(200)); !c.Mine || c.Status != string(reset.Approving) {
		t.Errorf("after the proof: %+v", c)
	}

	// It waits for the manager, and shows in their list.
	mine := into[struct{ Requests []gate.Summary }](s.get("/requests?mine=true", as(manager)).ok(200))
	if len(mine.Requests) != 1 || mine.Requests[0].ID != v.ID {
		t.Errorf("the manager's list: %+v", mine)
	}
	paper := into[gate.Paper](s.get("/requests/"+v.ID+"/statement?decision=approval", as(manager)).ok(200))
	if !strings.HasPrefix(paper.Statement, "countersign/approval/v1\n") {
		t.Errorf("the statement begins %.40q", paper.Statement)
	}
	signed := s.post("/requests/"+v.ID+"/decisions", s.ballot(s.Person(gatetest.Moss), manager, v.ID, "approval"), as(manager)).ok(200)
	if v := into[gate.View](signed); v.Status != reset.Ready || len(v.Approvals) != 1 || !v.Approvals[0].Counts {
		t.Errorf("after the signature: %+v", v)
	}

	s.Pass(time.Second)
	s.Authorise(v.ID)
	if v := into[gate.View](s.get("/requests/"+v.ID, as(agent)).ok(200)); v.Status != reset.OrderedUp {
		t.Errorf("the order: %+v", v)
	}
	s.Must(s.Do(gate.JobDispatch, v.ID))

	shown := into[gate.Secrets](s.post("/case/secret", nil, as(claimed.Token)).ok(200))
	if s.Directory.SignIn(t.Context(), gatetest.Wren, gatetest.FirstPassword) == nil || shown.Password == "" {
		t.Error("the password has not changed")
	}
	s.post("/case/secret", nil, as(claimed.Token)).no(409, "illegal_transition")

	security := s.signIn(gatetest.Sorrel)
	file := s.get("/requests/"+v.ID+"/bundle", as(security)).ok(200)
	direct, err := s.Gate.Evidence(t.Context(), v.ID)
	s.Must(err)
	if raw, err := direct.Bytes(); err != nil || !bytes.Equal(raw, file.body) {
		t.Error("the bundle is not sent as the file it is")
	}
	report, err := evidence.VerifyFiles(file.body, []byte(s.LogKey), s.get("/genesis").ok(200).body, s.Now())
	if err != nil || report.Verdict != evidence.Allowed {
		t.Errorf("an auditor with what was fetched finds %s, %v", report.Verdict, err)
	}
	if want := `attachment; filename="` + v.ID + `.countersign.json"`; file.Get("Content-Disposition") != want || file.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", file.Header)
	}
	if m := into[struct{ Moments []gate.Moment }](s.get("/requests/"+v.ID+"/timeline", as(security)).ok(200)); len(m.Moments) < 8 || m.Moments[0].Type != "opened" {
		t.Errorf("timeline: %+v", m)
	}

	s.NoSecret(shown.Password, claimed.Token, onboarding, officer, agent, manager, security, factor.URI, typed)
	for _, word := range []string{v.Case, strings.ToLower(v.Case), gatetest.WrensMail} {
		if strings.Contains(s.Log.String(), word) {
			t.Errorf("%q was logged", word)
		}
	}
}

func TestPeopleJoinOverHTTP(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer := s.signIn(gatetest.Olive)
	invitation := into[struct{ Token string }](s.post("/roster/invitations",
		object{"person": "staff:robin", "name": "Robin Vale", "roles": []string{"agent"}, "desk": "helpdesk"}, as(officer)).ok(201)).Token

	j := into[gate.Joining](s.post("/join/begin", object{"token": invitation}).ok(200))
	k := softkey.New(rand.Reader)
	options, err := json.Marshal(j.Options)
	s.Must(err)
	response, err := k.RegisterOptions(gatetest.Origin, options)
	s.Must(err)
	s.post("/join/found", object{"token": invitation, "assertion": s.assertion(gatetest.Olive, []byte("sixteen bytes and more"))}).no(400, "invalid")
	joined := into[gate.Joined](s.post("/join/register", object{"token": invitation, "response": json.RawMessage(response)}).ok(200))
	s.post("/join/begin", object{"token": invitation}).no(404, "not_found")
	if joined.Sign != nil {
		t.Error("somebody who joins was asked to found")
	}

	path := "/roster/proposals/" + joined.Proposal
	paper := into[gate.Paper](s.get(path+"/statement", as(officer)).ok(200))
	s.post(path+"/signatures", object{"assertion": object{}}, as(officer)).no(422, "signature_refused")
	v := into[gate.RosterView](s.post(path+"/signatures", object{"assertion": s.assertion(gatetest.Olive, paper.Options.Challenge)}, as(officer)).ok(200))
	if len(v.Members) != 5 || len(v.Proposals) != 0 {
		t.Errorf("roster: %+v", v)
	}
	if me := into[gate.Me](s.get("/me", as(s.signInWith(k))).ok(200)); me.Name != "Robin Vale" || me.Desk != "helpdesk" {
		t.Errorf("me: %+v", me)
	}
	s.NoSecret(invitation)
}

func TestAPolicyIsPublishedOverHTTP(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer := s.signIn(gatetest.Olive)
	s.post("/roster/proposals", object{"kind": "publish_policy", "policy_text": "rules: ["}, as(officer)).no(400, "invalid")
	// Longer than other bodies may be, and padded with what a policy may hold.
	text := gatetest.Policy + strings.Repeat("# a reason\n", 10_000)
	made := s.post("/roster/proposals", object{"kind": "publish_policy", "policy_text": text}, as(officer)).ok(201)
	id := into[struct{ Proposal string }](made).Proposal
	if made.Get("Location") != "/api/v1/roster/proposals/"+id+"/statement" {
		t.Errorf("Location %q", made.Get("Location"))
	}
	before := into[gate.RosterView](s.get("/roster", as(officer)).ok(200)).Policy
	paper := into[gate.Paper](s.send("GET", made.Get("Location"), nil, as(officer)).ok(200))
	v := into[gate.RosterView](s.post("/roster/proposals/"+id+"/signatures", object{"assertion": s.assertion(gatetest.Olive, paper.Options.Challenge)}, as(officer)).ok(200))
	if v.Policy == before {
		t.Error("the policy in force is the old one")
	}
	s.post("/roster/proposals", object{"kind": "set_roles", "person": "nobody", "roles": []string{"auditor"}}, as(officer)).no(409, "roster_refused")
}

func TestThisWasNotMeEndsIt(t *testing.T) {
	s := open(t, gatetest.Policy)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	agent := s.signIn(gatetest.Finch)
	v, _ := s.proved(agent, seed)
	s.Must(s.Gate.Notice(t.Context(), v.ID, "opened"))
	found := regexp.MustCompile(`/not-me/(\S+)`).FindStringSubmatch(strings.Join(s.Letters(v.ID, gatetest.WrensMail), "\n"))
	if found == nil {
		t.Fatal("no link reached the owner")
	}
	s.post("/repudiations", object{"token": "AAAAAAAAAAAAAAAAAAAAAAAA"}).no(404, "not_found")
	s.post("/repudiations", object{"token": found[1]}).ok(204)
	s.post("/repudiations", object{"token": found[1]}).ok(204)
	if v := into[gate.View](s.get("/requests/"+v.ID, as(agent)).ok(200)); v.Status != reset.Vetoed || !v.Repudiated {
		t.Errorf("it stands at %s", v.Status)
	}
	s.NoSecret(found[1])

	// It is owed a review; whoever took no part gives it.
	security := s.signIn(gatetest.Sorrel)
	s.post("/requests/"+v.ID+"/reviews", s.ballot(gatetest.Sorrel, security, v.ID, "review-suspicious"), as(security)).ok(200)
	if v := into[gate.View](s.get("/requests/"+v.ID, as(agent)).ok(200)); v.ReviewOwed {
		t.Error("the review is owed still")
	}
}

func TestTheRequesterMayEndTheirOwnRequest(t *testing.T) {
	s := open(t, gatetest.Policy)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	agent := s.signIn(gatetest.Finch)
	v, token := s.proved(agent, seed)
	stranger := into[struct{ Token string }](s.post("/cases/claim", object{"case": v.Case}).ok(201)).Token
	s.post("/case/cancel", nil, as(stranger)).no(409, "proof_missing")
	s.post("/case/cancel", nil, as(token)).ok(200)
	if v := into[gate.View](s.get("/requests/"+v.ID, as(agent)).ok(200)); v.Status != reset.CancelledBy {
		t.Errorf("it stands at %s", v.Status)
	}
	s.post("/cases/claim", object{"case": v.Case}).no(404, "not_found")
}
