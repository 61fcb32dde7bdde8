package gate_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

func code(err error) reset.Code {
	var f *gate.Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return reset.CodeOf(err)
}

func TestAnOwnerProvesAManagerSignsAndThePasswordReallyChanges(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	request, token := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	h.Must(h.Do("dispatch", request))

	s := h.State(request)
	if s.Status() != reset.Done || s.Receipt.Outcome != reset.Applied {
		t.Fatalf("the request stands at %s", s)
	}
	secrets, err := h.Gate.Reveal(t.Context(), token)
	h.Must(err)
	if err := h.Directory.SignIn(t.Context(), gatetest.Wren, gatetest.FirstPassword); err == nil {
		t.Error("the old password still works")
	}
	a, err := h.Directory.Find(t.Context(), gatetest.Wren)
	h.Must(err)
	if err := h.Directory.VerifyPassword(t.Context(), a.ID, secrets.Password); err != nil {
		t.Errorf("the new password does not work: %v", err)
	}
	if _, err := h.Gate.Reveal(t.Context(), token); code(err) != reset.IllegalTransition {
		t.Errorf("the secret was shown twice: %v", err)
	}
	h.Must(h.Do("follow_up", request))
	if f := h.State(request).FollowUps; len(f) != 1 || f[0].Outcome != "confirmed" {
		t.Errorf("follow-ups: %+v", f)
	}
	h.NoSecret(secrets.Password, token)

	b, err := h.Gate.Evidence(t.Context(), request)
	h.Must(err)
	raw, err := b.Bytes()
	h.Must(err)
	back, err := evidence.ParseBundle(raw)
	h.Must(err)
	roots, err := h.Roots()
	h.Must(err)
	if r := evidence.Verify(back, roots, h.Now()); r.Verdict != evidence.Allowed {
		t.Errorf("the auditor says %q: %+v", r.Verdict, r.Steps)
	}
}

func TestTheDeskLearnsTheSameOfUnknownPrivilegedAndUnreachable(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	var said []string
	for _, login := range []string{"nobody", "admin", "w*", "wren)(uid=*"} {
		_, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: login, Action: identity.PasswordReset, Channel: identity.Phone})
		said = append(said, err.Error())
	}
	for _, s := range said {
		if s != said[0] || !strings.Contains(s, "no request can be opened") {
			t.Errorf("answers differ: %q", said)
		}
	}
}

func TestNobodyButAnAgentOrAnOpeningTokenOpens(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	wish := gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}
	for name, c := range map[string]gate.Caller{
		"an officer": gatetest.Staff(gatetest.Olive), "security": gatetest.Staff(gatetest.Sorrel),
		"a stranger": gatetest.Staff("nobody"), "nobody at all": {}, "a reading token": {Token: "t", Scopes: []gate.Scope{gate.ScopeRead}},
	} {
		if _, err := h.Gate.Open(t.Context(), c, wish); code(err) != "forbidden" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Gate.Open(t.Context(), gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}}, wish); err != nil {
		t.Errorf("an opening token: %v", err)
	}
}

func TestAKnownCaseCodeAloneOpensNothing(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(strings.ToLower(strings.ReplaceAll(v.Case, "-", " ")))
	if err := h.Answer(token, proof.TOTP, "000000"); code(err) != "answer_refused" {
		t.Errorf("a guess: %v", err)
	}
	if _, err := h.Gate.Reveal(t.Context(), token); code(err) != reset.IllegalTransition {
		t.Errorf("the secret without proof: %v", err)
	}
	if err := h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve); code(err) != reset.ProofMissing {
		t.Errorf("the manager signed before the proof: %v", err)
	}
	for range 4 {
		_ = h.Answer(token, proof.TOTP, "000000")
	}
	if err := h.Answer(token, proof.TOTP, h.Code(seed)); code(err) != reset.MethodLocked {
		t.Errorf("the right code after five wrong ones: %v", err)
	}
	if _, err := h.Gate.Case(t.Context(), "AGE-SECRET-KEY-1FOREIGN"); code(err) != "session_unknown" {
		t.Errorf("a foreign session: %v", err)
	}
	if _, _, err := h.Gate.Claim(t.Context(), "AAAA-AAAA"); code(err) != "not_found" {
		t.Errorf("an unknown case: %v", err)
	}
}

