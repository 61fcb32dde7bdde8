package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/internal/directory"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/roster"
	"countersign/policies"
)

// ticks switches a checkbox of the page.
func (b tab) ticks(value string) {
	b.T.Helper()
	b.do("ticking "+value, chromedp.Click(chromedp.CSS(`input[type=checkbox][value="`+value+`"]`), chromedp.NodeVisible))
}

// From a server on which there is nothing to two officers, by clicks.
func TestAnEmptyServerGetsItsFirstPeople(t *testing.T) {
	h := gatetest.Bare(t)
	starter, _ := policies.Find("starter")
	token, err := h.Gate.InviteFounder(t.Context(), gate.Invitee{Person: gatetest.Olive, Name: "Olive Park", Roles: []identity.Role{identity.Officer, identity.Security}}, []byte(starter.Text()))
	h.Must(err)
	b := browse(t, h)
	complaints := b.complaints()
	b.passkey()
	b.goTo("/")
	b.sees("This server is not set up yet", "countersign roster init")
	b.picture("setup-open")

	b.goTo("/join#" + token)
	b.press("Register a passkey")
	b.sees("Sign the founding entry")
	b.press("Sign with my passkey")
	b.sees("The roster is founded")
	b.goTo("/sign-in?next=/setup")
	b.press("Sign in with a passkey")
	b.sees("First steps", "6 steps are left until the first reset", "A second officer")
	b.picture("setup-founded")
	b.goTo("/roster")
	b.sees("There is one officer", "Nothing waits.")
	b.picture("roster-founded")

	b.press("Invite a person")
	b.types("name", "Rowan Hill")
	b.types("person", "employee:1043")
	b.ticks("officer")
	b.picture("roster-invite")
	b.press("Make the invitation")
	b.sees("The invitation of Rowan Hill")
	b.picture("roster-link")
	link := strings.TrimSpace(b.text(".secret"))

	second := b.another()
	second.passkey()
	second.goTo(strings.TrimPrefix(link, gatetest.Origin))
	second.press("Register a passkey")
	second.sees("Your passkey is registered")
	fingerprint := strings.TrimSpace(second.text("[data-fingerprint]"))

	b.press("Back to the roster")
	b.sees("Rowan Hill is to join the roster")
	if shown := b.text(".proposal code"); shown != fingerprint {
		t.Errorf("the roster shows %s, their page %s", shown, fingerprint)
	}
	b.picture("roster-proposal")
	b.press("Read and sign")
	b.press("Countersign with my passkey")
	b.arrives("/approvals")
	second.goTo("/sign-in?next=/roster")
	second.press("Sign in with a passkey")
	second.sees("Rowan Hill joined the roster", "2 members")
	b.goTo("/setup")
	b.sees("There are 2 officers")
	b.press("The ready-made policies")
	b.press("Open in the editor")
	b.do("seeing the editor", chromedp.WaitReady(`//textarea[@name="policy_text"]`))
	for _, said := range complaints() {
		// Before signing in, asking who one is answers 401.
		if !contains(said, "401 (Unauthorized)") {
			t.Errorf("the browser complains: %s", said)
		}
	}
}

// busyRoster is one with something in every section.
func busyRoster(h *gatetest.House) {
	h.T.Helper()
	ctx, olive := h.T.Context(), gatetest.Staff(gatetest.Olive)
	h.Invite("employee:2001", "Aurelia Konstantinopolskaya-Featherstonehaugh", "nightline", identity.Agent)
	h.Invite("staff:rowan", "Rowan Hill", "", identity.Officer, identity.Auditor)
	h.Pass(40 * 24 * time.Hour)
	one, err := h.Gate.ProposeChange(ctx, olive, roster.Proposed{Kind: roster.SetRoles, Person: gatetest.Sorrel, Roles: []identity.Role{identity.Security}})
	h.Must(err)
	h.Countersign(gatetest.Olive, one)
	_, err = h.Gate.ProposeChange(ctx, olive, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	h.Must(err)
	stricter := strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)
	_, err = h.Gate.ProposeChange(ctx, olive, roster.Proposed{Kind: roster.PublishPolicy, PolicyText: stricter})
	h.Must(err)
	_, err = h.Gate.Invite(ctx, olive, gate.Invitee{Person: "employee:3001", Name: "Heron Fox", Roles: []identity.Role{identity.Manager, identity.Reviewer}})
	h.Must(err)
	_, err = h.Gate.ByToken(ctx, h.Token("tickets", 90*24*time.Hour, gate.ScopeOpen, gate.ScopeRead))
	h.Must(err)
	h.Token("on-boarding", 5*24*time.Hour, gate.ScopeEnrol)
}

