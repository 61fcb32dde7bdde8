package console_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/proof/passkey"
	"countersign/internal/store"
)

// moody is a directory and a mail server that answer as the test says.
type moody struct {
	directory.Directory
	notify.Sender
	dir, mail error // set before anybody asks; while pages look by themselves, by fails
	mu        sync.Mutex
}

// fails makes the directory fail.
func (m *moody) fails(err error) { m.mu.Lock(); defer m.mu.Unlock(); m.dir = err }

func (m *moody) mood() error { m.mu.Lock(); defer m.mu.Unlock(); return m.dir }

func (m *moody) Ping(ctx context.Context) error {
	if err := m.mood(); err != nil {
		return err
	}
	return m.Directory.Ping(ctx)
}

func (m *moody) Find(ctx context.Context, login string) (directory.Account, error) {
	if err := m.mood(); err != nil {
		return directory.Account{}, err
	}
	return m.Directory.Find(ctx, login)
}

func (m *moody) Send(ctx context.Context, letter notify.Message) error {
	if m.mail != nil {
		return m.mail
	}
	return m.Sender.Send(ctx, letter)
}

// moodySite is a site whose parts can be made to fail.
func moodySite(t *testing.T, beside ...gate.PartView) (*site, *moody) {
	h := gatetest.New(t, gatetest.Policy)
	m := &moody{Directory: h.Directory, Sender: h.Mail}
	door, err := gate.New(t.Context(), gate.Config{Organisation: "Aviary", BaseURL: gatetest.Origin, LogKey: h.LogKey, SoftwareKeys: true, SecurityMail: "soc@corp.example",
		RelyingParty: passkey.RelyingParty{ID: "localhost", Origins: []string{gatetest.Origin}}},
		gate.Parts{Store: h.Store, Directories: []directory.Directory{m}, Sender: m, Box: h.Box, Now: h.Now, Log: slog.New(slog.NewTextHandler(h.Log, nil)),
			Kinds: map[string]string{"corp": "activedirectory"}, Beside: func(context.Context) []gate.PartView { return beside }})
	h.Must(err)
	h.Gate = door
	return openSite(t, h, nil), m
}

func TestThePartsAreForThoseWithOversight(t *testing.T) {
	s := newSite(t)
	for _, p := range []identity.PersonID{gatetest.Olive, gatetest.Sorrel} {
		s.staff(p).get("/parts").is(http.StatusOK).says("Everything that was asked works.", "corp", "not used since the server started", "Nothing waits and nothing was given up.")
	}
	for _, p := range []identity.PersonID{gatetest.Finch, s.Person(gatetest.Moss)} {
		s.staff(p).get("/parts").is(http.StatusForbidden)
		s.staff(p).post("/parts", "part", "directory/corp", "login", gatetest.Wren).is(http.StatusForbidden)
	}
	s.visitor().get("/parts").at("/sign-in?next=%2Fparts")
	s.Invite("staff:aud", "Aude Itor", "", identity.Auditor)
	s.staff("staff:aud").get("/parts").is(http.StatusOK).never("test letter", `name="login"`)
}

func TestADirectoryThatDoesNotAnswerIsSaidFirst(t *testing.T) {
	s, m := moodySite(t)
	m.dir = fmt.Errorf("ldaps://svc:hunter2@dc1: %w", directory.ErrUnreachable)
	page := s.staff(gatetest.Sorrel).get("/parts").is(http.StatusOK)
	page.says("Somebody should look at this", "corp: It gave no answer that could be used.", "does not work", "Active Directory")
	page.never("hunter2", "dc1", "Everything that was asked works.")
	tested := s.staff(gatetest.Sorrel).post("/parts", "part", "directory/corp", "login", gatetest.Wren).is(http.StatusOK)
	tested.says("corp did not find the account", "It gave no answer that could be used.", "Last failure", "Last test").never("hunter2")
	m.dir = nil
	s.Pass(time.Minute)
	s.staff(gatetest.Sorrel).post("/parts", "part", "directory/corp", "login", gatetest.Wren).is(http.StatusOK).
		says("corp found the account", "Wren Ito", "1 failed", "2 mail addresses", "on record").never(gatetest.WrensMail)
}

