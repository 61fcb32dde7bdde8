package console_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/roster"
)

var slower = strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)

// area is what stands in a text area.
func (p seen) area(name string) string {
	p.t.Helper()
	m := regexp.MustCompile(`(?s)<textarea[^>]* name="` + name + `"[^>]*>\n?(.*?)</textarea>`).FindStringSubmatch(p.body)
	if m == nil {
		p.t.Fatalf("%s has no text area %s", p.path, name)
	}
	return html.UnescapeString(m[1])
}

func TestThePolicyInForceIsShownWithItsRulesItsTextAndWhoSignedIt(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Sorrel)
	v.get("/policy").is(200).says("house", "Rules", "everyone", "payroll", `subject.class == "sensitive"`, "Signatures 1 manager", "Review within 1d", "Olive Park", "line 7",
		"with the founding of the roster", "none, this is a test", "line 22").never("style=", "onclick")
	h := s.House
	h.Pass(time.Minute)
	h.Publish(slower)
	now := v.get("/policy").is(200).says("slower", "What it changed", "asks more")
	if strings.Contains(now.text(), "no longer in force") {
		t.Error("the policy in force is said not to be")
	}
	v.get("/policy?policy="+url.QueryEscape(roster.HashPolicy(gatetest.Policy))).is(200).says("This policy is no longer in force", "Until").never("slower</")
	v.get("/policy?policy=sha256:none").is(404)
}

func TestPolicyPagesAreForThoseWithOversight(t *testing.T) {
	s := newSite(t)
	pages := []string{"/policy", "/policy/explain", "/policy/explain?action=unlock", "/policy/tests", "/policy/prove", "/policy/diff", "/policy/edit"}
	for _, path := range pages {
		s.visitor().get(path).is(200).at("/sign-in?next=" + url.QueryEscape(path))
		for _, p := range []identity.PersonID{gatetest.Finch, s.Person(gatetest.Moss)} {
			s.staff(p).get(path).is(403).never("totp")
		}
		for _, p := range []identity.PersonID{gatetest.Sorrel, gatetest.Olive} {
			s.staff(p).get(path).is(200)
		}
	}
	for _, path := range []string{"/policy/tests", "/policy/prove", "/policy/edit", "/policy/propose"} {
		s.staff(gatetest.Finch).post(path, "policy_text", slower, "cases", "cases: []", "base", "x").is(403).never("totp")
	}
	compared := roster.HashPolicy(gatetest.Policy)
	s.staff(gatetest.Sorrel).post("/policy/propose", "policy_text", slower, "base", compared, "compared", compared).is(403)
	s.staff(gatetest.Sorrel).post("/policy/edit", "policy_text", slower, "base", compared, "step", "review").is(200).says("An officer of the roster proposes it").never("Propose it, and sign")
}

func TestTheAnswerIsAChecklistWithTheRuleOfEachDemand(t *testing.T) {
	v := newSite(t).staff(gatetest.Sorrel)
	v.get("/policy/explain").is(200).says("Describe a request", "What is asked for", "helpdesk")
	v.get("/policy/explain?action=unlock&desk=helpdesk&unit=Payroll&channel=phone&less=yes").is(200).
		says("What has to be there", "1 × manager, 1 × security", "because of the rule payroll", "because of its class", "Authenticator app", `subject.unit == "Payroll"`, "Less would be asked",
			`{action: unlock, subject: {unit: Payroll}, agent: {desk: helpdesk}`)
	v.get("/policy/explain?desk=helpdesk&admin=true").is(200).says("The policy refuses this request")
	v.get("/policy/explain?given="+url.QueryEscape("{subject: {groups: [A]}}")).is(200).says("{subject: {groups: [A]}}", "because of the rule everyone")
	v.get("/policy/explain?given="+url.QueryEscape("{subjct: {}}")).is(422).says("That cannot be done as it stands", "subjct")
	// What somebody types into a field is a text, whatever it looks like.
	v.get("/policy/explain?unit=" + url.QueryEscape(`x", admin: true, location: "y`)).is(200).says(`unit: "x\", admin: true, location: \"y"`)
	v.get("/policy/explain?unit=" + url.QueryEscape("<script>alert(1)</script>\u202eevil")).is(422).never("<script>alert")
}

// Staff read their own words, in their own language, not those of the policy.
func TestAnAnswerIsInTheReadersWords(t *testing.T) {
	s := newSite(t)
	english := s.staff(gatetest.Sorrel)
	english.get("/policy/explain?action=unlock&desk=helpdesk").is(200).says("1 × manager", "the default; no rule says otherwise").
		never("owner all", "owner_all", "revoke sessions", "We call you back")
	german := s.staff(gatetest.Sorrel)
	german.prefer(s.server.URL+"/policy", "language", "de")
	german.get("/policy/explain?action=unlock&desk=helpdesk").is(200).says("1 × Vorgesetzte", "Tage", "auf dem Bildschirm").
		never("1 manager", "Zugestellt über session", "no rule says")
}

