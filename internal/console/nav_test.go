package console_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/console"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/signin"
	"countersign/internal/store"
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

// broken is a store that fails.
type broken struct{ store.Store }

func (broken) Item(context.Context, string, string, time.Time) (store.Item, error) {
	return store.Item{}, errors.New("broken: no item can be read")
}

func TestARefusalLeavesStaffTheirNavigation(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	finch := s.staff(gatetest.Finch)
	refused := map[string]int{"/nothing": http.StatusNotFound, "/ledger": http.StatusForbidden, "/requests/req_none": http.StatusNotFound, "/requests/" + v.ID + "/sign": http.StatusForbidden}
	for path, status := range refused {
		finch.get(path).is(status).has(`<nav aria-label="Staff">`).has(`href="/home">Back to my work`).never("To the front page")
	}
	s.visitor().get("/nothing").is(http.StatusNotFound).says("There is no such page", "To the front page").never("<nav", "/home")

	// Where even the session cannot be found, the refusal is still said.
	s.server.Config.Handler = opened(console.New(console.Options{Gate: s.Gate, Log: slog.New(slog.DiscardHandler),
		Signin: signin.New(signin.Options{Gate: s.Gate, Store: broken{s.Store}, Now: s.Now})}))
	finch.get("/nothing").is(http.StatusNotFound).says("There is no such page", "To the front page").never("<nav")
	finch.get("/requests").is(http.StatusInternalServerError).says("Something went wrong here", "To the front page").never("<nav")
}