func TestTheRosterIsLookedAtInARealBrowser(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	busyRoster(h)
	b := browse(t, h)
	b.works(gatetest.Olive)
	b.goTo("/roster")
	b.sees("Another policy is to come into force", "You have signed.", "on-boarding")
	b.picture("roster")
	// Long names and long words push nothing out of its column.
	long := "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhafte"
	h.Invite("employee:20020000000000000000000000000000", long, "nightline", identity.Agent)
	_, err := h.Gate.Invite(t.Context(), gatetest.Staff(gatetest.Olive), gate.Invitee{Person: "employee:3002", Name: long, Roles: []identity.Role{identity.ResourceOwner, identity.Proofing}})
	h.Must(err)
	h.Token(long[:60], 5*24*time.Hour, gate.ScopeAudit, gate.ScopeReport)
	b.speaks("de")
	for _, width := range []int64{1180, 1330} { // in one column, and in two
		b.do("taking a screen", chromedp.EmulateViewport(width, 900))
		b.goTo("/roster")
		if got := eval[string](b, `[...document.querySelectorAll(".cols > div :is(table, section)")].filter((e) => e.getBoundingClientRect().right > e.closest(".cols > div").getBoundingClientRect().right + 1 || e.scrollWidth > e.clientWidth + 1).map((e) => e.id || e.className || e.localName).join(", ")`); got != "" {
			t.Errorf("at %d pixels these are wider than their column: %s", width, got)
		}
	}
	b.picture("roster-german")
	b.speaks("en")
	b.goTo("/roster/change?person=staff:finch")
	b.sees("Other roles", "Removal")
	b.picture("roster-change")
	b.goTo("/roster/history")
	b.picture("roster-history")
	b.works(gatetest.Finch)
	b.goTo("/roster")
	b.sees("Officers sign this.")
	b.picture("roster-agent")
}

func TestThePartsAreLookedAtInARealBrowser(t *testing.T) {
	off := int64(-8000)
	s, m := moodySite(t,
		gate.PartView{Kind: gate.PartProvider, Name: "https://login.example.org", State: gate.PartOK, Calls: 12, LastOK: &someTime, Usual: 84, Off: &off},
		gate.PartView{Kind: gate.PartPolicy, Name: "policy.yaml", State: gate.PartWarning, Detail: "policy.yaml (sha256:JkLmnOpQrStUvWxYz0123456789abcdefghijkl) is not what is in force; put it up for signature with countersign policy publish policy.yaml"})
	b := browse(t, s.House)
	b.works(gatetest.Sorrel)
	b.goTo("/parts")
	b.sees("Ledger and store")
	b.picture("parts")
	b.types("login", gatetest.Wren)
	b.press("Test")
	b.sees("corp found the account", "Wren Ito")
	b.picture("parts-tested")

	m.dir = fmt.Errorf("ldap: %w", directory.ErrUnreachable)
	m.mail = fmt.Errorf("smtp: %w", notify.ErrTemporary)
	b.Pass(time.Minute)
	b.press("Send a test letter to security")
	b.sees("The mail server did not take the test letter")
	b.picture("parts-failing")
}

// A page on health shows what is, also when nothing happens that anybody would
// be told of; what somebody is typing stays.
func TestThePartsLookAgainByThemselves(t *testing.T) {
	s, m := moodySite(t)
	b := browse(t, s.House)
	b.works(gatetest.Sorrel)
	b.goTo("/parts")
	b.sees("Everything that was asked works.")
	b.types("login", "half-typ")
	m.fails(directory.ErrUnreachable)
	b.Pass(time.Minute)
	b.do("seeing that it changed", chromedp.WaitVisible(`//div[@id="look"]//*[contains(., "It gave no answer that could be used.")]`))
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("input[name=login]").value`))
	b.Must(err)
	if got != "half-typ" {
		t.Errorf("what was typed is %q now", got)
	}
}

var someTime = time.Date(2026, 3, 2, 8, 58, 0, 0, time.UTC)
