package gate_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// errands does what waits to be done for people whom nobody knows.
func errands(h *gatetest.House) {
	h.T.Helper()
	for kind, do := range map[string]func(key string) error{
		gate.JobSelf:   func(key string) error { return h.Gate.SelfServe(h.T.Context(), key) },
		gate.JobReport: func(key string) error { return h.Gate.CallerReported(h.T.Context(), key) },
	} {
		items, err := h.Store.Items(h.T.Context(), "errand", kind, h.Now())
		h.Must(err)
		for _, i := range items {
			h.Must(do(i.Key))
		}
	}
}

// asks is somebody at the self-service page.
func asks(h *gatetest.House, login string, a identity.Action) {
	h.T.Helper()
	h.Must(h.Gate.SelfOpen(h.T.Context(), gate.SelfWish{Login: login, Action: a}))
	errands(h)
}

// requests are those about a person, newest first.
func requests(h *gatetest.House, p identity.PersonID) []store.Row {
	h.T.Helper()
	rows, err := h.Store.Rows(h.T.Context(), store.RowQuery{Person: p, Limit: 500})
	h.Must(err)
	return rows
}

func noted(h *gatetest.House, kind string) int {
	h.T.Helper()
	records, err := h.Store.Records(h.T.Context(), 0, 10000)
	h.Must(err)
	n := 0
	for _, r := range records {
		if r.Type == kind {
			n++
		}
	}
	return n
}

func TestAnOwnerHelpsThemselves(t *testing.T) {
	h := gatetest.New(t, letIn("totp"))
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	wren := h.Person(gatetest.Wren)
	asks(h, gatetest.Wren, identity.PasswordReset)
	rows := requests(h, wren)
	if len(rows) != 1 {
		t.Fatalf("%d requests", len(rows))
	}
	s := h.State(rows[0].ID)
	if s.Channel != identity.SelfService || s.Agent != "" || s.Requester != wren {
		t.Fatalf("opened as %s by %q for %q", s.Channel, s.Agent, s.Requester)
	}
	h.Must(h.Gate.Notice(t.Context(), s.ID, "opened"))
	card := regexp.MustCompile(`two words +([a-z]+-[a-z]+)`)
	for _, to := range []string{gatetest.WrensMail, "wren@corp.example"} { // the account's own mailbox too: it proves nothing
		got := h.Letters(s.ID, to)
		if len(got) != 1 {
			t.Fatalf("%s got %d letters", to, len(got))
		}
		for _, want := range []string{s.Case, gatetest.Origin + "/case\n", "/not-me/", "It may have been you", "Nothing has been changed"} {
			if !strings.Contains(got[0], want) {
				t.Errorf("the letter to %s lacks %q:\n%s", to, want, got[0])
			}
		}
		if !card.MatchString(got[0]) {
			t.Errorf("the letter to %s has no card", to)
		}
	}
	for _, text := range h.Letters(s.ID, gatetest.MossesMail) {
		if strings.Contains(text, "go on here") || strings.Contains(text, gatetest.Origin+"/case") {
			t.Errorf("the manager was invited:\n%s", text)
		}
	}
	token := h.Claim(s.Case)
	h.Must(h.Answer(token, proof.TOTP, h.Code(seed)))
	h.Pass(time.Second)
	if s := h.Authorise(s.ID); s.Status() != reset.OrderedUp {
		t.Errorf("it stands at %s", s.Status())
	}
}

