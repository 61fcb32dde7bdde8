package app_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/app"
	"countersign/internal/client"
	"countersign/internal/directory/directorytest/servers"
	"countersign/internal/evidence"
	"countersign/internal/identity"
	"countersign/internal/notify/notifytest"
	"countersign/internal/proof"
	"countersign/internal/proof/totp"
	"countersign/internal/softkey"
)

// company is what tests do at a real directory behind Countersign's back; both
// harnesses can.
type company interface {
	Bind(login, password string) error
	Modify(t testing.TB, login, attr string, values ...string)
	LockOut(t testing.TB, login string)
	MustChange(t testing.TB, login string) bool
}

// The staff of a site. The manager is the person that the directory names as
// the manager of servers.Plain.
const (
	olive  identity.PersonID = "staff:olive"  // officer
	finch  identity.PersonID = "staff:finch"  // agent at the helpdesk
	sorrel identity.PersonID = "staff:sorrel" // security
	boss   identity.PersonID = "employee:E1000"
)

const securityMail = "security@example.test"

// site is a whole server, configured by its file and reached over HTTP alone.
type site struct {
	t      *testing.T
	dir    string
	inbox  *notifytest.Inbox
	client client.Client
	keys   map[identity.PersonID]softkey.Key
	staff  map[identity.PersonID]client.Client // signed in
	seeds  map[string][]byte
	log    safeLog
	clock  atomic.Int64 // nanoseconds that the server's clock is off
}

type safeLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}
func (l *safeLog) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// serve starts a server on the directory that the YAML describes, its clock
// off by so much, and fills its roster. It lives by the policy that the project
// ships.
func serve(t *testing.T, directory string, off time.Duration) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), inbox: notifytest.Start(t, notifytest.Account("desk", "mail-Passw0rd")),
		keys: map[identity.PersonID]softkey.Key{}, staff: map[identity.PersonID]client.Client{}, seeds: map[string][]byte{}}
	s.set(off)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	at := "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	cfg := s.configure(directory, at, l.Addr().String())
	invitation, _, err := app.InviteFounder(t.Context(), cfg, app.Founder{
		Person: olive, Name: "Olive Park", Roles: []identity.Role{identity.Officer, identity.Auditor},
	}, cfg.Policy)
	s.must(err)
	s.start(cfg, l)
	s.client, err = client.New(at)
	s.must(err)
	s.people(invitation)
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// worksPolicy asks for what these tests can give: an app or a letter, and the
// manager's signature for whoever works in payroll. The ready policies have
// tests of their own.
const worksPolicy = `apiVersion: countersign/v1
name: works
cool_off: 3d
risk_analysis: none, this is a test
classes:
  - {class: service, when: subject.service}
  - {class: privileged, when: 'subject.admin || size(subject.staff) > 0'}
  - {class: sensitive, when: 'has(subject.unit) && subject.unit == "Payroll"'}
  - {class: standard, when: "true"}
desks:
  - {desk: helpdesk, reach: "true"}
rules:
  - rule: everybody
    when: "true"
    demand: {notify: [owner_all], follow_up: [revoke_sessions]}
  - rule: unlock
    when: action == "unlock"
    demand: {proofs: totp || email_code}
  - rule: password
    when: action == "password_reset"
    demand: {proofs: totp}
  - rule: payroll
    when: subject.class == "sensitive"
    demand: {approvals: [{role: manager, count: 1}], notify: [manager]}
  - rule: administrators
    when: subject.class in ["privileged", "service", "unknown"]
    demand: {proofs: recovery_code && totp, approvals: [{role: security, count: 1}], wait: 2h}
  - rule: no-manager
    when: subject.class == "privileged" && !has(subject.manager)
    deny: nobody could sign for this account
`

