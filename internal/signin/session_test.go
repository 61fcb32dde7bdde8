package signin_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

func TestTheCallerCarriesThePasskeyOfTheSession(t *testing.T) {
	p := newPorch(t)
	c, err := p.caller(p.signIn(gatetest.Sorrel))
	p.Must(err)
	if string(c.Passkey) != string(p.Key(gatetest.Sorrel).Credential().ID) || c.Person != gatetest.Sorrel {
		t.Errorf("%+v", c)
	}
}

func TestWhoMaySignHasToComeBackSooner(t *testing.T) {
	p := newPorch(t)
	quiet := map[identity.PersonID]time.Duration{gatetest.Finch: time.Hour, gatetest.Sorrel: 15 * time.Minute, gatetest.Olive: 15 * time.Minute, p.Person(gatetest.Moss): 15 * time.Minute}
	for who, limit := range quiet {
		token := p.signIn(who)
		p.Pass(limit - time.Second)
		if _, err := p.caller(token); err != nil {
			t.Errorf("%s within %s: %v", who, limit, err)
		}
		p.Pass(limit)
		if _, err := p.caller(token); code(err) != "unauthenticated" {
			t.Errorf("%s after %s: %v", who, limit, err)
		}
	}
}

// A role given while somebody is signed in tightens their session at once.
func TestARoleToSignShortensASessionThatIsOpen(t *testing.T) {
	p := newPorch(t)
	token := p.signIn(gatetest.Finch)
	id, err := p.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive),
		roster.Proposed{Kind: roster.SetRoles, Person: gatetest.Finch, Name: "Finch Day", Roles: []identity.Role{identity.Security}})
	p.Must(err)
	p.Countersign(gatetest.Olive, id)
	p.Pass(15 * time.Minute)
	if _, err := p.caller(token); code(err) != "unauthenticated" {
		t.Error(err)
	}
}

// Whatever an older version stored, or somebody wrote into the database.
func TestASessionWithoutItsPasskeyHasEnded(t *testing.T) {
	for name, change := range map[string]func(v map[string]any, p *porch){
		"none":           func(v map[string]any, _ *porch) { delete(v, "key") },
		"one not on it":  func(v map[string]any, _ *porch) { v["key"] = []byte("another") },
		"another's":      func(v map[string]any, p *porch) { v["key"] = []byte(p.Key(gatetest.Olive).Credential().ID) },
		"another person": func(v map[string]any, _ *porch) { v["person"] = gatetest.Olive },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPorch(t)
			token := p.signIn(gatetest.Finch)
			items, err := p.Store.Items(t.Context(), "staff_session", string(gatetest.Finch), p.Now())
			p.Must(err)
			v := map[string]any{}
			p.Must(json.Unmarshal(items[0].Value, &v))
			change(v, p)
			items[0].Value, err = json.Marshal(v)
			p.Must(err)
			p.Must(p.Store.Change(t.Context(), store.ItemChange{Item: items[0], Expect: store.AnyVersion}))
			if c, err := p.caller(token); code(err) != "unauthenticated" || c.Person != "" {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

// The token is made anew at each sign-in and never taken from the browser, so
// nobody can have planted it.
func TestEverySignInHasATokenOfItsOwn(t *testing.T) {
	p := newPorch(t)
	first, second := p.signIn(gatetest.Finch), p.signIn(gatetest.Finch)
	if first == second {
		t.Fatal("the same token twice")
	}
	p.Must(p.SignOut(t.Context(), first))
	if _, err := p.caller(second); err != nil {
		t.Errorf("signing out ended the other session: %v", err)
	}
}

func TestADecisionIsSignedWithThePasskeyOfTheSession(t *testing.T) {
	p := newPorch(t)
	caller, err := p.caller(p.signIn(gatetest.Olive))
	p.Must(err)
	id, err := p.Gate.ProposeChange(t.Context(), caller, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	p.Must(err)
	elsewhere := caller
	elsewhere.Passkey = []byte("a passkey on another device")
	for _, c := range []struct {
		gate.Caller
		want error
	}{{elsewhere, gate.ErrOtherPasskey}, {caller, nil}} {
		paper, err := p.Gate.ProposalPaper(t.Context(), c.Caller, id)
		p.Must(err)
		if len(paper.Options.Allow) != 1 || string(paper.Options.Allow[0].ID) != string(c.Passkey) {
			t.Errorf("the browser may use %+v", paper.Options.Allow)
		}
		_, err = p.Gate.Countersign(t.Context(), c.Caller, id, p.Sign(gatetest.Olive, paper.Options.Challenge))
		if !errors.Is(err, c.want) {
			t.Errorf("%v instead of %v", err, c.want)
		}
	}
}

func TestSoIsADecisionOverARequest(t *testing.T) {
	p := newPorch(t)
	v, err := p.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.Phone})
	p.Must(err)
	caller, err := p.caller(p.signIn(gatetest.Sorrel))
	p.Must(err)
	paper, err := p.Gate.Statement(t.Context(), caller, v.ID, reset.Deny)
	p.Must(err)
	if len(paper.Options.Allow) != 1 {
		t.Errorf("the browser may use %+v", paper.Options.Allow)
	}
	elsewhere := caller
	elsewhere.Passkey = []byte("a passkey on another device")
	assertion := p.Sign(gatetest.Sorrel, paper.Options.Challenge)
	if _, err := p.Gate.Vote(t.Context(), elsewhere, v.ID, reset.Deny, paper.ID, "", assertion); !errors.Is(err, gate.ErrOtherPasskey) {
		t.Errorf("a session of another passkey: %v", err)
	}
	_, err = p.Gate.Vote(t.Context(), caller, v.ID, reset.Deny, paper.ID, "", assertion)
	p.Must(err)
}