func TestAskingForAnAccountTellsNothing(t *testing.T) {
	h := gatetest.New(t, letIn("totp"))
	for _, login := range []string{gatetest.Wren, "nobody", "admin", "w*", "wren)(uid=*"} {
		before := size(h)
		if err := h.Gate.SelfOpen(t.Context(), gate.SelfWish{Login: login, Action: identity.PasswordReset}); err != nil {
			t.Errorf("%s: %v", login, err)
		}
		if size(h) != before {
			t.Errorf("%s: something was looked up before the answer", login)
		}
	}
	errands(h)
	if n := noted(h, "missed"); n != 3 {
		t.Errorf("%d notes of look-ups that found nobody", n)
	}
	if err := h.Gate.SelfOpen(t.Context(), gate.SelfWish{Directory: "no such directory", Login: gatetest.Wren, Action: identity.PasswordReset}); err != nil {
		t.Errorf("an unknown directory: %v", err)
	}
	if err := h.Gate.SelfOpen(t.Context(), gate.SelfWish{Login: gatetest.Wren, Action: "none"}); code(err) != "invalid" {
		t.Errorf("an action that there is not: %v", err)
	}
	errands(h)
	h.NoSecret("no such directory", "wren)(uid=*")
}

func size(h *gatetest.House) int {
	h.T.Helper()
	records, err := h.Store.Records(h.T.Context(), 0, 10000)
	h.Must(err)
	return len(records)
}

func TestStrangersDoNotFillTheLedger(t *testing.T) {
	h := gatetest.New(t, letIn("totp"))
	for i := range 80 {
		asks(h, fmt.Sprintf("nobody%d", i), identity.PasswordReset)
	}
	if n := noted(h, "missed"); n != 60 {
		t.Errorf("%d notes in an hour", n)
	}
	h.Pass(time.Hour)
	asks(h, "nobody", identity.PasswordReset)
	if n := noted(h, "missed"); n != 61 {
		t.Errorf("%d notes an hour later", n)
	}
}

// The chief financial officer of this house is Wren.
func TestTwoHundredWishesLeaveTheirVictimUntouched(t *testing.T) {
	h := gatetest.New(t, plenty)
	seed, saved := h.Enrol(gatetest.Wren, proof.TOTP)
	_, saved = h.Enrol(gatetest.Wren, proof.RecoveryCode)
	wren := h.Person(gatetest.Wren)
	start := h.Now()
	for i := range 200 {
		asks(h, gatetest.Wren, identity.Actions[i%2]) // password and second factors in turn
		h.Pass(10 * time.Second)
	}
	opened := requests(h, wren)
	if len(opened) < 1 || len(opened) > 5 {
		t.Errorf("%d requests were opened", len(opened))
	}
	if signals(h, wren, gate.SignalFlood) != 1 {
		t.Errorf("%d signals of a flood", signals(h, wren, gate.SignalFlood))
	}
	letters := alarmLetters(h, append(ids(opened), "")...)
	if letters != 1 {
		t.Errorf("security got %d letters in %s", letters, h.Now().Sub(start))
	}

	// The attacker has a code by now, and guesses: one method, of one request.
	guessed := h.Claim(opened[0].Case)
	if _, stop := wrong(h, guessed, proof.EmailCode, 10); code(stop) != reset.MethodLocked && code(stop) != reset.TooMany {
		t.Errorf("guessing ended with %v", stop)
	}
	for login, works := range map[string]func() error{
		"the password": func() error { return h.Directory.SignIn(t.Context(), gatetest.Wren, gatetest.FirstPassword) },
		"the app": func() error {
			return h.Answer(h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.TOTP, h.Code(seed))
		},
		"the saved code": func() error {
			return h.Answer(h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.RecoveryCode, saved)
		},
		"somebody to be seen by": func() error {
			_, err := h.Gate.Challenge(t.Context(), h.Claim(h.Open(gatetest.Wren, identity.PasswordReset).Case), proof.InPerson)
			return err
		},
		"their own page": func() error {
			_, _, err := h.Gate.OpenOwn(t.Context(), wrens(h), identity.PasswordReset)
			return err
		},
	} {
		if err := works(); err != nil {
			t.Errorf("%s: %v", login, err)
		}
	}
}

func ids(rows []store.Row) (all []string) {
	for _, r := range rows {
		all = append(all, r.ID)
	}
	return all
}

func alarmLetters(h *gatetest.House, requests ...string) int {
	for _, r := range requests {
		h.Letters(r, soc)
	}
	return alarms(h, "")
}

