package signin_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/roster"
	"countersign/internal/signin"
)

// arrives signs somebody in as a browser that comes from an address would.
func (p *porch) arrives(who identity.PersonID, agent, address string) (token string) {
	p.T.Helper()
	c := p.begin()
	r := httptest.NewRequestWithContext(p.T.Context(), "POST", "/", nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 443).String()
	r.Header.Set("User-Agent", agent)
	p.Sourced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var err error
		token, _, err = p.Finish(r.Context(), c.ID, p.answer(p.Key(who), c))
		p.Must(err)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return token
}

func (p *porch) sessions(who identity.PersonID, token string) []signin.Session {
	p.T.Helper()
	all, err := p.Sessions(p.T.Context(), who, token)
	p.Must(err)
	return all
}

const (
	onWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
	onPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)

func TestPeopleSeeTheirOwnSessions(t *testing.T) {
	p := newPorch(t)
	first := p.arrives(gatetest.Finch, onWindows, "198.51.100.7")
	p.Pass(10 * time.Minute)
	second := p.arrives(gatetest.Finch, onPhone, "2001:db8:1:2:3:4:5:6")
	p.arrives(gatetest.Sorrel, onPhone, "203.0.113.9")
	all := p.sessions(gatetest.Finch, first)
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	phone, desk := all[0], all[1]
	if phone.Browser != "Safari" || phone.System != "iPhone" || phone.From != "2001:db8:1:2::/64" || phone.Here {
		t.Errorf("%+v", phone)
	}
	if desk.Browser != "Edge" || desk.System != "Windows" || desk.From != "198.51.100.7" || !desk.Here || !desk.Seen.Equal(p.Now().Add(-10*time.Minute)) || !desk.Until.Equal(desk.Seen.Add(time.Hour)) {
		t.Errorf("%+v", desk)
	}
	for _, s := range all {
		if strings.Contains(first+second, s.ID) || s.ID == "" {
			t.Errorf("the name %s tells of a token", s.ID)
		}
		if _, err := p.caller(s.ID); err == nil {
			t.Error("a session's name opens it")
		}
	}
}

