package roster_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof/passkey"
	"countersign/internal/roster"
	"countersign/internal/softkey"
)

var update = flag.Bool("update", false, "rewrite golden files")

const (
	origin = "https://cs.example"
	logKey = "cs.example/ledger+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
)

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// chain builds a roster event by event.
type chain struct {
	t     *testing.T
	state roster.State
	keys  map[identity.PersonID]softkey.Key
	at    time.Time
}

func (c *chain) try(e roster.Event) error {
	c.t.Helper()
	open, private, err := ledger.Seal(e, func() [32]byte { return [32]byte{1} })
	if err != nil {
		c.t.Fatal(err)
	}
	leaf := ledger.Leaf{Stream: roster.Stream, Version: c.state.Version + 1, Seq: c.state.Version, Type: e.Type(), At: c.at, Actor: "test", Body: open}
	before, _ := json.Marshal(c.state)
	next, err := roster.Evolve(c.state, leaf, private)
	if after, _ := json.Marshal(c.state); !bytes.Equal(before, after) {
		c.t.Errorf("%s changed the roster it was given", e.Type())
	}
	if err == nil {
		c.state = next
	}
	return err
}

func (c *chain) must(e roster.Event) {
	c.t.Helper()
	if err := c.try(e); err != nil {
		c.t.Fatalf("%s: %v", e.Type(), err)
	}
}

func (c *chain) refused(want error, e roster.Event) {
	c.t.Helper()
	if err := c.try(e); !errors.Is(err, want) {
		c.t.Errorf("%s: %v; want %v", e.Type(), err, want)
	}
}

func (c *chain) key(p identity.PersonID) *passkey.Credential {
	k, ok := c.keys[p]
	if !ok {
		k = softkey.New(rand.Reader)
		c.keys[p] = k
	}
	cred := k.Credential()
	return &cred
}