func TestARefusedTestLetterIsSaidInWords(t *testing.T) {
	s, m := moodySite(t)
	m.mail = fmt.Errorf("smtp: 535 hunter2: %w", notify.ErrTemporary)
	page := s.staff(gatetest.Olive).post("/parts", "part", "mail", "to", "security").is(http.StatusOK)
	page.says("The mail server did not take the test letter", "It answered, and did not take the message for now.").never("hunter2", "535")
	m.mail = nil
	s.staff(gatetest.Olive).post("/parts", "part", "mail", "to", "security").is(http.StatusOK).says("The mail server took the test letter", "address of security")
	s.staff(gatetest.Olive).post("/parts", "part", "mail", "to", "self").is(http.StatusUnprocessableEntity).says("send it to security", "no address of yours")
}

func TestTestsAreBounded(t *testing.T) {
	s := newSite(t)
	olive := s.staff(gatetest.Olive)
	for range 10 {
		olive.post("/parts", "part", "directory/corp", "login", gatetest.Wren).is(http.StatusOK)
	}
	olive.post("/parts", "part", "directory/corp", "login", gatetest.Wren).is(http.StatusTooManyRequests).says("Too many attempts").never("Wren Ito")
}

func TestJobsThatWereGivenUpAreNamed(t *testing.T) {
	s := newSite(t)
	_, err := s.Store.Commit(t.Context(), store.Commit{Jobs: []store.Job{{Kind: "dispatch", Args: []byte(`{"request":"req_9"}`)}, {Kind: "letter", Args: []byte(`{"letter":"let_1"}`)}}})
	s.Must(err)
	ctx, stop := context.WithCancel(t.Context())
	done, ran := make(chan error, 1), make(chan bool, 2)
	go func() {
		done <- s.Store.Work(ctx, map[string]store.Handler{
			"dispatch": func(context.Context, store.Attempt) error {
				ran <- true
				return fmt.Errorf("%w: canary", store.ErrDrop)
			},
			"letter": func(context.Context, store.Attempt) error {
				select {
				case ran <- true:
				default:
				}
				return errors.New("canary")
			}})
	}()
	<-ran
	<-ran
	stop()
	s.Must(<-done)
	page := s.staff(gatetest.Olive).get("/parts").is(http.StatusOK)
	page.says("1 job was given up", "Change an account", "Send a letter", "given up", "1 of 50", "its request", "no request").never("canary", "let_1")
	if !strings.Contains(page.body, `href="/requests/req_9"`) {
		t.Error("nothing leads to the request")
	}
}

func TestWhatTheServerAddsStandsBeside(t *testing.T) {
	off := int64(90_000)
	s, _ := moodySite(t,
		gate.PartView{Kind: gate.PartPolicy, Name: "policy.yaml", State: gate.PartWarning, Detail: `policy.yaml does not load <script>`},
		gate.PartView{Kind: gate.PartProvider, Name: "https://login.example.org", State: gate.PartOK, Calls: 1, Off: &off},
		gate.PartView{Kind: gate.PartProofing, Name: "idv", State: gate.PartOK, Detail: "people bring its signed results themselves"})
	page := s.staff(gatetest.Sorrel).get("/parts").is(http.StatusOK)
	page.says("90 seconds ahead of ours", "policy.yaml does not load <script>.", "look at it", "No gateway for spoken calls is configured").never("<script>.")
}

func TestHostileLoginsStayText(t *testing.T) {
	s := newSite(t)
	for _, login := range []string{`"><x-evil>`, strings.Repeat("w", 10_000), "x\u202ey", "*)(uid=*"} {
		page := s.staff(gatetest.Olive).post("/parts", "part", "directory/corp", "login", login)
		page.never("<x-evil>")
		if page.status >= 500 {
			t.Errorf("%q: %d", login, page.status)
		}
	}
	s.staff(gatetest.Olive).post("/parts", "part", "directory/none", "login", "x").is(http.StatusUnprocessableEntity)
}