// configure writes the ten lines that docs/install.md teaches.
func (s *site) configure(directory, at, listen string) app.Config {
	s.t.Helper()
	text := fmt.Sprintf(`organisation: Example Works
base_url: %s
listen: %s
data: data
policy: policy.yaml
directories:
  - %s
mail: {host: 127.0.0.1, port: %d, from: "%s", username: desk, password_file: mail.password, ca_file: mail-ca.pem}
security_mail: %s
signin: {software_passkeys: true}
`, at, listen, directory, s.inbox.Port, notifytest.From, securityMail)
	for name, content := range map[string]string{
		"countersign.yaml": text, "policy.yaml": worksPolicy, "mail.password": "mail-Passw0rd\n", "mail-ca.pem": string(s.inbox.PEM),
		"corp.password": servers.ServicePassword + "\n", "reader.password": servers.UserPassword + "\n",
	} {
		s.must(os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600))
	}
	cfg, warnings, err := app.LoadConfig(filepath.Join(s.dir, "countersign.yaml"), nil)
	if err != nil || len(warnings) > 0 {
		s.t.Fatalf("the configuration: %v, warnings %q", err, warnings)
	}
	return cfg
}

func (s *site) start(cfg app.Config, l net.Listener) {
	s.t.Helper()
	a, err := app.New(s.t.Context(), cfg, app.Options{
		Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: s.now, Listener: l,
	})
	s.must(err)
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Errorf("the server ended with %v", err)
		}
		if s.t.Failed() {
			s.t.Logf("the server's log:\n%s", debugging.ReplaceAllString(s.log.String(), ""))
		}
	})
}

// debugging is what the job queue says of itself all the time.
var debugging = regexp.MustCompile(`(?m)^.*level=DEBUG.*part=store.*\n`)

// now is the server's clock: the real one, which is also the directory's, or
// a moment before it.
func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) }

// set moves the clock. Sessions may have ended by then.
func (s *site) set(off time.Duration) { s.clock.Store(int64(off)) }

func (s *site) people(invitation string) {
	s.t.Helper()
	joined := s.join(olive, invitation)
	s.must(s.client.Found(s.t.Context(), invitation, *joined.Sign, s.keys[olive]))
	s.signIn(olive)
	for _, i := range []client.Invitee{
		{Person: finch, Name: "Finch Day", Roles: []identity.Role{identity.Agent}, Desk: "helpdesk"},
		{Person: sorrel, Name: "Sorrel Ash", Roles: []identity.Role{identity.Security, identity.Reviewer}},
		{Person: boss, Name: "User boss", Roles: []identity.Role{identity.Manager}},
	} {
		invitation, err := s.staff[olive].Invite(s.t.Context(), i)
		s.must(err)
		joined := s.join(i.Person, invitation)
		p, err := s.staff[olive].ProposalPaper(s.t.Context(), joined.Proposal)
		s.must(err)
		_, err = s.staff[olive].Countersign(s.t.Context(), joined.Proposal, p, s.keys[olive])
		s.must(err)
	}
	s.signIn(olive, finch, sorrel, boss)
}

func (s *site) join(p identity.PersonID, invitation string) client.Joined {
	s.t.Helper()
	s.keys[p] = softkey.New(rand.Reader)
	joined, err := s.client.Join(s.t.Context(), invitation, s.keys[p])
	s.must(err)
	return joined
}

func (s *site) signIn(people ...identity.PersonID) {
	s.t.Helper()
	for _, p := range people {
		session, err := s.client.SignIn(s.t.Context(), s.keys[p])
		s.must(err)
		s.staff[p] = s.client.As(session.Token)
	}
}

// enrol registers an authenticator app by an on-boarding integration, and looks
// at the accounts once, so that Countersign dates what is on record; then three
// days pass.
func (s *site) enrol(login string, accounts ...string) {
	s.t.Helper()
	paper, err := s.staff[olive].TokenPaper(s.t.Context(), "onboarding", []string{"enrolments:write"}, 30)
	s.must(err)
	token, err := s.staff[olive].CreateToken(s.t.Context(), paper, s.keys[olive])
	s.must(err)
	f, err := s.client.As(token).Enrol(s.t.Context(), "", login, "totp")
	s.must(err)
	if wait := f.UsableAt.Sub(s.now()); wait <= 0 || wait > proof.CoolOff {
		s.t.Errorf("the app counts in %s", wait)
	}
	uri, err := url.Parse(f.URI)
	s.must(err)
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(uri.Query().Get("secret"))
	s.must(err)
	for _, a := range accounts {
		s.seeds[a] = seed
		r := s.open(a, identity.Unlock)
		_, err := s.staff[finch].Cancel(s.t.Context(), r.ID)
		s.must(err)
	}
}

