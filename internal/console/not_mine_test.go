package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/store"
)

func storeChange(i store.Item) store.ItemChange { return store.ItemChange{Item: i, Expect: i.Version} }

func (s *site) disownLink() string {
	s.T.Helper()
	texts := s.Letters("", gatetest.WrensMail)
	return regexp.MustCompile(`/not-mine/\S+`).FindString(texts[len(texts)-1])
}

func TestLookingAtTheLinkDoesNothing(t *testing.T) {
	s := newSite(t)
	s.ownKey(gatetest.Wren, "stranger’s")
	known := s.visitor().get(s.disownLink()).is(http.StatusOK).says("This wasn’t me", "need not sign in")
	unknown := s.visitor().get("/not-mine/dis_unknown").is(http.StatusOK)
	if known.text() != unknown.text() {
		t.Error("the page tells whether a link is known")
	}
	s.owner(gatetest.Wren).get("/security").says("stranger’s")
}

func TestWhatWasNotMineIsGoneAndEverybodyIsSignedOut(t *testing.T) {
	s := newSite(t)
	key, _ := s.ownKey(gatetest.Wren, "stranger’s")
	thief, other := s.visitor(), s.owner(gatetest.Moss)
	thief.signsIn(key)
	link := s.disownLink()
	s.visitor().post(link).is(http.StatusOK).says("it is taken away", "signed out", "recorded for security").never("stranger")
	thief.get("/security").says("Sign in with my own passkey").never("Wren Ito")
	other.get("/security").says("Moss Lee")
	s.visitor().post(link).is(http.StatusOK)
	s.owner(gatetest.Wren).get("/security").never("stranger’s")
}

func TestARemovalThatWasNotMineIsNotUndone(t *testing.T) {
	s := newSite(t)
	_, added := s.ownKey(gatetest.Wren, "laptop")
	s.owner(gatetest.Wren).post("/security/remove/" + added.Enrolment).at("/security?done=removed").says("It is removed")
	s.visitor().post(s.disownLink()).is(http.StatusOK).says("not put back")
}

func TestAnUnknownOrForeignLinkDoesNothing(t *testing.T) {
	s := newSite(t)
	s.visitor().post("/not-mine/dis_unknown").is(http.StatusNotFound).says("This link is not known")
	s.visitor().post("/not-mine/" + strings.Repeat("x", 4000)).is(http.StatusNotFound)
	s.ownKey(gatetest.Wren, "laptop")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+s.disownLink(), nil)
	s.Must(err)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	s.visitor().do(r).is(http.StatusForbidden)
	s.owner(gatetest.Wren).get("/security").says("laptop")
}