func TestATOTPCodeCountsOnceOverAllRequests(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	first, second := h.Open(gatetest.Wren, identity.PasswordReset), h.Open(gatetest.Wren, identity.Unlock)
	typed := h.Code(seed)
	h.Must(h.Answer(h.Claim(first.Case), proof.TOTP, typed))
	if err := h.Answer(h.Claim(second.Case), proof.TOTP, typed); code(err) != "answer_refused" {
		t.Errorf("the same code again: %v", err)
	}
}

func TestACodeGoesOnlyToTheRegisteredAddressAndCountsOnlyForItsRequest(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, saved := h.Enrol(gatetest.Wren, proof.RecoveryCode)
	first, second := h.Open(gatetest.Wren, identity.PasswordReset), h.Open(gatetest.Wren, identity.PasswordReset)
	one, two := h.Claim(first.Case), h.Claim(second.Case)
	p1, err := h.Gate.Challenge(t.Context(), one, proof.EmailCode)
	h.Must(err)
	p2, err := h.Gate.Challenge(t.Context(), two, proof.EmailCode)
	h.Must(err)
	digits := h.MailedCode(first.ID, gatetest.WrensMail)
	if n := len(h.Mail.Messages("wren@corp.example")); n != 0 {
		t.Errorf("%d letters went to the mailbox the account itself opens", n)
	}
	if _, err := h.Gate.Answer(t.Context(), two, p2.Challenge, gate.Reply{Text: digits}); code(err) != "answer_refused" {
		t.Errorf("the code of another request: %v", err)
	}
	if _, err := h.Gate.Answer(t.Context(), two, p1.Challenge, gate.Reply{Text: digits}); code(err) != reset.ChallengeUnknown {
		t.Errorf("the challenge of another request: %v", err)
	}
	_, err = h.Gate.Answer(t.Context(), one, p1.Challenge, gate.Reply{Text: digits})
	h.Must(err)
	if _, err := h.Gate.Answer(t.Context(), one, p1.Challenge, gate.Reply{Text: digits}); code(err) != reset.ChallengeUnknown {
		t.Errorf("the same code twice: %v", err)
	}
	h.Must(h.Answer(one, proof.RecoveryCode, saved))
	if err := h.Answer(two, proof.RecoveryCode, saved); err == nil {
		t.Error("a spent recovery code was accepted again")
	}
	h.NoSecret(digits, digits[:4]+" "+digits[4:], saved)
}

func TestAnEMailedCodeLapsesAfterTenMinutes(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p, err := h.Gate.Challenge(t.Context(), token, proof.EmailCode)
	h.Must(err)
	digits := h.MailedCode(v.ID, gatetest.WrensMail)
	h.Pass(10 * time.Minute)
	if _, err := h.Gate.Answer(t.Context(), token, p.Challenge, gate.Reply{Text: digits}); code(err) != reset.ChallengeLapsed {
		t.Errorf("after ten minutes: %v", err)
	}
}

func TestTheUsedRecoveryCodeIsReplacedAndToldToTheClaimantOnly(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, saved := h.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	h.Must(h.Answer(token, proof.RecoveryCode, saved))
	h.Must(answerMailed(h, token, v.ID))
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	got, err := h.Gate.Reveal(t.Context(), token)
	h.Must(err)
	if got.RecoveryCode == "" || got.RecoveryCode == saved {
		t.Errorf("replacement %q for %q", got.RecoveryCode, saved)
	}
	h.NoSecret(got.RecoveryCode, got.Password)
}