func TestWhatABrowserCallsItselfIsNeverRepeated(t *testing.T) {
	p := newPorch(t)
	for agent, want := range map[string][2]string{
		"<script>alert(1)</script>":         {"", ""},
		"":                                  {"", ""},
		strings.Repeat("Firefox/", 100_000): {"Firefox", ""},
		"Go-http-client/1.1":                {"countersign", ""},
		"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0":                                                                          {"Firefox", "Linux"},
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                                    {"Chrome", "Android"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                           {"Safari", "macOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.7339.101 Mobile/15E148 Safari/604.1": {"Chrome", "iPhone"},
	} {
		token := p.arrives(gatetest.Finch, agent, "198.51.100.7")
		s := p.sessions(gatetest.Finch, token)[0]
		if got := [2]string{s.Browser, s.System}; got != want {
			t.Errorf("%.60q is %v, want %v", agent, got, want)
		}
		p.Must(p.SignOut(t.Context(), token))
	}
}

func TestASessionThatIsEndedIsOutAtOnce(t *testing.T) {
	p := newPorch(t)
	lost, here := p.signIn(gatetest.Finch), p.signIn(gatetest.Finch)
	for _, s := range p.sessions(gatetest.Finch, here) {
		if !s.Here {
			p.Must(p.EndSession(t.Context(), gatetest.Finch, s.ID))
			if err := p.EndSession(t.Context(), gatetest.Finch, s.ID); code(err) != "not_found" {
				t.Errorf("again: %v", err)
			}
		}
	}
	if _, err := p.caller(lost); code(err) != "unauthenticated" {
		t.Errorf("the lost one: %v", err)
	}
	if _, err := p.caller(here); err != nil {
		t.Errorf("the one here: %v", err)
	}
}

func TestAllOthersAreEndedAndNotThisOne(t *testing.T) {
	p := newPorch(t)
	var others []string
	for range 4 {
		others = append(others, p.signIn(gatetest.Finch))
	}
	here, sorrel := p.signIn(gatetest.Finch), p.signIn(gatetest.Sorrel)
	n, err := p.EndOtherSessions(t.Context(), gatetest.Finch, here)
	if err != nil || n != 4 {
		t.Errorf("%d ended, %v", n, err)
	}
	for _, token := range others {
		if _, err := p.caller(token); code(err) != "unauthenticated" {
			t.Errorf("another: %v", err)
		}
	}
	for _, token := range []string{here, sorrel} {
		if _, err := p.caller(token); err != nil {
			t.Errorf("it was not to end: %v", err)
		}
	}
	if n, err := p.EndOtherSessions(t.Context(), gatetest.Finch, here); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

func TestNobodyEndsTheSessionOfSomebodyElseByItsName(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Sorrel)
	name := p.sessions(gatetest.Sorrel, token)[0].ID
	for _, who := range []identity.PersonID{gatetest.Finch, gatetest.Olive} {
		if err := p.EndSession(t.Context(), who, name); code(err) != "not_found" {
			t.Errorf("%s: %v", who, err)
		}
	}
	for _, id := range []string{"", name[:20], name + "x"} {
		if err := p.EndSession(t.Context(), gatetest.Sorrel, id); code(err) != "not_found" {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := p.EndSession(t.Context(), "", name); code(err) != "forbidden" {
		t.Errorf("an integration: %v", err)
	}
	if _, err := p.caller(token); err != nil {
		t.Error(err)
	}
}

// A session that is being used while it is ended stays ended.
func TestEndingWinsOverUse(t *testing.T) {
	p := newPorch(t)
	for range 10 {
		token := p.signIn(gatetest.Finch)
		name := p.sessions(gatetest.Finch, token)[0].ID
		p.Pass(2 * time.Minute) // the next use is noted
		var both sync.WaitGroup
		both.Go(func() { _, _ = p.caller(token) })
		both.Go(func() { p.Must(p.EndSession(t.Context(), gatetest.Finch, name)) })
		both.Wait()
		if _, err := p.caller(token); code(err) != "unauthenticated" {
			t.Fatalf("it lives on: %v", err)
		}
	}
}

func TestSessionsThatHaveEndedAreNotListed(t *testing.T) {
	p := newPorch(t)
	p.Invite("staff:rowan", "Rowan Vale", "", identity.Officer)
	old := p.signIn("staff:rowan")
	p.Pass(14 * time.Minute)
	fresh := p.signIn("staff:rowan")
	p.Pass(2 * time.Minute)
	if all := p.sessions("staff:rowan", fresh); len(all) != 1 || !all[0].Here {
		t.Errorf("with one that lay still: %+v", all)
	}
	id, err := p.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.RemoveMember, Person: "staff:rowan"})
	p.Must(err)
	p.Countersign(gatetest.Olive, id)
	if all := p.sessions("staff:rowan", old); len(all) != 0 {
		t.Errorf("off the roster: %+v", all)
	}
}

func TestAnOfficerEndsTheSessionsOfAMember(t *testing.T) {
	p := newPorch(t)
	stolen, other, officer := p.signIn(gatetest.Finch), p.signIn(gatetest.Finch), p.signIn(gatetest.Olive)
	n, err := p.EndSessionsOf(t.Context(), gatetest.Staff(gatetest.Olive), gatetest.Finch, "the laptop was stolen")
	if n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	for _, token := range []string{stolen, other} {
		if _, err := p.caller(token); code(err) != "unauthenticated" {
			t.Errorf("it lives on: %v", err)
		}
	}
	if _, err := p.caller(officer); err != nil {
		t.Errorf("the officer's: %v", err)
	}
	told, err := p.Gate.Endings(t.Context(), gatetest.Staff(gatetest.Finch))
	p.Must(err)
	if len(told) != 1 || told[0].By != gatetest.Olive || told[0].Name != "Olive Park" || told[0].Why != "the laptop was stolen" || !told[0].At.Equal(p.Now()) {
		t.Errorf("the member is told %+v", told)
	}
	records, err := p.Store.Records(t.Context(), 0, 1000)
	p.Must(err)
	last := records[len(records)-1]
	if last.Type != "sessions_ended" || last.Actor != string(gatetest.Olive) || !strings.Contains(string(last.Body), `"person":"staff:finch"`) || strings.Contains(string(last.Body), "stolen") {
		t.Errorf("the ledger says %s by %s: %s", last.Type, last.Actor, last.Body)
	}
	if letters := p.Letters("", "soc@corp.example"); len(letters) != 1 || !strings.Contains(letters[0], "staff:olive ended all sessions of staff:finch") || !strings.Contains(letters[0], "the laptop was stolen") {
		t.Errorf("security hears %q", letters)
	}
	p.Pass(31 * 24 * time.Hour)
	if told, err := p.Gate.Endings(t.Context(), gatetest.Staff(gatetest.Finch)); err != nil || len(told) != 0 {
		t.Errorf("a month later: %+v, %v", told, err)
	}
}

func TestWhoIsNoOfficerEndsNobodysSessions(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	for name, try := range map[string]struct {
		caller gate.Caller
		whose  identity.PersonID
		why    string
		code   string
	}{
		"security":           {gatetest.Staff(gatetest.Sorrel), gatetest.Finch, "because", "forbidden"},
		"themselves":         {gatetest.Staff(gatetest.Finch), gatetest.Finch, "because", "forbidden"},
		"an integration":     {gate.Caller{Token: "t", Scopes: gate.Scopes}, gatetest.Finch, "because", "forbidden"},
		"without a reason":   {gatetest.Staff(gatetest.Olive), gatetest.Finch, "", "invalid"},
		"with two lines":     {gatetest.Staff(gatetest.Olive), gatetest.Finch, "a\nb", "invalid"},
		"of nobody":          {gatetest.Staff(gatetest.Olive), "staff:gone", "because", "not_found"},
		"of nobody in words": {gatetest.Staff(gatetest.Olive), "", "because", "not_found"},
	} {
		if _, err := p.EndSessionsOf(t.Context(), try.caller, try.whose, try.why); string(code(err)) != try.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.caller(token); err != nil {
		t.Errorf("it has ended all the same: %v", err)
	}
	items, err := p.Store.Items(t.Context(), "sessions_ended", string(gatetest.Finch), p.Now())
	p.Must(err)
	if len(items) != 0 {
		t.Errorf("the member is told of %d", len(items))
	}
}