func TestNoMoreThanFiveRequestsADayAreOpenedByStrangers(t *testing.T) {
	h := gatetest.New(t, strings.Replace(letIn("totp"), "demand:\n", "demand:\n      expires: 1h\n", 1))
	wren := h.Person(gatetest.Wren)
	for range 8 {
		asks(h, gatetest.Wren, identity.PasswordReset)
		h.Pass(time.Hour) // it has expired by then
	}
	if n := len(requests(h, wren)); n != 5 {
		t.Errorf("%d requests in eight hours", n)
	}
	if signals(h, wren, gate.SignalFlood) == 0 {
		t.Error("nothing tells of it")
	}
	h.Pass(24 * time.Hour)
	asks(h, gatetest.Wren, identity.PasswordReset)
	if n := len(requests(h, wren)); n != 6 {
		t.Errorf("%d requests a day later", n)
	}
}

func TestAskingAgainWritesAgainAndOpensNothing(t *testing.T) {
	h := gatetest.New(t, letIn("totp"))
	wren := h.Person(gatetest.Wren)
	asks(h, gatetest.Wren, identity.PasswordReset)
	s := requests(h, wren)[0]
	h.Must(h.Gate.Notice(t.Context(), s.ID, "opened"))
	for range 3 {
		asks(h, gatetest.Wren, identity.PasswordReset)
	}
	if n := len(requests(h, wren)); n != 1 {
		t.Fatalf("%d requests", n)
	}
	asks(h, gatetest.Wren, identity.Unlock)
	if n := len(requests(h, wren)); n != 2 {
		t.Errorf("another action: %d requests", n)
	}
	// A request of the desk's is no self-service request.
	h.Open(gatetest.Moss, identity.PasswordReset)
	asks(h, gatetest.Moss, identity.PasswordReset)
	if n := len(requests(h, h.Person(gatetest.Moss))); n != 2 {
		t.Errorf("beside one of the desk's: %d", n)
	}
}

func TestAWishIsCarriedOutOnce(t *testing.T) {
	h := gatetest.New(t, letIn("totp"))
	h.Must(h.Gate.SelfOpen(t.Context(), gate.SelfWish{Login: gatetest.Wren, Action: identity.PasswordReset}))
	items, err := h.Store.Items(t.Context(), "errand", gate.JobSelf, h.Now())
	h.Must(err)
	errs := together(8, func(int) error { return h.Gate.SelfServe(t.Context(), items[0].Key) })
	for _, err := range errs {
		if err != nil && code(err) != "conflict" {
			t.Error(err)
		}
	}
	if n := len(requests(h, h.Person(gatetest.Wren))); n != 1 {
		t.Errorf("%d requests of one wish", n)
	}
}

func TestAnOwnerWhoIsSignedInOpensTheirOwn(t *testing.T) {
	h := gatetest.New(t, letIn("totp"))
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v, token, err := h.Gate.OpenOwn(t.Context(), wrens(h), identity.PasswordReset)
	h.Must(err)
	if v.Case == "" || v.Mine {
		t.Errorf("what they see: %+v", v)
	}
	h.Must(h.Answer(token, proof.TOTP, h.Code(seed)))
	if v, err = h.Gate.Case(t.Context(), token); err != nil || !v.Mine {
		t.Errorf("after proving themselves: %+v, %v", v, err)
	}
	strange := wrens(h)
	strange.Person = h.Person(gatetest.Moss)
	if _, _, err := h.Gate.OpenOwn(t.Context(), strange, identity.PasswordReset); code(err) != "session_unknown" {
		t.Errorf("about somebody else's account: %v", err)
	}
	for range 4 {
		_, _, err = h.Gate.OpenOwn(t.Context(), wrens(h), identity.PasswordReset)
		h.Must(err)
	}
	if _, _, err = h.Gate.OpenOwn(t.Context(), wrens(h), identity.PasswordReset); code(err) != reset.TooMany {
		t.Errorf("a sixth within a day: %v", err)
	}
}
