package signin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/signin"
	"countersign/internal/softkey"
	"countersign/internal/store"
)

type porch struct {
	*gatetest.House
	*signin.Signin
}

func newPorch(t *testing.T) *porch {
	h := gatetest.New(t, gatetest.Policy)
	return &porch{h, signin.New(signin.Options{Gate: h.Gate, Store: h.Store, Now: h.Now, Secure: true})}
}

// answer is what a key's authenticator says to a ceremony.
func (p *porch) answer(key softkey.Key, c signin.Ceremony) []byte {
	p.T.Helper()
	options, err := json.Marshal(c.Options)
	p.Must(err)
	response, err := key.AssertOptions(gatetest.Origin, options)
	p.Must(err)
	return response
}

func (p *porch) begin() signin.Ceremony {
	p.T.Helper()
	c, err := p.Begin(p.T.Context())
	p.Must(err)
	return c
}

func (p *porch) signIn(who identity.PersonID) string {
	p.T.Helper()
	c := p.begin()
	token, got, err := p.Finish(p.T.Context(), c.ID, p.answer(p.Key(who), c))
	p.Must(err)
	if got != who {
		p.T.Fatalf("signed in as %s, want %s", got, who)
	}
	return token
}

func (p *porch) caller(token string) (gate.Caller, error) { return p.Caller(bearer(p.T, token)) }

