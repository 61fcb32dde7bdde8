package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

func TestRequestsAreListedForThoseWhoMaySeeThem(t *testing.T) {
	s := newSite(t)
	s.Invite("staff:kite", "Kite", "nightline", identity.Agent)
	s.Invite("staff:heron", "Heron Fox", "", identity.Manager)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	for _, who := range []identity.PersonID{gatetest.Sorrel, gatetest.Olive, s.Person(gatetest.Moss), gatetest.Finch} {
		s.staff(who).get("/requests").is(http.StatusOK).says("Wren Ito", v.Case)
	}
	for _, who := range []identity.PersonID{"staff:kite", "staff:heron"} {
		s.staff(who).get("/requests").is(http.StatusOK).says("There is none").never("Wren", v.Case)
		s.staff(who).get("/requests?case=" + v.Case).is(http.StatusOK).says("No request that you may see has this code").never("Wren")
	}
}

func TestRequestsAreNarrowed(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v, other := s.Open(gatetest.Wren, identity.PasswordReset), s.Open(gatetest.Moss, identity.Unlock)
	_, err := s.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Finch), other.ID)
	s.Must(err)
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	sorrel, moss := s.staff(gatetest.Sorrel), s.staff(s.Person(gatetest.Moss))
	sorrel.get("/requests").says(v.Case).never(other.Case)
	sorrel.get("/requests?show=ended").says(other.Case, "cancelled").never(v.Case)
	sorrel.get("/requests?show=all&action=unlock").says(other.Case).never(v.Case)
	sorrel.get("/requests?show=all&desk=nightline").says("There is none", "Without filters").never(v.Case)
	sorrel.get("/requests?case=" + strings.ToLower(strings.ReplaceAll(v.Case, "-", ""))).at("/requests/" + v.ID)
	moss.get("/requests?mine=1").says(v.Case)
	sorrel.get("/requests?mine=1").says("There is none")
	for _, odd := range []string{"?show=<script>", "?action=%00", "?after=zzz&show=all", "?desk=" + strings.Repeat("x", 9000), "?case=" + url.QueryEscape(hostile)} {
		sorrel.get("/requests" + odd).is(http.StatusOK).safe()
	}
}

func TestRequestsAreReadInPages(t *testing.T) {
	s := newSite(t)
	for range 35 {
		s.Open(gatetest.Wren, identity.Unlock)
	}
	sorrel := s.staff(gatetest.Sorrel)
	first := sorrel.get("/requests?action=unlock").says("Older ones")
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(first.body)
	second := sorrel.get(strings.ReplaceAll(next[1], "&amp;", "&")).is(http.StatusOK).never("Older ones")
	if a, b := strings.Count(first.body, `<tr id="req_`), strings.Count(second.body, `<tr id="req_`); a != 30 || b != 5 {
		t.Errorf("%d and %d", a, b)
	}
	list, _, err := s.Gate.List(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.Filter{Limit: 100})
	s.Must(err)
	for _, r := range list {
		if strings.Count(first.body+second.body, `<tr id="`+r.ID+`"`) != 1 {
			t.Errorf("%s is not there once", r.ID)
		}
	}
}
