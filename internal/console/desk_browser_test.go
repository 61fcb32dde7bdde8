package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// The whole way by keyboard: a login, Enter, a digit, Enter.
func TestARequestIsOpenedByKeysAlone(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	complaints := b.complaints()
	b.works(gatetest.Finch)
	b.goTo("/desk")
	b.picture("desk-empty")
	b.strikes("wren\r")
	b.do("finding", chromedp.WaitVisible(`//main//h2[contains(., "Wren Ito")]`))
	b.picture("desk-found")
	b.strikes("3\r")
	b.do("coming to the case", chromedp.WaitVisible(`//main//h1[contains(., "Unlock") and contains(., "Wren Ito")]`))
	list, _, err := b.Gate.List(t.Context(), gatetest.Staff(gatetest.Finch), gate.Filter{})
	b.Must(err)
	if len(list) != 1 || list[0].Action != identity.Unlock || list[0].Channel != identity.Phone {
		t.Errorf("%+v", list)
	}
	b.picture("request-proving")
	b.strikes("gd")
	b.arrives("/desk")
	b.until("the field has the focus", `document.activeElement.id === "login"`)
	b.runs(`document.activeElement.blur()`)
	b.strikes("j\r")
	b.do("coming back to the case", chromedp.WaitVisible(`//main//h1[contains(., "Unlock")]`))
	if heard := complaints(); len(heard) > 0 {
		t.Errorf("the browser complains: %q", heard)
	}
}

func TestADoubleClickOpensOneRequest(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	b.works(gatetest.Finch)
	b.goTo("/desk")
	b.until("the field has the focus", `document.activeElement.id === "login"`)
	b.strikes("wren\r")
	b.do("pressing twice", chromedp.WaitVisible(chromedp.CSS("[data-once]")), chromedp.DoubleClick(chromedp.CSS("[data-once]")))
	b.do("coming to the case", chromedp.WaitVisible(`//main//h1[contains(., "New password")]`))
	if n := b.openCases(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// What a colleague opens appears by itself, and what is being typed stays.
func TestTheDeskFollowsByItself(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	b.works(gatetest.Finch)
	b.goTo("/desk")
	b.until("the field has the focus", `document.activeElement.id === "login"`)
	b.strikes("half a log")
	v := b.Open(gatetest.Wren, identity.PasswordReset)
	b.do("seeing it", chromedp.WaitVisible(`//tr[@id="`+v.ID+`"]`))
	_, err := b.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Finch), v.ID)
	b.Must(err)
	b.do("seeing it end", chromedp.WaitVisible(`//tr[@id="`+v.ID+`"]//*[contains(@class, "cancelled")]`))
	if got := eval[string](b, `document.activeElement.id + " " + document.activeElement.value`); got != "login half a log" {
		t.Errorf("the field has %q", got)
	}
}

// A page that has grown old: what it offers is refused with what is so now.
func TestAButtonOfAnOldPageSaysHowThingsStand(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	finch := s.staff(gatetest.Finch)
	finch.get("/requests/"+v.ID).says("Cancel this request", "Yes, cancel it")
	_, err := s.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Olive), v.ID)
	s.Must(err)
	finch.post("/requests/"+v.ID+"/cancel").is(409).says("It had ended already", "cancelled", "It was cancelled.").never("Yes, cancel it")
	finch.get("/requests/" + v.ID + "/cancel").is(200).at("/requests/" + v.ID)
}

func TestTheRequestPageInEveryState(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "follow_up: [revoke_sessions]", "follow_up: [revoke_sessions, revoke_tokens]\n      wait: 10m\n      review: 24h", 1))
	b := browse(t, h)
	seed, _ := b.Enrol(gatetest.Wren, proof.TOTP)
	b.Open(gatetest.Moss, identity.Unlock)
	v := b.Open(gatetest.Wren, identity.PasswordReset)
	b.works(gatetest.Finch)
	token := b.Claim(v.Case)
	b.Must(b.Answer(token, proof.TOTP, b.Code(seed)))
	b.goTo("/requests/" + v.ID)
	b.sees("Nothing for you to do", "Their proof is in.")
	b.picture("request-approving")
	b.Must(b.Vote(b.Person(gatetest.Moss), v.ID, reset.Approve))
	b.sees("The waiting time runs")
	b.Pass(10 * time.Minute)
	b.Authorise(v.ID)
	b.Must(b.Do(gate.JobDispatch, v.ID))
	b.sees("Your page shows your new password, once")
	b.picture("request-done")
	b.goTo("/desk")
	b.picture("desk-cases")
	sorrel := b.another()
	sorrel.works(gatetest.Sorrel)
	sorrel.goTo("/requests/" + v.ID)
	sorrel.sees("What happened", "The proof on the ledger")
	sorrel.picture("request-oversight")
	sorrel.goTo("/requests?show=all")
	sorrel.sees("Wren Ito")
	sorrel.picture("requests")
}

// What an agent is told to say depends on how they came, and on where the case
// stands.
func TestTheScriptFollowsTheCase(t *testing.T) {
	h := gatetest.New(t, strings.Replace(strings.Replace(gatetest.Policy, "proofs: totp || (recovery_code && email_code)", "proofs: callback || totp", 1),
		"  - desk: helpdesk\n", "  - desk: helpdesk\n    vendor: true\n", 1))
	b := browse(t, h)
	b.AddLark()
	b.works(gatetest.Finch)
	v, err := b.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Lark, Action: identity.Unlock, Channel: identity.Chat})
	b.Must(err)
	b.goTo("/requests/" + v.ID)
	b.sees("What to write", "Write it as it stands here, without a link.", "I work at the desk helpdesk, for your organisation.")
	b.picture("request-chat")
	_, err = b.Gate.Challenge(t.Context(), b.Claim(v.Case), proof.Callback)
	b.Must(err)
	b.sees("They are being rung", "We are ringing the number on record that ends in …42.")
	b.types("code", "1234")
	b.Claim(v.Case) // the page is drawn anew, and keeps what was typed
	b.picture("request-callback")
	if got := eval[string](b, `document.getElementById("code").value`); got != "1234" {
		t.Errorf("the field has %q", got)
	}
	b.goTo("/desk")
	b.sees("They are being rung: take the code")
	b.goTo("/requests/" + v.ID)
	b.Must(b.Vote(gatetest.Sorrel, v.ID, reset.Deny))
	b.sees("It was denied by somebody who signs.")
}
