package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// found looks somebody up and returns the fields of the form by which a request
// would be opened.
func (v *visitor) found(login string) (seen, []string) {
	v.T.Helper()
	p := v.post("/desk", "login", login).is(http.StatusOK)
	var fields []string
	for _, m := range hiddenField.FindAllStringSubmatch(p.body, -1) {
		fields = append(fields, m[1], m[2])
	}
	return p, fields
}

func (s *site) openCases() int {
	s.T.Helper()
	list, _, err := s.Gate.List(s.T.Context(), gatetest.Staff(gatetest.Sorrel), gate.Filter{Limit: 100})
	s.Must(err)
	return len(list)
}

func TestAnAgentFindsSomebodyAndOpensARequest(t *testing.T) {
	s := newSite(t)
	finch := s.staff(gatetest.Finch)
	finch.get("/desk").is(http.StatusOK).says("Who is on the line?", "No case is open")
	p, form := finch.found(" wren ")
	p.says("Wren Ito", "wren", "standard", "New password", "phone", "Open the request").never(gatetest.WrensMail, "Moss", "revoke")
	opened := finch.post("/desk", append(form, "action", "unlock", "channel", "walk_in", "ticket", "INC-7")...).is(http.StatusOK)
	opened.says("Unlock: Wren Ito", "INC-7", "walk-in", "waiting for proof", "Next call")
	finch.get("/desk").says("Open at your desk", "Wren Ito", "waiting for proof")
	p, _ = finch.found("wren")
	p.says("Something is open for this account", "Unlock")
}

func TestTheDeskIsForAgents(t *testing.T) {
	s := newSite(t)
	for _, who := range []identity.PersonID{s.Person(gatetest.Moss), gatetest.Sorrel, gatetest.Olive} {
		s.staff(who).get("/desk").is(http.StatusForbidden).never("Who is on the line?")
		s.staff(who).post("/desk", "login", "wren").is(http.StatusForbidden).never("Wren Ito")
	}
	s.visitor().post("/desk", "login", "wren").at("/sign-in?next=%2Fdesk")
}

// Following a link must not count, and not find anybody.
func TestALoginInTheAddressIsNotLookedUp(t *testing.T) {
	s := newSite(t)
	s.staff(gatetest.Finch).get("/desk?login=wren").is(http.StatusOK).never("Wren Ito")
	records, err := s.Store.Records(t.Context(), 0, 1000)
	s.Must(err)
	for _, r := range records {
		if r.Type == "looked_up" {
			t.Error("it was")
		}
	}
}

func TestTheDeskAnswersAlikeForWhomItCannotHelp(t *testing.T) {
	s := newSite(t)
	finch := s.staff(gatetest.Finch)
	nobody := finch.post("/desk", "login", "nobody").is(http.StatusNotFound).says("Nobody was found whom this desk can help", "the whole login, or the whole case code, exactly", "documented escalation")
	admin := finch.post("/desk", "login", "admin").is(http.StatusNotFound)
	if a, b := strings.ReplaceAll(nobody.body, "nobody", ""), strings.ReplaceAll(admin.body, "admin", ""); a != b {
		t.Errorf("the pages differ:\n%s\n%s", nobody.text(), admin.text())
	}
	for _, login := range []string{"", "\u202Ewren", "a\nb"} {
		finch.post("/desk", "login", login).is(http.StatusBadRequest).says("That cannot be a login")
	}
}

func TestTooManyLookUpsAreSaidWithTheTime(t *testing.T) {
	s := newSite(t)
	finch := s.staff(gatetest.Finch)
	for range 60 {
		_, err := s.Gate.LookUp(t.Context(), gatetest.Staff(gatetest.Finch), gate.LookUp{Login: "wren"})
		s.Must(err)
	}
	finch.post("/desk", "login", "wren").is(http.StatusTooManyRequests).says("Too many attempts", "60 minutes", "a colleague can").never("Wren Ito")
}

func TestACaseCodeLeadsToItsCase(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	finch := s.staff(gatetest.Finch)
	finch.post("/desk", "login", strings.ToLower(v.Case)).is(http.StatusOK).at("/requests/" + v.ID)
	s.Invite("staff:kite", "Kite", "nightline", identity.Agent)
	s.staff("staff:kite").post("/desk", "login", v.Case).is(http.StatusNotFound).never("Wren")
}

// A double click, a form sent again, and both at once.
func TestTheSameFormOpensOneRequest(t *testing.T) {
	s := newSite(t)
	finch := s.staff(gatetest.Finch)
	_, form := finch.found("wren")
	form = append(form, "action", "unlock", "channel", "phone", "ticket", "")
	first := finch.post("/desk", form...).is(http.StatusOK)
	finch.post("/desk", form...).is(http.StatusOK).at(first.path)
	if n := s.openCases(); n != 1 {
		t.Fatalf("%d requests", n)
	}
	_, form = finch.found("wren")
	form = append(form, "action", "unlock", "channel", "phone", "ticket", "")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if p := finch.post("/desk", form...); p.status != http.StatusOK && p.status != http.StatusConflict {
				t.Errorf("%d: %s", p.status, p.text())
			}
		})
	}
	all.Wait()
	if n := s.openCases(); n != 2 {
		t.Errorf("%d requests", n)
	}
	finch.post("/desk", append(form[:len(form):len(form)], "ticket", "another")...).is(http.StatusConflict).says("sent before, with other words")
}

