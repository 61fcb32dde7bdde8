package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/store"
)

func TestTheHelpPageSaysTheSameToEverybody(t *testing.T) {
	s := newSite(t)
	s.visitor().get("/help").is(http.StatusOK).says("I cannot sign in", "New password", "Unlock").never(`name="directory"`)
	first := s.visitor().post("/help", "login", gatetest.Wren, "action", "password_reset").is(http.StatusOK).
		says("If there is such an account and its rules allow it, its owner has been written to").never("wren")
	for _, form := range [][]string{
		{"login", gatetest.Wren, "action", "password_reset"}, // once more
		{"login", "nobody.at.all", "action", "password_reset"},
		{"login", "admin", "action", "unlock"},
		{"login", hostile, "action", "unlock"},
		{"login", gatetest.Wren, "action", "secret_rotation"},
		{"login", gatetest.Wren, "action", "unlock", "directory", "elsewhere"},
		{"login", gatetest.Wren, "action", "unlock", "channel", "phone", "email", "evil@example.org"},
	} {
		if p := s.visitor().post("/help", form...).is(http.StatusOK); p.body != first.body {
			t.Errorf("%q: the page differs: %s", form, p.text())
		}
	}
}

func TestTheOwnerGoesOnFromTheLetter(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	s.visitor().post("/help", "login", gatetest.Wren, "action", "unlock")
	s.errands()
	rows, err := s.Store.Rows(t.Context(), store.RowQuery{Person: s.Person(gatetest.Wren), Limit: 10})
	s.Must(err)
	if len(rows) != 1 || rows[0].Action != identity.Unlock {
		t.Fatalf("there are %+v", rows)
	}
	b := s.visitor()
	b.post("/case", "code", rows[0].Case).at("/case").says("Somebody at the self-service page").never("helpdesk</")
	b.prove(proof.TOTP, s.Code(seed)).says("with the people who have to sign")
	s.visitor().post("/check", "code", rows[0].Case).says("No agent has this request", "is not from the desk")
}

func TestAWishThatCannotBeReadIsAskedForAgain(t *testing.T) {
	s := newSite(t)
	for _, form := range [][]string{{}, {"login", "", "action", "unlock"}, {"login", "wren", "action", "make_me_admin"}, {"login", "a\nb", "action", "unlock"}, {"login", strings.Repeat("a", 300), "action", "unlock"}} {
		s.visitor().post("/help", form...).is(http.StatusUnprocessableEntity).says("Check what you have typed", "Ask for it")
	}
	p := s.visitor().post("/help", "login", `"><script>alert(1)</script>`+"\n", "action", "unlock").is(http.StatusUnprocessableEntity).never("<script>alert")
	if !regexp.MustCompile(`value="unlock"[^>]* checked`).MatchString(p.body) {
		t.Error("what was chosen is forgotten")
	}
}
