package console_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/gate/gatetest"
)

func TestTheNavigationShowsEverybodyTheirOwnPlaces(t *testing.T) {
	s := newSite(t)
	for _, one := range []struct {
		who  *visitor
		has  []string
		none []string
	}{
		{s.staff(gatetest.Finch), []string{"/desk", "/roster"}, []string{"/approvals", "/ledger", "/reports", "/policy", "/parts", "/setup"}},
		{s.staff(gatetest.Olive), []string{"/approvals", "/requests", "/ledger", "/reports", "/policy", "/roster", "/parts"}, []string{`"/desk"`}},
	} {
		_, nav, _ := strings.Cut(one.who.get("/roster").is(http.StatusOK).body, "<nav")
		nav, _, _ = strings.Cut(nav, "</nav>")
		for _, path := range one.has {
			if !strings.Contains(nav, `href="`+path+`"`) {
				t.Errorf("%s is missing", path)
			}
		}
		for _, path := range one.none {
			if strings.Contains(nav, strings.Trim(path, `"`)+`"`) {
				t.Errorf("%s is shown", path)
			}
		}
	}
}

func TestEveryPlaceInTheNavigationIsAPage(t *testing.T) {
	s := newSite(t)
	for _, v := range []*visitor{s.staff(gatetest.Finch), s.staff(gatetest.Olive), s.staff(gatetest.Sorrel)} {
		p := v.get("/home").is(http.StatusOK)
		_, nav, _ := strings.Cut(p.body, "<nav")
		nav, _, _ = strings.Cut(nav, "</nav>")
		parts := strings.Split(nav, `<a href="`)
		if len(parts) < 3 {
			t.Fatalf("only %d places: %s", len(parts)-1, nav)
		}
		for _, part := range parts[1:] {
			path, _, _ := strings.Cut(part, `"`)
			here := v.get(path).is(http.StatusOK)
			if !strings.Contains(here.body, `href="`+path+`" aria-current="page"`) {
				t.Errorf("%s does not say that one is there", path)
			}
		}
	}
}