func (s *site) open(login string, a identity.Action) client.Request {
	s.t.Helper()
	r, err := s.ask(login, a)
	s.must(err)
	return r
}

func (s *site) ask(login string, a identity.Action) (client.Request, error) {
	return s.staff[finch].Open(s.t.Context(), client.Wish{Login: login, Action: a, Channel: identity.Phone, Ticket: "INC-1"})
}

// claim comes forward with the case code.
func (s *site) claim(r client.Request) client.Client {
	s.t.Helper()
	token, _, err := s.client.Claim(s.t.Context(), r.Case)
	s.must(err)
	return s.client.As(token)
}

// proveTOTP answers with what the app shows.
func (s *site) proveTOTP(requester client.Client, login string) client.Case {
	s.t.Helper()
	p, err := requester.Challenge(s.t.Context(), "totp")
	s.must(err)
	code, err := totp.At(s.seeds[login], s.now())
	s.must(err)
	after, err := requester.Answer(s.t.Context(), p.Challenge, code)
	s.must(err)
	return after
}

func (s *site) sign(p identity.PersonID, id, decision string) client.Request {
	s.t.Helper()
	paper, err := s.staff[p].Statement(s.t.Context(), id, decision)
	s.must(err)
	r, err := s.staff[p].Decide(s.t.Context(), id, paper, "", s.keys[p])
	s.must(err)
	return r
}

// wait waits until the request stands at a status.
func (s *site) wait(id string, status ...string) client.Request {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	r, err := s.staff[olive].Wait(ctx, id, func(r client.Request) bool {
		for _, want := range status {
			if r.Status == want {
				return true
			}
		}
		return !r.IsOpen()
	})
	s.must(err)
	for _, want := range status {
		if r.Status == want {
			return r
		}
	}
	s.t.Fatalf("the request stands at %s; want %s: %+v", r.Status, status, r)
	return r
}

// letters waits for so many messages to an address.
func (s *site) letters(to string, n int) []notifytest.Received {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	got, err := s.inbox.Wait(ctx, to, n)
	s.must(err)
	return got
}

var (
	eightDigits = regexp.MustCompile(`\b\d{4} \d{4}\b`)
	notMe       = regexp.MustCompile(`/not-me/(\S+)`)
)

// proves judges the bundle of a request as an auditor does, offline, with what
// the server has published.
func (s *site) proves(id string) evidence.Report {
	s.t.Helper()
	bundle, err := s.staff[olive].Bundle(s.t.Context(), id)
	s.must(err)
	key, err := os.ReadFile(filepath.Join(s.dir, "data", "log.vkey"))
	s.must(err)
	genesis, err := os.ReadFile(filepath.Join(s.dir, "data", "genesis.json"))
	s.must(err)
	report, err := evidence.VerifyFiles(bundle, key, genesis, time.Now())
	s.must(err)
	return report
}

// quiet makes sure that no secret was logged.
func (s *site) quiet(secrets ...string) {
	s.t.Helper()
	for _, secret := range append(secrets, servers.ServicePassword, servers.UserPassword, "mail-Passw0rd") {
		if secret == "" || strings.Contains(s.log.String(), secret) {
			s.t.Errorf("the secret %q was logged", secret)
		}
	}
}

// mustChange takes Active Directory's "right, but must be changed" for a
// sign-in that works.
func mustChange(err error) error {
	if err != nil && strings.Contains(err.Error(), "data 773") {
		return nil
	}
	return err
}