func answerMailed(h *gatetest.House, token, request string) error {
	p, err := h.Gate.Challenge(h.T.Context(), token, proof.EmailCode)
	if err != nil {
		return err
	}
	_, err = h.Gate.Answer(h.T.Context(), token, p.Challenge, gate.Reply{Text: h.MailedCode(request, gatetest.WrensMail)})
	return err
}

func TestAFactorEnrolledTodayDoesNotCountToday(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	c := gate.Caller{Token: "onboarding", Scopes: []gate.Scope{gate.ScopeEnrol}}
	_, err := h.Gate.Enrol(t.Context(), c, gate.Registering{Login: gatetest.Wren, Method: proof.TOTP})
	h.Must(err)
	h.Pass(proof.CoolOff - time.Minute)
	token := h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case)
	if err := h.Answer(token, proof.TOTP, "000000"); code(err) != reset.MethodNotWanted {
		t.Errorf("a minute before the cool-off is over: %v", err)
	}
	if v, err := h.Gate.Case(t.Context(), token); err != nil || len(v.Paths) != 0 {
		t.Errorf("paths %v, %v; want none", v.Paths, err)
	}
}

func TestASignatureIsForOneStatementOneDecisionAndOnePerson(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	moss := h.Person(gatetest.Moss)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	paper, err := h.Gate.Statement(t.Context(), gatetest.Staff(moss), v.ID, reset.Approve)
	h.Must(err)
	if !strings.Contains(paper.Statement, "login: wren\n") || !strings.HasPrefix(paper.Statement, "countersign/approval/v1\n") {
		t.Errorf("the statement reads %q", paper.Statement)
	}
	forged := h.Sign(gatetest.Finch, paper.Options.Challenge)
	if _, err := h.Gate.Vote(t.Context(), gatetest.Staff(moss), v.ID, reset.Approve, paper.ID, "", forged); code(err) != "signature_refused" {
		t.Errorf("somebody else's key: %v", err)
	}
	good := h.Sign(moss, paper.Options.Challenge)
	if _, err := h.Gate.Vote(t.Context(), gatetest.Staff(moss), v.ID, reset.Deny, paper.ID, "", good); code(err) != reset.StatementOutdated {
		t.Errorf("an approval used as a denial: %v", err)
	}
	if _, err := h.Gate.Vote(t.Context(), gatetest.Staff(gatetest.Finch), v.ID, reset.Approve, paper.ID, "", good); err == nil {
		t.Error("an agent signed")
	}
	if _, err := h.Gate.Vote(t.Context(), gate.Caller{Token: "itsm", Scopes: gate.Scopes}, v.ID, reset.Approve, paper.ID, "", good); code(err) != "forbidden" {
		t.Errorf("a token signed: %v", err)
	}
	_, err = h.Gate.Vote(t.Context(), gatetest.Staff(moss), v.ID, reset.Approve, paper.ID, "", good)
	h.Must(err)
	other := h.Open(gatetest.Wren, identity.Unlock)
	if _, err := h.Gate.Vote(t.Context(), gatetest.Staff(moss), other.ID, reset.Approve, paper.ID, "", good); err == nil {
		t.Error("the signature was replayed on another request")
	}
}

func TestAPromotionBetweenSignatureAndOrderVoidsBoth(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	h.Must(h.Directory.SetGroup(t.Context(), "admins", "Domain Admins"))
	h.Publish(strings.Replace(gatetest.Policy, "approvals: [{role: manager, count: 1}]", "approvals: [{role: manager, count: 1}, {role: security, count: 1}]", 1))
	s, err := h.Gate.Authorise(t.Context(), v.ID)
	if code(err) != reset.ApprovalMissing || s.Status() != reset.Approving {
		t.Fatalf("after a stricter policy: %v, %s", err, s.Status())
	}
	if len(s.Plan.Approvals) != 2 {
		t.Errorf("the plan asks for %v", s.Plan.Approvals)
	}
}

