// Package gatetest builds a whole small house for tests: a real SQLite store,
// the local directory, a mailbox, a roster founded and filled with people who
// hold software passkeys, and a clock that the test moves. Its methods stop
// the test at the first thing that goes wrong, so tests read as sentences.
package gatetest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/dispatch"
	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/notify/mailbox"
	"countersign/internal/passhash"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/proof/totp"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/sealing"
	"countersign/internal/softkey"
	"countersign/internal/store"
	"countersign/internal/store/sqlite"
)

// Origin is where the pages of the house are.
const Origin = "http://localhost:8080"

// Policy is what the house lives by unless a test says otherwise.
const Policy = `apiVersion: countersign/v1
name: house
risk_analysis: none, this is a test
classes:
  - class: privileged
    when: subject.admin
  - class: sensitive
    when: has(subject.unit) && subject.unit == "Payroll"
  - class: standard
    when: "true"
desks:
  - desk: helpdesk
    reach: subject.class != "privileged"
rules:
  - rule: everyone
    when: "true"
    demand:
      proofs: totp || (recovery_code && email_code)
      approvals: [{role: manager, count: 1}]
      follow_up: [revoke_sessions]
      notify: [owner_all, manager]
  - rule: payroll
    when: subject.class == "sensitive"
    demand:
      approvals: [{role: security, count: 1}]
      review: 24h
`

// House is the whole of it.
type House struct {
	T         testing.TB
	Store     *sqlite.Store
	Directory *local.Directory
	Gate      *gate.Gate
	Hands     *dispatch.Hands
	Mail      *mailbox.Mailbox
	SMS       *Phone
	Voice     *Phone
	Box       *sealing.Box
	Log       *Log
	LogKey    string
	LogSigner note.Signer // for tests that play a server which has been taken over
	Path      string      // of the database
	Issuer    string      // of the organisation's provider, where a test has one that answers
	Faulted   []string    // rules that could not be evaluated, in the order of the decisions
	keys      map[identity.PersonID]softkey.Key
	proofing  ed25519.PrivateKey // of the provider of identity proofing

	mu  sync.Mutex
	now time.Time
}

// Now is the house's clock.
func (h *House) Now() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }

// Pass lets time pass.
func (h *House) Pass(d time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.now = h.now.Add(d) }

// Log collects everything that was logged, to look for what must not be there.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(p) }

// String is all that was logged.
func (l *Log) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// The people of the house. Wren owns an account and reports to Moss; Finch
// works at the helpdesk; Sorrel is security; Olive the founding officer.
const (
	Wren, Moss            = "wren", "moss"
	Finch, Sorrel, Olive  = identity.PersonID("staff:finch"), identity.PersonID("staff:sorrel"), identity.PersonID("staff:olive")
	FirstPassword         = "correct horse battery staple"
	WrensMail, MossesMail = "wren@private.example", "moss@corp.example"
)

// New builds a house with the given policy.
func New(t testing.TB, policyText string) *House {
	t.Helper()
	h := build(t, t.TempDir(), asIs)
	h.people(policyText)
	return h
}

// Bare builds a house whose roster nobody has founded yet.
func Bare(t testing.TB) *House {
	t.Helper()
	return build(t, t.TempDir(), asIs)
}

// Keep is New in a directory that Reopen finds again. The gate works on the
// store as wrapped.
func Keep(t testing.TB, dir, policyText string, wrap func(store.Store) store.Store) *House {
	t.Helper()
	h := build(t, dir, wrap)
	h.people(policyText)
	return h
}

// Reopen opens a house that Keep left behind, after a crash perhaps. Nobody's
// passkey is at hand in it.
func Reopen(t testing.TB, dir string) *House {
	t.Helper()
	return build(t, dir, asIs)
}

func asIs(s store.Store) store.Store { return s }

// logKey lays the ground of a new house, or finds that of an old one.
func (h *House) logKey(dir string) (skey, vkey string) {
	h.T.Helper()
	path := filepath.Join(dir, "log.key")
	raw, err := os.ReadFile(path)
	if err == nil {
		skey, vkey, _ = strings.Cut(string(raw), "\n")
		return skey, vkey
	}
	g, err := brokenGround()
	h.Must(err)
	h.Must(os.WriteFile(path, []byte(g.skey+"\n"+g.vkey), 0o600))
	h.Must(os.WriteFile(h.Path, g.database, 0o600))
	return g.skey, g.vkey
}

