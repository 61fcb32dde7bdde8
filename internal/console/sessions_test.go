package console_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
)

// sessionsOn are the ids of the sessions on the page, and which of them is the
// reader's.
func sessionsOn(p seen) (others []string, here string) {
	for row := range strings.SplitSeq(p.body, "<tr>") {
		m := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(row)
		switch {
		case m == nil:
		case strings.Contains(row, "this one"):
			here = m[1]
		default:
			others = append(others, m[1])
		}
	}
	return others, here
}

func TestPeopleSeeAndEndTheirSessions(t *testing.T) {
	s := newSite(t)
	lost, here := s.staff(gatetest.Finch), s.staff(gatetest.Finch)
	stranger := s.staff(gatetest.Sorrel)
	p := here.get("/sessions").is(http.StatusOK).says("this one", "Sign out here", "End the other session")
	others, mine := sessionsOn(p)
	if len(others) != 1 || mine == "" {
		t.Fatalf("others %v, here %q: %s", others, mine, p.body)
	}
	stranger.post("/sessions/end", "id", others[0]).is(http.StatusNotFound).says("That session is not open", "may have ended already")
	lost.get("/sessions").is(http.StatusOK).at("/sessions")
	here.post("/sessions/end", "id", others[0]).is(http.StatusOK).says("The session was ended", "You are signed in nowhere else")
	lost.get("/sessions").at("/sign-in?next=%2Fsessions")
	here.post("/sessions/end", "id", mine).at("/sign-in?next=%2Fsessions%3Fdone%3Done")
}

func TestAllOtherSessionsEndByOneButton(t *testing.T) {
	s := newSite(t)
	here := s.staff(gatetest.Finch)
	others := []*visitor{s.staff(gatetest.Finch), s.staff(gatetest.Finch), s.staff(gatetest.Finch)}
	here.get("/sessions").says("End the 3 others")
	here.post("/sessions/others").is(http.StatusOK).says("3 other sessions were ended", "You are signed in nowhere else")
	for _, b := range others {
		b.get("/sessions").at("/sign-in?next=%2Fsessions")
	}
}

func TestOnlyOfficersAreOfferedToEndThoseOfOthers(t *testing.T) {
	s := newSite(t)
	for _, who := range []identity.PersonID{gatetest.Finch, gatetest.Sorrel, s.Person(gatetest.Moss)} {
		b := s.staff(who)
		b.get("/sessions").is(http.StatusOK).never("device is gone", string(gatetest.Olive))
		b.post("/sessions/members", "person", string(gatetest.Olive), "reason", "because").is(http.StatusForbidden)
	}
	s.staff(gatetest.Olive).get("/sessions").says("A member’s device is gone", "Finch Day (staff:finch)").never(`value="staff:olive"`)
}

func TestAnOfficerEndsTheSessionsOfAMember(t *testing.T) {
	s := newSite(t)
	stolen, officer := s.staff(gatetest.Finch), s.staff(gatetest.Olive)
	officer.post("/sessions/members", "person", string(gatetest.Finch), "reason", "").is(http.StatusUnprocessableEntity).says("Reason: empty").has(`value="staff:finch" selected`)
	officer.post("/sessions/members", "person", "staff:gone", "reason", "x").is(http.StatusNotFound).says("Nobody of that name stands on the roster")
	stolen.get("/sessions").at("/sessions")
	p := officer.post("/sessions/members", "person", string(gatetest.Finch), "reason", " the laptop <b>was</b> stolen ").is(http.StatusOK)
	p.says("All sessions of Finch Day were ended. One was open.", "take it off the roster")
	stolen.get("/sessions").at("/sign-in?next=%2Fsessions")
	s.Pass(time.Minute)
	s.staff(gatetest.Finch).get("/sessions").says("Olive Park ended all your sessions.", "the laptop <b>was</b> stolen").never("<b>was</b>")
}

func TestTheAddressMakesThePageSayNothingOfItsOwn(t *testing.T) {
	s := newSite(t)
	for _, q := range []string{"done=of&who=Somebody+Else", "done=of&who=%3Cscript%3E", "done=%3Cb%3E", "done=of&who=Finch+Day"} {
		s.staff(gatetest.Sorrel).get("/sessions?"+q).is(http.StatusOK).never("All sessions of", "<script>", "Somebody")
	}
	s.staff(gatetest.Sorrel).get("/sessions?done=others&count=-99999999999999999999").is(http.StatusOK)
}

func TestSessionsArePictured(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	r := reads(t, h)
	h.Pass(12 * time.Minute)
	s := r.site
	s.visits(gatetest.Sorrel, "[2001:db8:4:7::12]:443", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1")
	s.visits(gatetest.Sorrel, "203.0.113.20:443", "Go-http-client/1.1")
	s.staff(gatetest.Olive).post("/sessions/members", "person", string(gatetest.Finch), "reason", "the laptop was stolen on a train")
	r.goTo("/sessions")
	r.sees("this one", "Safari on iPhone", "2001:db8:4:7::/64", "203.0.113.20")
	r.picture("sessions")
	r.press("End the 2 others")
	r.sees("2 other sessions were ended.")
	r.picture("sessions-ended")
	r.works(gatetest.Olive)
	r.goTo("/sessions")
	r.picture("sessions-officer")
	r.works(gatetest.Finch)
	r.goTo("/sessions")
	r.sees("Olive Park ended all your sessions.")
	r.picture("sessions-told")
	r.press("Sign out here")
	r.do("arriving", chromedp.WaitVisible(chromedp.CSS("[data-task=sign-in]")))
}

// visits signs somebody in as a browser would that calls itself so, from an
// address.
func (s *site) visits(who identity.PersonID, address, agent string) {
	s.T.Helper()
	begun, err := s.signin.Begin(s.T.Context())
	s.Must(err)
	answer, err := s.Key(who).Assert("localhost", gatetest.Origin, begun.Options.Challenge)
	s.Must(err)
	visit := httptest.NewRequestWithContext(s.T.Context(), http.MethodPost, "/", nil)
	visit.RemoteAddr = address
	visit.Header.Set("User-Agent", agent)
	s.signin.Sourced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _, err := s.signin.Finish(r.Context(), begun.ID, answer)
		s.Must(err)
	})).ServeHTTP(httptest.NewRecorder(), visit)
}