func TestASignerWhoLostTheRoleNoLongerCounts(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	id, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), removal(h.Person(gatetest.Moss)))
	h.Must(err)
	h.Countersign(gatetest.Olive, id)
	if _, err := h.Gate.Authorise(t.Context(), v.ID); code(err) != reset.ApprovalMissing {
		t.Errorf("the order went out on a removed signer's word: %v", err)
	}
}

func TestThisWasntMeEndsEveryOpenRequestAndFencesUntilReviewed(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	first, second := h.Open(gatetest.Wren, identity.PasswordReset), h.Open(gatetest.Wren, identity.Unlock)
	h.Must(h.Gate.Notice(t.Context(), first.ID, "opened"))
	letters := h.Letters(first.ID, gatetest.WrensMail)
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	_, link, ok := strings.Cut(letters[0], "/not-me/")
	if !ok {
		t.Fatalf("no way to repudiate in %q", letters[0])
	}
	link = strings.TrimSpace(link)
	h.Must(h.Gate.Repudiate(t.Context(), link))
	h.Must(h.Gate.Repudiate(t.Context(), link)) // again changes nothing
	if s := h.State(first.ID).Status(); s != reset.Vetoed {
		t.Errorf("first: %s", s)
	}
	if s := h.State(second.ID).Status(); s != reset.CancelledBy {
		t.Errorf("second: %s", s)
	}
	wish := gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}
	if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), wish); code(err) != "not_available" {
		t.Errorf("a fenced account: %v", err)
	}
	paper, err := h.Gate.Statement(t.Context(), gatetest.Staff(gatetest.Sorrel), first.ID, reset.Suspect)
	h.Must(err)
	_, err = h.Gate.Review(t.Context(), gatetest.Staff(gatetest.Sorrel), first.ID, reset.Suspect, paper.ID, "a stranger rang", h.Sign(gatetest.Sorrel, paper.Options.Challenge))
	h.Must(err)
	if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), wish); err != nil {
		t.Errorf("after the review: %v", err)
	}
	if err := h.Gate.Repudiate(t.Context(), "guess"); code(err) != "not_found" {
		t.Errorf("a guessed link: %v", err)
	}
}

func TestEverybodyHearsAndNobodyReadsASecretInANotice(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	request, token := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	h.Must(h.Do("dispatch", request))
	h.Must(h.Gate.Notice(t.Context(), request, "done"))
	secrets, err := h.Gate.Reveal(t.Context(), token)
	h.Must(err)
	for _, to := range []string{gatetest.WrensMail, "wren@corp.example", gatetest.MossesMail} {
		letters := h.Letters(request, to)
		if len(letters) != 1 {
			t.Errorf("%s got %d letters", to, len(letters))
		}
		for _, l := range letters {
			if strings.Contains(l, secrets.Password) {
				t.Errorf("%s was sent the password", to)
			}
		}
	}
	if n := len(h.State(request).Plan.Notify); n == 0 {
		t.Error("the plan tells nobody")
	}
}

func TestWhatADeskSeesHoldsNoFactorNoDestinationAndNoReason(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	shown := v
	shown.Progress = nil // what the policy asks of everybody says nothing about what is on record
	raw, err := json.Marshal(shown)
	h.Must(err)
	for _, word := range []string{"totp", "recovery_code", "email_code", gatetest.WrensMail, "enr_", "con_"} {
		if strings.Contains(string(raw), word) {
			t.Errorf("the desk sees %q in %s", word, raw)
		}
	}
	for _, c := range []gate.Caller{gatetest.Staff(gatetest.Finch), {Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen, gate.ScopeRead}}} {
		if _, err := h.Gate.Bundle(t.Context(), c, v.ID); code(err) != "forbidden" {
			t.Errorf("%+v got the bundle: %v", c, err)
		}
		if _, err := h.Gate.Timeline(t.Context(), c, v.ID); code(err) != "forbidden" {
			t.Errorf("%+v got the timeline: %v", c, err)
		}
	}
}