func build(t testing.TB, dir string, wrap func(store.Store) store.Store) *House {
	ctx := t.Context()
	h := &House{T: t, Path: filepath.Join(dir, "countersign.db"), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Log: &Log{}, Mail: mailbox.New(100), SMS: &Phone{}, Voice: &Phone{}, keys: map[identity.PersonID]softkey.Key{}}
	skey, vkey := h.logKey(dir)
	h.LogKey = vkey
	signer, err := note.NewSigner(skey)
	h.Must(err)
	h.LogSigner = signer
	verifier, err := note.NewVerifier(vkey)
	h.Must(err)
	logger := slog.New(slog.NewTextHandler(h.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.Store, err = sqlite.Open(ctx, sqlite.Options{Path: h.Path, Origin: signer.Name(), Signer: signer, Verifier: verifier, Logger: logger, Now: h.Now})
	h.Must(err)
	t.Cleanup(func() { _ = h.Store.Close() })
	hasher := passhash.New(2)
	h.Directory = local.New("corp", h.Store, hasher, h.Now, local.AdminGroups("Domain Admins"))
	h.Box, err = sealing.LoadBox(filepath.Join(dir, "box.key"))
	h.Must(err)
	h.Gate, err = gate.New(ctx, gate.Config{
		Organisation: "Aviary", BaseURL: Origin, LogKey: vkey, SoftwareKeys: true, SecurityMail: "soc@corp.example",
		RelyingParty: passkey.RelyingParty{ID: "localhost", Origins: []string{Origin}}, OIDC: wanted,
	}, gate.Parts{Store: wrap(h.Store), Directories: []directory.Directory{h.Directory}, Sender: h.Mail, SMS: h.SMS, Voice: h.Voice,
		Provider: provider{h}, Proofers: h.proofers(), Hasher: hasher, Box: h.Box, Now: h.Now, Log: logger,
		Faulted: func(_ *policy.Policy, rule string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.Faulted = append(h.Faulted, rule)
		}})
	h.Must(err)
	h.Act(h.Directory)
	return h
}

// Act gives the hands another directory to act on, wrapped for a test perhaps.
func (h *House) Act(d directory.Directory) {
	h.Hands = dispatch.New(dispatch.Options{
		Door: h.Gate, Actors: []directory.Directory{d}, Roots: h.Roots, Box: h.Box, Now: h.Now,
		Log: slog.New(slog.NewTextHandler(h.Log, nil)),
	})
}

// Roots are what the hands and an auditor of this house trust.
func (h *House) Roots() (evidence.Roots, error) {
	v, err := note.NewVerifier(h.LogKey)
	if err != nil {
		return evidence.Roots{}, err
	}
	g, err := h.Gate.Genesis(context.Background())
	if err != nil {
		return evidence.Roots{}, err
	}
	raw, err := json.Marshal(g)
	if err != nil {
		return evidence.Roots{}, err
	}
	genesis, err := evidence.ParseGenesis(raw)
	return evidence.Roots{Log: v, Genesis: genesis}, err
}

func (h *House) people(policyText string) {
	ctx := h.T.Context()
	long := h.Now().AddDate(-1, 0, 0)
	moss, err := h.Directory.Add(ctx, local.NewAccount{Login: Moss, Name: "Moss Lee", Contacts: []directory.Contact{{Kind: directory.ContactEmail, Address: MossesMail, FirstSeen: long}}})
	h.Must(err)
	_, err = h.Directory.Add(ctx, local.NewAccount{Login: Wren, Name: "Wren Ito", Manager: moss, Password: FirstPassword, Contacts: []directory.Contact{
		{Kind: directory.ContactEmail, Address: WrensMail, FirstSeen: long}, {Kind: directory.ContactEmail, Address: "wren@corp.example", Own: true, FirstSeen: long}}})
	h.Must(err)
	_, err = h.Directory.Add(ctx, local.NewAccount{Login: "admin", Name: "Ada Min", Groups: []string{"Domain Admins"}, Password: FirstPassword})
	h.Must(err)

	token, err := h.Gate.InviteFounder(ctx, gate.Invitee{Person: Olive, Name: "Olive Park", Roles: []identity.Role{identity.Officer}}, []byte(policyText))
	h.Must(err)
	h.join(Olive, token)
	h.Invite(Finch, "Finch Day", "helpdesk", identity.Agent)
	h.Invite(Sorrel, "Sorrel Ash", "", identity.Security, identity.Reviewer)
	h.Invite(h.Person(Moss), "Moss Lee", "", identity.Manager)
}

// Person is the person of a login of the directory.
func (h *House) Person(login string) identity.PersonID {
	h.T.Helper()
	a, err := h.Directory.Find(h.T.Context(), login)
	h.Must(err)
	return a.Person
}

// Must stops the test at an error.
func (h *House) Must(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
}

// Invite puts somebody on the roster, countersigned by Olive.
func (h *House) Invite(p identity.PersonID, name, desk string, roles ...identity.Role) {
	h.T.Helper()
	token, err := h.Gate.Invite(h.T.Context(), Staff(Olive), gate.Invitee{Person: p, Name: name, Roles: roles, Desk: desk})
	h.Must(err)
	if proposal := h.join(p, token); proposal != "" {
		h.Countersign(Olive, proposal)
	}
}

func (h *House) join(p identity.PersonID, token string) string {
	h.T.Helper()
	ctx := h.T.Context()
	key := softkey.New(rand.Reader)
	h.keys[p] = key
	j, err := h.Gate.Join(ctx, token)
	h.Must(err)
	response, err := key.Register("localhost", Origin, j.Options.Challenge)
	h.Must(err)
	joined, err := h.Gate.Register(ctx, token, response)
	h.Must(err)
	if joined.Sign != nil {
		h.Must(h.Gate.Found(ctx, token, h.Sign(p, joined.Sign.Options.Challenge)))
	}
	return joined.Proposal
}

// Countersign signs a proposal.
func (h *House) Countersign(p identity.PersonID, proposal string) {
	h.T.Helper()
	paper, err := h.Gate.ProposalPaper(h.T.Context(), Staff(p), proposal)
	h.Must(err)
	_, err = h.Gate.Countersign(h.T.Context(), Staff(p), proposal, h.Sign(p, paper.Options.Challenge))
	h.Must(err)
}

// Token lets an integration in, with Olive's signature.
func (h *House) Token(name string, life time.Duration, scopes ...gate.Scope) string {
	h.T.Helper()
	paper, err := h.Gate.TokenPaper(h.T.Context(), Staff(Olive), name, scopes, life)
	h.Must(err)
	secret, err := h.Gate.CreateToken(h.T.Context(), Staff(Olive), paper.ID, h.Sign(Olive, paper.Options.Challenge))
	h.Must(err)
	return secret
}

// Publish puts a policy in force, with Olive's signature. Where it asks less
// than the one before, it says so.
func (h *House) Publish(policyText string) {
	h.T.Helper()
	chain, err := h.Gate.Chain(h.T.Context())
	h.Must(err)
	policyText += "eases: {since: \"" + chain.Policy + "\", because: the test wants it, what: [\"*/*\"]}\n"
	id, err := h.Gate.ProposeChange(h.T.Context(), Staff(Olive), roster.Proposed{Kind: roster.PublishPolicy, PolicyText: policyText})
	h.Must(err)
	h.Countersign(Olive, id)
}

// Staff is a signed-in person.
func Staff(p identity.PersonID) gate.Caller { return gate.Caller{Person: p} }

// Key is a person's passkey.
func (h *House) Key(p identity.PersonID) softkey.Key { return h.keys[p] }

// Sign answers a challenge with a person's passkey.
func (h *House) Sign(p identity.PersonID, challenge []byte) passkey.Assertion {
	h.T.Helper()
	response, err := h.keys[p].Assert("localhost", Origin, challenge)
	h.Must(err)
	a, err := passkey.ParseAssertion(response)
	h.Must(err)
	return a
}

// NewKey makes a passkey that nobody holds yet.
func (h *House) NewKey() softkey.Key { return softkey.New(rand.Reader) }

// Logger writes to the house's log.
func (h *House) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(h.Log, nil)) }

