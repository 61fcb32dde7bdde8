package console_test

import (
	"net/http"
	"testing"
)

func TestJoiningIsOnePageForEverybody(t *testing.T) {
	s := newSite(t)
	p := s.visitor().get("/join").is(http.StatusOK).says("Join the roster", "Passkeys need JavaScript")
	if other := s.visitor().get("/join?token=inv_abc"); other.body != p.body {
		t.Error("the page takes notice of what the address holds")
	}
}