// leaving is a store whose caller goes away once something was committed.
type leaving struct {
	store.Store
	leave func()
}

func (l *leaving) Commit(ctx context.Context, c store.Commit) ([]store.Record, error) {
	r, err := l.Store.Commit(ctx, c)
	if l.leave != nil {
		l.leave()
	}
	return r, err
}

// A browser that sends a form a second time gives up the first.
func TestAFormThatWasGivenUpCanBeSentAgain(t *testing.T) {
	kept := &leaving{}
	h := gatetest.Keep(t, t.TempDir(), gatetest.Policy, func(s store.Store) store.Store { kept.Store = s; return kept })
	s := openSite(t, h, nil)
	finch := s.staff(gatetest.Finch)
	_, form := finch.found("wren")
	givenUp := func(key string, more ...string) []string {
		t.Helper()
		fields := append(form[:len(form):len(form)], "channel", "phone", "ticket", "")
		fields = append(fields, more...)
		values := url.Values{}
		for i := 0; i+1 < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		values.Set("key", key)
		ctx, cancel := context.WithCancel(t.Context())
		kept.leave = cancel
		r := httptest.NewRequest(http.MethodPost, s.server.URL+"/desk", strings.NewReader(values.Encode())).WithContext(ctx)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, c := range finch.client.Jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
		s.server.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
		kept.leave = nil
		if ctx.Err() == nil {
			t.Fatal("nothing was committed")
		}
		cancel()
		var again []string
		for k, v := range values {
			again = append(again, k, v[0])
		}
		return again
	}
	again := givenUp("opened", "action", "unlock")
	if p := finch.post("/desk", again...).is(http.StatusOK); !strings.HasPrefix(p.path, "/requests/req_") || s.openCases() != 1 {
		t.Errorf("it leads to %s, and %d requests are open", p.path, s.openCases())
	}
	again = givenUp("refused", "action", "unlock", "login", "nobody")
	finch.post("/desk", again...).is(http.StatusNotFound).says("Nobody was found whom this desk can help")
}

func TestAFormThatWasRefusedCanBeCorrected(t *testing.T) {
	s := newSite(t)
	finch := s.staff(gatetest.Finch)
	_, form := finch.found("wren")
	p := finch.post("/desk", append(form, "action", "unlock", "channel", "walk_in", "ticket", "a\u202Eb")...).is(http.StatusBadRequest).says("The request was not opened", "Wren Ito")
	if !regexp.MustCompile(`value="unlock"[^>]* checked`).MatchString(p.body) || !regexp.MustCompile(`value="walk_in"[^>]* checked`).MatchString(p.body) {
		t.Error("what was chosen is lost")
	}
	for _, bad := range []string{"destroy", ""} {
		finch.post("/desk", append(form, "action", bad, "channel", "phone")...).is(http.StatusBadRequest)
	}
	if n := s.openCases(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestHostileNamesStayInTheirPlaceAtTheDesk(t *testing.T) {
	s := newSite(t)
	for i, name := range []string{hostile, strings.Repeat("W", 256)} {
		login := fmt.Sprintf("rook%d", i)
		_, err := s.Directory.Add(t.Context(), local.NewAccount{Login: login, Name: name, Password: gatetest.FirstPassword})
		s.Must(err)
		finch := s.staff(gatetest.Finch)
		p, form := finch.found(login)
		p.safe()
		finch.post("/desk", append(form, "action", "unlock", "channel", "phone", "ticket", hostile)...).is(http.StatusOK).safe()
		finch.get("/desk").is(http.StatusOK).safe()
		if len(p.body) > 60_000 {
			t.Errorf("%d bytes", len(p.body))
		}
	}
}

// safe says that nothing of a name became markup or turned the text around.
func (p seen) safe() {
	p.t.Helper()
	for _, bad := range []string{"<img src=x", "\u202E"} {
		if strings.Contains(p.body, bad) {
			p.t.Errorf("%s has %q in it", p.path, bad)
		}
	}
}

func TestTheDeskShowsItsOwnCasesAlone(t *testing.T) {
	s := newSite(t)
	s.Publish(strings.Replace(gatetest.Policy, "desks:", "desks:\n  - desk: nightline\n    vendor: true\n    reach: subject.class != \"privileged\"", 1))
	s.Invite("staff:kite", "Kite", "nightline", identity.Agent)
	s.Open(gatetest.Wren, identity.PasswordReset)
	kite := s.staff("staff:kite")
	kite.get("/desk").says("No case is open").never("Wren")
	p, form := kite.found("wren")
	p.says("A request that is not of your desk is open for it.")
	kite.post("/desk", append(form, "action", "unlock", "channel", "phone")...).says("I work at the desk nightline, for your organisation")
	s.staff(gatetest.Finch).get("/desk").says("New password").never("nightline")
}

func TestWhatTheDeskWaitsForIsSaid(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	finch := s.staff(gatetest.Finch)
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	finch.get("/desk").says("waiting for signatures", "manager")
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, reset.Deny))
	s.Pass(time.Minute)
	finch.get("/desk").says("No case is open", "Lately finished", "denied")
}