// Seed is an enrolled authenticator app.
type Seed []byte

// Enrol registers a factor for an account and lets the cool-off pass.
func (h *House) Enrol(login string, m proof.Method) (Seed, string) {
	h.T.Helper()
	c := gate.Caller{Token: "onboarding", Scopes: []gate.Scope{gate.ScopeEnrol}}
	f, err := h.Gate.Enrol(h.T.Context(), c, gate.Registering{Login: login, Method: m})
	h.Must(err)
	h.Pass(proof.CoolOff)
	if m != proof.TOTP {
		return nil, f.Code
	}
	secret := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(f.URI)
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret[1])
	h.Must(err)
	return seed, ""
}

// Code is what the app shows now.
func (h *House) Code(s Seed) string {
	h.T.Helper()
	c, err := totp.At(s, h.Now())
	h.Must(err)
	return c
}

// Open opens a request at the helpdesk, by telephone.
func (h *House) Open(login string, a identity.Action) gate.View {
	h.T.Helper()
	v, err := h.Gate.Open(h.T.Context(), Staff(Finch), gate.Wish{Login: login, Action: a, Channel: identity.Phone, Ticket: "INC-1"})
	h.Must(err)
	return v
}

// Claim comes forward with a case code and returns the session token.
func (h *House) Claim(code string) string {
	h.T.Helper()
	token, _, err := h.Gate.Claim(h.T.Context(), code)
	h.Must(err)
	return token
}