func (c *chain) sign(p identity.PersonID, challenge []byte) passkey.Assertion {
	c.t.Helper()
	response, err := c.keys[p].Assert("cs.example", origin, challenge)
	if err != nil {
		c.t.Fatal(err)
	}
	a, err := passkey.ParseAssertion(response)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func founding(c *chain, p identity.PersonID) roster.Founded {
	f := roster.Founded{
		Organisation: "Aviary", Log: logKey, RelyingParty: passkey.RelyingParty{ID: "cs.example", Origins: []string{origin}},
		Person: p, Name: "Olive Park", Roles: []identity.Role{identity.Officer}, Passkey: *c.key(p),
		Policy: roster.HashPolicy("policy"), PolicyText: "policy",
	}
	text, err := f.Statement()
	if err != nil {
		c.t.Fatal(err)
	}
	f.Assertion = c.sign(p, text.Challenge())
	return f
}

func founded(t *testing.T) *chain {
	c := &chain{t: t, keys: map[identity.PersonID]softkey.Key{}, at: t0}
	c.must(founding(c, "olive"))
	return c
}

func (c *chain) member(id string, p identity.PersonID, roles ...identity.Role) roster.Proposed {
	return roster.Proposed{Proposal: id, Kind: roster.AddMember, Person: p, Name: "Somebody", Roles: roles, Passkey: c.key(p), Until: c.at.Add(time.Hour)}
}

func (c *chain) signature(id string, p identity.PersonID) roster.Countersigned {
	c.t.Helper()
	text, err := c.state.Statement(c.state.Proposals[id].Proposed)
	if err != nil {
		c.t.Fatal(err)
	}
	return roster.Countersigned{Proposal: id, Person: p, Assertion: c.sign(p, text.Challenge())}
}

func TestAFoundingIsSignedByItsOwnKeyAndComesFirst(t *testing.T) {
	c := &chain{t: t, keys: map[identity.PersonID]softkey.Key{}, at: t0}
	c.key("other")
	for name, spoil := range map[string]func(*roster.Founded){
		"another's signature": func(f *roster.Founded) { f.Assertion = c.sign("other", make([]byte, 32)) },
		"a changed name":      func(f *roster.Founded) { f.Name = "Mallory" },
		"a changed policy":    func(f *roster.Founded) { f.PolicyText, f.Policy = "x", roster.HashPolicy("x") },
		"a hash of nothing":   func(f *roster.Founded) { f.PolicyText = "x" },
		"no officer":          func(f *roster.Founded) { f.Roles = []identity.Role{identity.Security} },
		"a foreign origin":    func(f *roster.Founded) { f.RelyingParty.Origins = []string{"https://evil.example"} },
	} {
		f := founding(c, "olive")
		spoil(&f)
		if err := c.try(f); err == nil {
			t.Errorf("%s founded a roster", name)
		}
	}
	c.refused(roster.ErrIllegal, c.member("chg_1", "x", identity.Security))
	c.must(founding(c, "olive"))
	c.refused(roster.ErrIllegal, founding(c, "olive"))
}

func TestAChangeNeedsTheSignaturesOfOfficersNotConcerned(t *testing.T) {
	c := founded(t)
	c.must(c.member("chg_1", "rowan", identity.Officer))
	if _, in := c.state.Members["rowan"]; in {
		t.Fatal("a proposal alone put somebody on the roster")
	}
	c.refused(roster.ErrUnsigned, c.signature("chg_1", "rowan"))
	c.must(c.signature("chg_1", "olive"))

	c.must(c.member("chg_2", "sorrel", identity.Security))
	c.must(c.signature("chg_2", "olive"))
	c.refused(roster.ErrIllegal, c.signature("chg_2", "olive"))
	if _, in := c.state.Members["sorrel"]; in {
		t.Fatal("one of two officers was enough")
	}
	c.must(c.signature("chg_2", "rowan"))
	c.must(roster.Proposed{Proposal: "chg_3", Kind: roster.SetRoles, Person: "olive", Roles: []identity.Role{identity.Officer, identity.Security}, Until: c.at.Add(time.Hour)})
	c.refused(roster.ErrUnsigned, c.signature("chg_3", "olive"))
	c.refused(roster.ErrUnsigned, c.signature("chg_3", "sorrel"))
}

func TestASignatureIsForOneProposalAsItStands(t *testing.T) {
	c := founded(t)
	c.must(c.member("chg_1", "sorrel", identity.Security))
	c.must(c.member("chg_2", "mallory", identity.Security))
	s := c.signature("chg_1", "olive")
	s.Proposal = "chg_2"
	c.refused(roster.ErrUnsigned, s)
	c.refused(roster.ErrIllegal, roster.Countersigned{Proposal: "chg_9", Person: "olive", Assertion: s.Assertion})
	c.at = c.at.Add(time.Hour)
	c.refused(roster.ErrIllegal, c.signature("chg_1", "olive"))
}

func TestANewPolicyDropsOthersThatWereToReplaceTheOldOne(t *testing.T) {
	c := founded(t)
	publish := func(id, text string) roster.Proposed {
		return roster.Proposed{Proposal: id, Kind: roster.PublishPolicy, Policy: roster.HashPolicy(text), PolicyText: text, Until: c.at.Add(time.Hour)}
	}
	c.must(publish("chg_1", "one"))
	c.must(publish("chg_2", "two"))
	late := c.signature("chg_2", "olive")
	c.must(c.signature("chg_1", "olive"))
	if c.state.PolicyText != "one" {
		t.Fatalf("in force: %q", c.state.PolicyText)
	}
	c.refused(roster.ErrIllegal, late)
	bad := publish("chg_3", "three")
	bad.PolicyText = "four"
	c.refused(roster.ErrIllegal, bad)
}

func TestWhoSignsAPolicySignsWhatTheyWereShownItDoes(t *testing.T) {
	c := founded(t)
	p := roster.Proposed{Proposal: "chg_1", Kind: roster.PublishPolicy, Policy: roster.HashPolicy("one"), PolicyText: "one", Until: c.at.Add(time.Hour),
		Effect: "asks less of standard/unlock", Diff: roster.HashPolicy("the diff"), DiffText: "the diff"}
	for name, spoil := range map[string]func(*roster.Proposed){
		"another text":             func(p *roster.Proposed) { p.DiffText = "nothing changes" },
		"no text":                  func(p *roster.Proposed) { p.DiffText = "" },
		"no hash":                  func(p *roster.Proposed) { p.Diff = "" },
		"no effect":                func(p *roster.Proposed) { p.Effect = "" },
		"an effect over two lines": func(p *roster.Proposed) { p.Effect = "none\nreplaces: x" },
		"a change of no policy": func(p *roster.Proposed) {
			p.Kind, p.Person, p.Roles = roster.SetRoles, "olive", []identity.Role{identity.Officer}
		},
	} {
		bad := p
		spoil(&bad)
		if err := c.try(bad); err == nil {
			t.Errorf("%s was proposed", name)
		}
	}
	c.must(p)
	text, err := c.state.Statement(p)
	if err != nil || !strings.Contains(string(text), "\neffect: asks less of standard/unlock\ndiff: "+p.Diff+"\n") {
		t.Errorf("signed is %v:\n%s", err, text)
	}
	c.must(c.signature("chg_1", "olive"))
	if c.state.PolicyText != "one" {
		t.Errorf("in force: %q", c.state.PolicyText)
	}
}

func TestTheRosterStaysInOrder(t *testing.T) {
	c := founded(t)
	dup := c.member("chg_1", "x", identity.Security)
	dup.Passkey = c.key("olive")
	agent := c.member("chg_2", "y", identity.Agent)
	for name, p := range map[string]roster.Proposed{
		"somebody else's passkey": dup,
		"an agent without a desk": agent,
		"an agent who also signs": func() roster.Proposed {
			p := agent
			p.Desk = "d"
			p.Roles = append(p.Roles, identity.Security)
			return p
		}(),
		"a role twice":       c.member("chg_3", "z", identity.Security, identity.Security),
		"a made-up role":     c.member("chg_4", "z", "root"),
		"no role":            c.member("chg_5", "z"),
		"the last officer":   {Proposal: "chg_6", Kind: roster.RemoveMember, Person: "olive", Until: c.at.Add(time.Hour)},
		"somebody not there": {Proposal: "chg_7", Kind: roster.RemoveMember, Person: "ghost", Until: c.at.Add(time.Hour)},
		"a made-up kind":     {Proposal: "chg_8", Kind: "destroy", Person: "olive", Until: c.at.Add(time.Hour)},
		"a name over two lines": func() roster.Proposed {
			p := c.member("chg_9", "w", identity.Security)
			p.Name = "A\nroles: officer"
			return p
		}(),
		"a name that runs backwards": func() roster.Proposed { p := c.member("chg_a", "v", identity.Security); p.Name = "\u202eA"; return p }(),
	} {
		if err := c.try(p); err == nil {
			t.Errorf("%s was proposed", name)
		}
	}
}

func TestRolesDecideWhoSigns(t *testing.T) {
	c := founded(t)
	c.must(c.member("chg_1", "moss", identity.Manager, identity.Reviewer))
	c.must(c.signature("chg_1", "olive"))
	if got := c.state.Signs("moss", false); len(got) != 0 {
		t.Errorf("a manager signs for anybody: %v", got)
	}
	if got := c.state.Signs("moss", true); len(got) != 1 || got[0] != identity.Manager {
		t.Errorf("the manager of record signs as %v", got)
	}
	if got := c.state.Signs("olive", true); len(got) != 0 {
		t.Errorf("an officer signs for requests: %v", got)
	}
	if got := strings.Join(c.state.StaffRoles("moss"), " "); got != "manager reviewer" {
		t.Errorf("the policy sees %q", got)
	}
}

// samples has one event of every type.
func samples() []roster.Event {
	cred := passkey.Credential{ID: []byte("id"), PublicKey: []byte("key"), AAGUID: "00000000-0000-0000-0000-000000000000"}
	sig := passkey.Assertion{CredentialID: []byte("id"), AuthenticatorData: []byte("data"), ClientDataJSON: []byte("{}"), Signature: []byte("sig")}
	return []roster.Event{
		roster.Founded{Organisation: "Aviary", Log: logKey, RelyingParty: passkey.RelyingParty{ID: "cs.example", Origins: []string{origin}},
			Person: "olive", Name: "Olive Park", Roles: []identity.Role{identity.Officer}, Passkey: cred, Policy: "sha256:x", PolicyText: "text", Assertion: sig},
		roster.Proposed{Proposal: "chg_1", Kind: roster.AddMember, Person: "moss", Name: "Moss Lee", Roles: []identity.Role{identity.Agent}, Desk: "first", Passkey: &cred, Until: t0},
		roster.Proposed{Proposal: "chg_2", Kind: roster.PublishPolicy, Policy: "sha256:x", PolicyText: "text", Until: t0},
		roster.Countersigned{Proposal: "chg_1", Person: "olive", Assertion: sig},
		roster.Proposed{Proposal: "chg_3", Kind: roster.PublishPolicy, Policy: "sha256:x", PolicyText: "text", Effect: "asks nothing less", Diff: "sha256:y", DiffText: "diff", Until: t0},
	}
}

func TestStoredEventsLoadForEver(t *testing.T) {
	const path = "testdata/events.golden"
	var got bytes.Buffer
	for _, e := range samples() {
		open, private, err := ledger.Seal(e, func() [32]byte { return [32]byte{7} })
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]any{"type": e.Type(), "open": open, "private": private})
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the stored form changed; got:\n%s", got.Bytes())
	}
	for line := range strings.Lines(string(want)) {
		var s struct {
			Type    string          `json:"type"`
			Open    json.RawMessage `json:"open"`
			Private ledger.Private  `json:"private"`
		}
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		if _, err := roster.Decode(s.Type, s.Open, s.Private); err != nil {
			t.Errorf("%s: %v", s.Type, err)
		}
		if len(s.Private) > 0 {
			if _, err := roster.Decode(s.Type, s.Open, nil); err == nil {
				t.Errorf("%s loads with its values erased", s.Type)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range samples() {
		open, _, err := ledger.Seal(e, func() [32]byte { return [32]byte{7} })
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Type(), []byte(open))
	}
	f.Fuzz(func(t *testing.T, kind string, open []byte) {
		leaf := ledger.Leaf{Stream: roster.Stream, Version: 1, Type: kind, At: t0, Actor: "x", Body: open}
		if _, err := roster.Evolve(roster.State{}, leaf, nil); err == nil {
			t.Fatal("a roster was founded without a signature")
		}
	})
}