func TestARecordedRequestIsAskedAboutByItsId(t *testing.T) {
	s := newSite(t)
	request := s.Open(gatetest.Wren, identity.Unlock)
	s.staff(gatetest.Sorrel).get("/policy/explain?request="+request.ID).is(200).says("1 × manager", "because of the rule everyone").never("Wren Ito")
	s.staff(gatetest.Sorrel).get("/policy/explain?request=req_none").is(404)
}

func TestCasesAreRunAndFailuresSayWhatWasExpectedAndWhatWasFound(t *testing.T) {
	v := newSite(t).staff(gatetest.Sorrel)
	v.get("/policy/tests").is(200).says("Does it still say what you meant?")
	const cases = "cases:\r\n  - {case: it waits, given: {}, expect: {wait: 3h}}\r\n  - {case: the manager signs, given: {}, expect: {approvals: [{role: manager, count: 1}]}}\r\n"
	p := v.post("/policy/tests", "cases", cases).is(200).says("1 case fails", "1 passes", "it waits", "wait: 3h", "wait: none", "reached by no case")
	if got := p.area("cases"); got != strings.ReplaceAll(cases, "\r", "") {
		t.Errorf("the cases are given back as %q", got)
	}
	v.post("/policy/tests", "cases", cases, "policy_text", slower).is(200).says("Every case passes")
	v.post("/policy/tests", "cases", "cases: 7").is(422).says("The cases do not read: line 1, column 8: ").never("policy: 1:8")
	v.post("/policy/tests", "cases", "cases:\n  [").is(422).says("this is not YAML").never("policy: ")
}

func TestWhatIsBrokenIsShownWithTheRequestThatBreaksIt(t *testing.T) {
	v := newSite(t).staff(gatetest.Sorrel)
	v.get("/policy/prove").is(200).says("two-signatures", "broken", "This request breaks it:", "{subject:")
	v.post("/policy/prove", "invariants", "invariants:\n  - {name: waits, always: plan.wait >= duration(\"1h\"), because: it has to}\n").is(200).says("waits", "it has to")
	p := v.post("/policy/prove", "policy_text", slower, "invariants", "invariants:\n  - {name: waits, always: plan.wait >= duration(\"1h\")}\n").is(200).says("of the policy that you are writing")
	if strings.Contains(p.text(), "waits broken") {
		t.Error("the draft was not the one that was proved")
	}
	v.post("/policy/prove", "invariants", "invariants: 7").is(422).says("The invariants do not read: line 1, column 13: ")
}

func TestTwoPoliciesThatWereInForceAreComparedInWords(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Sorrel)
	v.get("/policy/diff").is(200).says("There has been one policy so far")
	s.House.Publish(slower)
	v.get("/policy/diff").is(200).says("What changes", "Waiting time", "asks more", "3h").never("asks less")
	v.get("/policy/diff?new=" + roster.HashPolicy(gatetest.Policy) + "&old=" + v.hash()).is(200).says("asks less")
	v.get("/policy/diff?old=sha256:none").is(404)
}

// hash is that of the policy in force.
func (v *visitor) hash() string {
	v.T.Helper()
	chain, err := v.Gate.Chain(v.T.Context())
	v.Must(err)
	return chain.Policy
}

func TestAPolicyIsWrittenReviewedAndProposedWithoutAScript(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Olive)
	p := v.get("/policy/edit").is(200)
	if p.area("policy_text") != gatetest.Policy {
		t.Errorf("the editor begins with %q", p.area("policy_text"))
	}
	base := p.hidden("base")
	wrong := strings.Replace(slower, "subject.admin", "subject.admn", 1)
	p = v.post("/policy/edit", "policy_text", wrong, "base", base, "step", "check").is(200).says("It does not load", "did you mean", "line 6, column 19")
	if p.area("policy_text") != wrong || p.hidden("base") != base {
		t.Error("what was written is lost")
	}
	v.post("/policy/edit", "policy_text", wrong, "base", base, "step", "review").is(200).says("It does not load")
	crlf := strings.ReplaceAll(slower, "\n", "\r\n")
	p = v.post("/policy/edit", "policy_text", crlf, "base", base, "step", "review").is(200).
		says("What the policy would change", "Waiting time", "asks more", "3h", "two-signatures", "Propose it, and sign")
	p = v.post("/policy/edit", "policy_text", slower, "base", base, "step", "review", "days", "30").is(200).says("0 requests of the last 30 days")
	v.post("/policy/propose", "policy_text", p.area("policy_text"), "base", base, "compared", p.hidden("compared")).is(200).says("Countersign a new policy", "replaces")
	v.post("/policy/edit", "policy_text", gatetest.Policy, "base", base, "step", "review").is(200).says("This is the policy in force").never("Propose it, and sign")
}

