package console_test

import (
	"net/http"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
)

func TestTheFrontPageHasADoorForEach(t *testing.T) {
	s := newSite(t)
	s.visitor().get("/").is(http.StatusOK).says("Case code", "Staff sign in").never("Aviary <Ltd>")
	s.staff(gatetest.Sorrel).get("/").says("To my work")
}

func TestTheFrontPageLeadsBackToAnOpenCase(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case).at("/case")
	b.get("/").says("continue with " + v.Case)
}

func TestAnUnknownPageIsAPage(t *testing.T) {
	s := newSite(t)
	s.visitor().get("/no/such/page").is(http.StatusNotFound).says("no such page")
	s.visitor().post("/join").is(http.StatusNotFound)
}
