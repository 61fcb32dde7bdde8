// Package resets asks how many whole resets a second one server carries out
// over HTTP: opened by an agent, claimed, proved with an authenticator app,
// signed by the manager with a passkey, ordered, dispatched by the hands to the
// embedded directory, and the new password fetched. The base is the one
// argon2id hash that each new password costs, by as many callers.
package resets

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/passhash"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/rest"
	"countersign/internal/signin"
	"countersign/internal/store"
)

// crowds are how many resets are under way at the same time.
var crowds = []int{1, 16}

// given is how long one reset may take before the benchmark gives up on it.
const given = 30 * time.Second

// site is a house that serves HTTP and does its jobs.
type site struct {
	*gatetest.House
	api            client.Client
	agent, manager client.Client
}

func open(b testing.TB) *site {
	s := &site{House: gatetest.New(b, gatetest.Policy)}
	much := signin.Rate{Burst: 1 << 20, Every: time.Millisecond} // everybody comes from one address here
	who := signin.New(signin.Options{Gate: s.Gate, Store: s.Store, Now: s.Now,
		Rates: map[signin.Door]signin.Rate{signin.SignIns: much, signin.Claims: much, signin.Answers: much}})
	server := httptest.NewServer(rest.New(rest.Options{Gate: s.Gate, Signin: who, Version: "bench"}))
	b.Cleanup(server.Close)
	api, err := client.New(gatetest.Origin)
	s.Must(err)
	s.api = api.Through(&http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}})
	s.work(b)
	return s
}

// work does the jobs of the door and the hands until the benchmark ends.
func (s *site) work(b testing.TB) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Store.Work(ctx, s.handlers()) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}

func (s *site) handlers() map[string]store.Handler {
	all := s.Hands.Handlers()
	do := func(kind string, f func(context.Context, gate.JobArgs) error) {
		all[kind] = func(ctx context.Context, a store.Attempt) error {
			var args gate.JobArgs
			if err := json.Unmarshal(a.Args, &args); err != nil {
				return err
			}
			return f(ctx, args)
		}
	}
	do(gate.JobAuthorise, func(ctx context.Context, j gate.JobArgs) error {
		_, err := s.Gate.Authorise(ctx, j.Request)
		if refusal := (*reset.Refusal)(nil); errors.As(err, &refusal) {
			return nil // the event that supplies what is missing asks again
		}
		return err
	})
	do(gate.JobExpire, func(ctx context.Context, j gate.JobArgs) error { return s.Gate.Expire(ctx, j.Request) })
	do(gate.JobNotice, func(ctx context.Context, j gate.JobArgs) error { return s.Gate.Notice(ctx, j.Request, j.Notice) })
	do(gate.JobLetter, func(ctx context.Context, j gate.JobArgs) error { return s.Gate.SendLetter(ctx, j.Letter, false) })
	return all
}

// owner is an account that will be reset once: a code counts only once.
type owner struct {
	login string
	seed  gatetest.Seed
}

// owners puts accounts into the directory, each with an authenticator app that
// was registered long enough ago, and signs the staff in.
func (s *site) owners(ctx context.Context, n int) []owner {
	moss, err := s.Directory.Find(ctx, gatetest.Moss)
	s.Must(err)
	out := make([]owner, n)
	for i := range out {
		login := fmt.Sprintf("owner%04d", i)
		_, err := s.Directory.Add(ctx, local.NewAccount{Login: login, Name: login, Manager: moss.ID, Contacts: []directory.Contact{
			{Kind: directory.ContactEmail, Address: login + "@private.example", FirstSeen: s.Now().AddDate(-1, 0, 0)}}})
		s.Must(err)
		f, err := s.Gate.Enrol(ctx, gate.Caller{Token: "onboarding", Scopes: []gate.Scope{gate.ScopeEnrol}}, gate.Registering{Login: login, Method: proof.TOTP})
		s.Must(err)
		secret := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(f.URI)
		seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret[1])
		s.Must(err)
		out[i] = owner{login, seed}
	}
	s.Pass(proof.CoolOff + time.Hour)
	s.agent, s.manager = s.as(ctx, gatetest.Finch), s.as(ctx, s.Person(gatetest.Moss))
	return out
}

func (s *site) as(ctx context.Context, p identity.PersonID) client.Client {
	session, err := s.api.SignIn(ctx, s.Key(p))
	s.Must(err)
	return s.api.As(session.Token)
}

// reset is one whole reset. It returns the new password.
func (s *site) reset(ctx context.Context, o owner) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, given)
	defer cancel()
	r, err := s.agent.Open(ctx, client.Wish{Login: o.login, Action: identity.PasswordReset, Channel: identity.Phone, Ticket: "INC-7"})
	if err != nil {
		return "", err
	}
	token, _, err := s.api.Claim(ctx, r.Case)
	if err != nil {
		return "", err
	}
	mine := s.api.As(token)
	prompt, err := mine.Challenge(ctx, "totp")
	if err != nil {
		return "", err
	}
	if _, err := mine.Answer(ctx, prompt.Challenge, s.Code(o.seed)); err != nil {
		return "", err
	}
	paper, err := s.manager.Statement(ctx, r.ID, "approval")
	if err != nil {
		return "", err
	}
	if _, err := s.manager.Decide(ctx, r.ID, paper, "", s.Key(s.Person(gatetest.Moss))); err != nil {
		return "", err
	}
	return s.fetch(ctx, mine)
}

// fetch waits for the receipt and takes the new password.
func (s *site) fetch(ctx context.Context, mine client.Client) (string, error) {
	for {
		c, err := mine.Case(ctx)
		if err != nil {
			return "", err
		}
		if c.Secret {
			break
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the case stands at %s: %w", c.Status, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	got, err := mine.Secret(ctx)
	return got.Password, err
}

// drive lets a crowd do b.N things and reports how many a second.
func drive(b *testing.B, crowd int, do func(n int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for range crowd {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(b.N); n = next.Add(1) - 1 {
				if err := do(int(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "resets/s")
	b.StopTimer()
}

func BenchmarkResets(b *testing.B) {
	for _, crowd := range crowds {
		b.Run(fmt.Sprintf("argon2/crowd=%d", crowd), func(b *testing.B) {
			h := passhash.New(2)
			drive(b, crowd, func(int) error {
				_, err := h.Hash(b.Context(), gatetest.FirstPassword)
				return err
			})
		})
		b.Run(fmt.Sprintf("countersign/crowd=%d", crowd), func(b *testing.B) {
			s := open(b)
			owners := s.owners(b.Context(), b.N)
			drive(b, crowd, func(n int) error {
				_, err := s.reset(b.Context(), owners[n])
				return err
			})
		})
	}
}

func TestWhatIsMeasuredIsAReset(t *testing.T) {
	s := open(t)
	o := s.owners(t.Context(), 1)[0]
	password, err := s.reset(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Directory.SignIn(t.Context(), o.login, password); err != nil && !errors.Is(err, local.ErrMustChange) {
		t.Errorf("the new password is not accepted: %v", err)
	}
	if s.Directory.SignIn(t.Context(), o.login, gatetest.FirstPassword) == nil {
		t.Error("any password is accepted")
	}
}