// Answer asks for a challenge and answers it.
func (h *House) Answer(token string, m proof.Method, typed string) error {
	h.T.Helper()
	p, err := h.Gate.Challenge(h.T.Context(), token, m)
	if err != nil {
		return err
	}
	_, err = h.Gate.Answer(h.T.Context(), token, p.Challenge, gate.Reply{Text: typed})
	return err
}

// Vote reads the statement and signs it.
func (h *House) Vote(p identity.PersonID, request string, d reset.Decision) error {
	h.T.Helper()
	paper, err := h.Gate.Statement(h.T.Context(), Staff(p), request, d)
	if err != nil {
		return err
	}
	_, err = h.Gate.Vote(h.T.Context(), Staff(p), request, d, paper.ID, "", h.Sign(p, paper.Options.Challenge))
	return err
}

// Authorise runs the job of that name.
func (h *House) Authorise(request string) reset.State {
	h.T.Helper()
	s, err := h.Gate.Authorise(h.T.Context(), request)
	h.Must(err)
	return s
}

// Do runs one of the hands' jobs once.
func (h *House) Do(kind, request string) error {
	args, err := json.Marshal(gate.JobArgs{Request: request})
	h.Must(err)
	return h.Hands.Handlers()[kind](h.T.Context(), store.Attempt{Job: store.Job{Kind: kind, Args: args}, Number: 1, Max: 5})
}

// State folds a request from the ledger.
func (h *House) State(request string) reset.State {
	h.T.Helper()
	records, err := h.Store.Stream(h.T.Context(), request)
	h.Must(err)
	s, err := gate.Fold(records)
	h.Must(err)
	return s
}

// Letters lets the letters that wait be written and sent, and returns what an
// address has got so far.
func (h *House) Letters(request, to string) []string {
	h.T.Helper()
	items, err := h.Store.Items(h.T.Context(), "letter", request, h.Now())
	h.Must(err)
	for _, i := range items {
		h.Must(h.Gate.SendLetter(h.T.Context(), i.Key, false))
	}
	var texts []string
	for _, m := range h.Mail.Messages(to) {
		texts = append(texts, m.Text)
	}
	return texts
}

// MailedCode is the newest code an address got for a request.
func (h *House) MailedCode(request, to string) string {
	h.T.Helper()
	found := ""
	for _, text := range h.Letters(request, to) {
		if m := regexp.MustCompile(`\b(\d{4}) (\d{4})\b`).FindStringSubmatch(text); m != nil {
			found = m[1] + m[2]
		}
	}
	if found == "" {
		h.T.Fatalf("no code reached %s", to)
	}
	return found
}

// Ordered brings a request to the point where its order is committed: opened,
// claimed, proved by TOTP and signed by the manager.
func (h *House) Ordered(login string, a identity.Action, seed Seed) (request, token string) {
	h.T.Helper()
	v := h.Open(login, a)
	token = h.Claim(v.Case)
	h.Must(h.Answer(token, proof.TOTP, h.Code(seed)))
	h.Must(h.Vote(h.Person(Moss), v.ID, reset.Approve))
	h.Pass(time.Second)
	if s := h.Authorise(v.ID); s.Status() != reset.OrderedUp {
		h.T.Fatalf("the request stands at %s", s.Status())
	}
	return v.ID, token
}

// NoSecret stops the test when any of the words stands in the log or on the
// ledger.
func (h *House) NoSecret(words ...string) {
	h.T.Helper()
	records, err := h.Store.Records(h.T.Context(), 0, 10000)
	h.Must(err)
	for _, w := range words {
		if w == "" {
			h.T.Fatal("an empty secret proves nothing")
		}
		if strings.Contains(h.Log.String(), w) {
			h.T.Errorf("a secret was logged: %q", w)
		}
		for _, r := range records {
			if bytes.Contains(r.Leaf.Bytes(), []byte(w)) {
				h.T.Errorf("a secret stands on the ledger, entry %d (%s)", r.Seq, r.Type)
			}
		}
	}
}