func bearer(t testing.TB, token string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func code(err error) reset.Code {
	var f *gate.Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func TestAPasskeyOnTheRosterSignsIn(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	c, err := p.caller(token)
	if err != nil || c.Person != gatetest.Finch || c.Token != "" {
		t.Errorf("the session speaks for %+v, %v", c, err)
	}
}

func TestTheCeremonyNamesNobody(t *testing.T) {
	p := newPorch(t)
	if c := p.begin(); len(c.Options.Allow) != 0 || len(c.Options.Challenge) != 32 {
		t.Errorf("options %+v", c.Options)
	}
}

func TestEveryFailedSignInReadsAlike(t *testing.T) {
	p := newPorch(t)
	other := p.begin()
	for name, try := range map[string]func(signin.Ceremony) (string, []byte){
		"a key that is on no roster": func(c signin.Ceremony) (string, []byte) { return c.ID, p.answer(softkey.New(rand.Reader), c) },
		"an answer to another challenge": func(c signin.Ceremony) (string, []byte) {
			return c.ID, p.answer(p.Key(gatetest.Finch), other)
		},
		"a changed signature": func(c signin.Ceremony) (string, []byte) {
			raw := p.answer(p.Key(gatetest.Finch), c)
			i := bytes.Index(raw, []byte(`"signature":"`)) + 30
			raw[i] ^= 1
			return c.ID, raw
		},
		"no answer at all":          func(c signin.Ceremony) (string, []byte) { return c.ID, nil },
		"something that is no JSON": func(c signin.Ceremony) (string, []byte) { return c.ID, []byte("{") },
		"a ceremony that never began": func(c signin.Ceremony) (string, []byte) {
			return "AAAAAAAAAAAAAAAAAAAAAAAA", p.answer(p.Key(gatetest.Finch), c)
		},
		"a ceremony that has lapsed": func(c signin.Ceremony) (string, []byte) {
			p.Pass(5 * time.Minute)
			return c.ID, p.answer(p.Key(gatetest.Finch), c)
		},
	} {
		id, raw := try(p.begin())
		token, who, err := p.Finish(t.Context(), id, raw)
		if token != "" || who != "" || !errors.Is(err, signin.ErrRefused) || err.Error() != signin.ErrRefused.Error() {
			t.Errorf("%s: token %q, person %q, %v", name, token, who, err)
		}
	}
}

func TestAChallengeIsTriedOnce(t *testing.T) {
	p := newPorch(t)
	c := p.begin()
	if _, _, err := p.Finish(t.Context(), c.ID, []byte("{}")); code(err) != "sign_in_refused" {
		t.Fatal(err)
	}
	if _, _, err := p.Finish(t.Context(), c.ID, p.answer(p.Key(gatetest.Finch), c)); code(err) != "sign_in_refused" {
		t.Errorf("the right answer after a wrong one: %v", err)
	}
	c = p.begin()
	raw := p.answer(p.Key(gatetest.Finch), c)
	if _, _, err := p.Finish(t.Context(), c.ID, raw); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Finish(t.Context(), c.ID, raw); code(err) != "sign_in_refused" {
		t.Errorf("a replayed sign-in: %v", err)
	}
}

func TestASessionEnds(t *testing.T) {
	for name, end := range map[string]func(p *porch, token string){
		"after an hour of silence": func(p *porch, _ string) { p.Pass(time.Hour) },
		"by signing out":           func(p *porch, token string) { p.Must(p.SignOut(t.Context(), token)) },
		"after twelve hours, however busy": func(p *porch, token string) {
			for range 24 {
				if _, err := p.caller(token); err != nil {
					p.T.Fatalf("it ended too early: %v", err)
				}
				p.Pass(30 * time.Minute)
			}
		},
		"with its place on the roster": func(p *porch, _ string) {
			id, err := p.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
			p.Must(err)
			p.Countersign(gatetest.Olive, id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPorch(t)
			token := p.signIn(gatetest.Finch)
			if _, err := p.caller(token); err != nil {
				t.Fatal(err)
			}
			end(p, token)
			if c, err := p.caller(token); code(err) != "unauthenticated" || c.Person != "" {
				t.Errorf("it speaks for %+v, %v", c, err)
			}
		})
	}
}

func TestSigningOutTwiceIsNoError(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	p.Must(p.SignOut(t.Context(), token))
	p.Must(p.SignOut(t.Context(), token))
}

func TestUseIsNotedAtMostOnceAMinute(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	version := func() int64 {
		items, err := p.Store.Items(t.Context(), "staff_session", string(gatetest.Finch), p.Now())
		p.Must(err)
		if len(items) != 1 {
			t.Fatalf("%d sessions", len(items))
		}
		return items[0].Version
	}
	for range 5 {
		_, err := p.caller(token)
		p.Must(err)
	}
	if v := version(); v != 1 {
		t.Errorf("five calls in a moment wrote %d times", v-1)
	}
	p.Pass(time.Minute)
	_, err := p.caller(token)
	p.Must(err)
	if v := version(); v != 2 {
		t.Errorf("a call a minute later left version %d", v)
	}
}

func TestTheServerKeepsNoToken(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	for _, file := range []string{p.Path, p.Path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(token)) || bytes.Contains(raw, []byte(strings.TrimPrefix(token, "sst_"))) {
			t.Errorf("the token stands in %s", file)
		}
	}
	p.NoSecret(token)
}

func TestAnAPITokenSpeaksForItsIntegration(t *testing.T) {
	p := newPorch(t)
	token := p.Token("itsm", time.Hour, gate.ScopeRead)
	c, err := p.caller(token)
	if err != nil || c.Token != "itsm" || c.Person != "" {
		t.Errorf("caller %+v, %v", c, err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-countersign", Value: token})
	if c, err := p.Caller(r); code(err) != "unauthenticated" {
		t.Errorf("an API token in a cookie: %+v, %v", c, err)
	}
	p.Pass(time.Hour)
	if _, err := p.caller(token); code(err) != "unauthenticated" {
		t.Errorf("a token past its life: %v", err)
	}
}

func TestOneCredentialSpeaks(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	officer := p.signIn(gatetest.Olive)
	cookie := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) }
	}
	header := func(v string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Add("Authorization", v) }
	}
	for name, c := range map[string]struct {
		with []func(*http.Request)
		want identity.PersonID
	}{
		"nothing":                         {nil, ""},
		"a bearer token":                  {[]func(*http.Request){header("Bearer " + token)}, gatetest.Finch},
		"a bearer token, scheme in lower": {[]func(*http.Request){header("bearer " + token)}, gatetest.Finch},
		"the cookie":                      {[]func(*http.Request){cookie("__Host-countersign", token)}, gatetest.Finch},
		"the cookie without its prefix":   {[]func(*http.Request){cookie("countersign", token)}, ""},
		"the cookie and a case's":         {[]func(*http.Request){cookie("__Host-countersign", token), cookie("__Host-case", "AGE-SECRET-KEY-1X")}, gatetest.Finch},
		"a bearer and a cookie":           {[]func(*http.Request){header("Bearer " + token), cookie("__Host-countersign", officer)}, ""},
		"the same one twice":              {[]func(*http.Request){header("Bearer " + token), header("Bearer " + token)}, ""},
		"two cookies":                     {[]func(*http.Request){cookie("__Host-countersign", token), cookie("__Host-countersign", officer)}, ""},
		"basic credentials":               {[]func(*http.Request){header("Basic " + token)}, ""},
		"an empty bearer":                 {[]func(*http.Request){header("Bearer ")}, ""},
		"a requester's token":             {[]func(*http.Request){header("Bearer AGE-SECRET-KEY-1X")}, ""},
		"an unknown token":                {[]func(*http.Request){header("Bearer sst_AAAA")}, ""},
		"a very long token":               {[]func(*http.Request){header("Bearer sst_" + strings.Repeat("A", 9000))}, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		for _, f := range c.with {
			f(r)
		}
		got, err := p.Caller(r)
		if got.Person != c.want || (err == nil) != (c.want != "") || err != nil && code(err) != "unauthenticated" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestCookiesAreForThisHostAlone(t *testing.T) {
	p := newPorch(t)
	w := httptest.NewRecorder()
	p.SetStaffCookie(w, "sst_x")
	p.SetCaseCookie(w, "AGE-SECRET-KEY-1X")
	cookies := w.Result().Cookies()
	for i, want := range []struct {
		name string
		site http.SameSite
	}{{"__Host-countersign", http.SameSiteStrictMode}, {"__Host-case", http.SameSiteLaxMode}} {
		c := cookies[i]
		if c.Name != want.name || c.SameSite != want.site || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 {
			t.Errorf("%+v", c)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.AddCookie(cookies[1])
	if token, err := p.CaseToken(r); err != nil || token != "AGE-SECRET-KEY-1X" {
		t.Errorf("the case's token is %q, %v", token, err)
	}
	w = httptest.NewRecorder()
	p.ClearStaffCookie(w)
	p.ClearCaseCookie(w)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("not taken back: %+v", c)
		}
	}
}

func TestAStaffTokenOpensNoCase(t *testing.T) {
	p := newPorch(t)
	if _, err := p.CaseToken(bearer(t, p.signIn(gatetest.Finch))); code(err) != "session_unknown" {
		t.Error(err)
	}
}

// A store that fails must not read like a wrong passkey: somebody would look
// for the fault in the wrong place, and nobody may be let in either way.
func TestABrokenStoreLetsNobodyInAndSaysSo(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	broken := signin.New(signin.Options{Gate: p.Gate, Store: brokenStore{p.Store}, Now: p.Now})
	if c, err := broken.Caller(bearer(t, token)); err == nil || code(err) != "" || c.Person != "" {
		t.Errorf("caller %+v, %v", c, err)
	}
	if _, _, err := broken.Finish(t.Context(), "x", nil); err == nil || code(err) != "" {
		t.Errorf("finish: %v", err)
	}
}

type brokenStore struct{ store.Store }

func (brokenStore) Item(context.Context, string, string, time.Time) (store.Item, error) {
	return store.Item{}, errors.New("the disk is gone")
}