func TestAPolicyThatAsksLessIsProposedOnlyWithItsReason(t *testing.T) {
	s := newSite(t)
	s.House.Publish(slower)
	v := s.staff(gatetest.Olive)
	base := v.get("/policy/edit").is(200).hidden("base")
	p := v.post("/policy/edit", "policy_text", gatetest.Policy, "base", base, "step", "review").is(200).says("It asks less, and does not say so").never("Propose it, and sign")
	v.post("/policy/propose", "policy_text", gatetest.Policy, "base", base, "compared", base).is(422).says("It asks less, and does not say so", "Nothing was proposed")
	p = v.post("/policy/edit", "policy_text", gatetest.Policy, "base", base, "step", "acknowledge", "acknowledgement", p.area("acknowledgement"),
		"because", "the ward's wait: it cost 'lives'").is(200).says("the ward's wait: it cost 'lives'", "said so itself", "Propose it, and sign")
	text := p.area("policy_text")
	if !strings.Contains(text, "  because: 'the ward''s wait: it cost ''lives'''\n") {
		t.Errorf("the reason is written as %s", text)
	}
	v.post("/policy/propose", "policy_text", text, "base", base, "compared", base).is(200).says("Countersign a new policy", "acknowledged")
	// Written again, it takes the place of what was acknowledged before.
	p = v.post("/policy/edit", "policy_text", text+"# the end\n", "base", base, "step", "acknowledge", "acknowledgement", "eases:\n  since: "+base+"\n  because: x\n  what: [\"*/*\"]\n", "because", "another").is(200)
	if n := strings.Count(p.area("policy_text"), "eases:"); n != 1 {
		t.Errorf("it acknowledges %d times: %s", n, p.area("policy_text"))
	}
}

func TestAPolicyThatCameIntoForceMeanwhileIsSaidAndComparedWith(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Olive)
	base := v.get("/policy/edit").is(200).hidden("base")
	p := v.post("/policy/edit", "policy_text", slower, "base", base, "step", "review").is(200)
	compared := p.hidden("compared")
	other := strings.Replace(slower, "wait: 3h", "wait: 5h", 1)
	s.House.Publish(other)
	v.post("/policy/edit", "policy_text", slower, "base", base, "step", "check").is(200).says("Another policy came into force while you were writing")
	p = v.post("/policy/propose", "policy_text", slower, "base", base, "compared", compared).is(409).
		says("Another policy came into force", "Nothing was proposed", "5h", "3h", "It asks less, and does not say so")
	if strings.Contains(p.body, "Propose it, and sign") {
		t.Error("what was compared with another policy can be proposed")
	}
	r, err := s.Gate.Roster(t.Context(), gatetest.Staff(gatetest.Olive))
	s.Must(err)
	if len(r.Proposals) != 0 {
		t.Errorf("%+v", r.Proposals)
	}
	v.get("/policy/diff?old=" + base).is(200).says("5h")
}

func TestTwoOfficersProposeAtOnceAndEachIsLedToTheirOwn(t *testing.T) {
	s := newSite(t)
	s.Invite("staff:oak", "Oak Hill", "", identity.Officer)
	base := roster.HashPolicy(gatetest.Policy)
	for i, who := range []identity.PersonID{gatetest.Olive, "staff:oak"} {
		text := strings.Replace(slower, "wait: 3h", fmt.Sprintf("wait: %dh", 3+i), 1)
		s.staff(who).post("/policy/propose", "policy_text", text, "base", base, "compared", base).is(200).says("Countersign a new policy", roster.HashPolicy(text))
	}
}

func TestHostilePolicyTextsStayTexts(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Olive)
	for name, text := range map[string]string{
		"markup":           strings.Replace(gatetest.Policy, "name: house", "name: \"</textarea><script>alert(1)</script>\"", 1),
		"what turns round": strings.Replace(gatetest.Policy, "risk_analysis: none", "risk_analysis: \"none\u202e\u2066", 1),
		"half a megabyte":  gatetest.Policy + strings.Repeat("# nothing\n", 50_000),
		"a deep nest":      "rules: " + strings.Repeat("[", 100_000),
		"aliases":          "a: &a [x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n",
	} {
		for _, step := range []string{"check", "review"} {
			p := v.post("/policy/edit", "policy_text", text, "base", "x", "step", step).is(200).says("It does not load").never("<script>alert")
			if got := p.area("policy_text"); got != text {
				t.Errorf("%s: %d bytes came back as %d", name, len(text), len(got))
			}
		}
	}
	v.post("/policy/edit", "policy_text", strings.Repeat("x", 3<<20), "base", "x").is(422)
}

// A policy that came into force under an earlier version of the program may
// hold what none may hold now: it is shown, and nothing in it hides.
func TestARuleWithMarkupInItIsShownAsItIsWritten(t *testing.T) {
	text := strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: odd\n    when: subject.login == \"<b onclick=x>\"\n    deny: \"</li><script>alert(1)</script>\"\n", 1)
	s := openSite(t, gatetest.New(t, text), nil)
	s.staff(gatetest.Sorrel).get("/policy").is(200).says(`subject.login == "<b onclick=x>"`, "</li><script>alert(1)</script>").never("<script>alert", "<b onclick")
}
