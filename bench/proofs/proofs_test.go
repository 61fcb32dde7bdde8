// Package proofs asks how many challenges the door makes a second, and how many
// answers it checks, by each method; and what is left for everybody else while
// answers are checked as fast as the processor goes. Nothing leaves the
// machine: letters and messages are handed to senders in memory, providers'
// results are made by the benchmark.
//
// A challenge is recorded and its letter with it, and so is what became of an
// answer: each figure has one durable commit in it, beside the loading of the
// request from its events.
package proofs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/passhash"
	"countersign/internal/proof"
)

// stopwatch counts only what it is told to: each round needs an account and a
// request of its own, whose making is not asked about.
type stopwatch struct{ sum time.Duration }

func (w *stopwatch) time(do func() error) error {
	start := time.Now()
	err := do()
	w.sum += time.Since(start)
	return err
}

func (w *stopwatch) report(b *testing.B) { b.ReportMetric(float64(b.N)/w.sum.Seconds(), "proofs/s") }

func BenchmarkIssue(b *testing.B) {
	bases(b)
	for _, m := range methods {
		b.Run(string(m.name), func(b *testing.B) {
			s := open(b, m, b.N)
			var watch stopwatch
			for n := range b.N {
				v, token := s.asks(n)
				s.Must(watch.time(func() error {
					_, err := s.Gate.Challenge(b.Context(), token, m.name)
					return err
				}))
				s.closes(v)
			}
			watch.report(b)
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	bases(b)
	for _, m := range methods {
		b.Run(string(m.name), func(b *testing.B) {
			s := open(b, m, b.N)
			var watch stopwatch
			for n := range b.N {
				check, v := s.answers(m, n)
				s.Must(watch.time(check))
				s.closes(v)
			}
			watch.report(b)
		})
	}
}

// bases are the two costs that a method may have at its heart, bare.
func bases(b *testing.B) {
	b.Run("argon2", func(b *testing.B) {
		h := passhash.New(1)
		var watch stopwatch
		for range b.N {
			if err := watch.time(func() error { _, err := h.Hash(b.Context(), "01234567"); return err }); err != nil {
				b.Fatal(err)
			}
		}
		watch.report(b)
	})
	b.Run("es256", func(b *testing.B) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		digest := sha256.Sum256([]byte("a statement"))
		signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			b.Fatal(err)
		}
		var watch stopwatch
		for range b.N {
			_ = watch.time(func() error {
				for range often { // one alone is too short to be timed
					if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
						b.Fatal("the signature is wrong")
					}
				}
				return nil
			})
		}
		b.ReportMetric(often*float64(b.N)/watch.sum.Seconds(), "proofs/s")
	})
}

// What is measured is a proof: of each method, of every one that there is.
func TestWhatIsMeasuredIsAProof(t *testing.T) {
	if len(methods) != len(proof.Specs) {
		t.Errorf("%d of %d methods are measured", len(methods), len(proof.Specs))
	}
	for i, m := range methods {
		if m.name != proof.Specs[i].Method {
			t.Errorf("%s stands where %s should", m.name, proof.Specs[i].Method)
		}
		t.Run(string(m.name), func(t *testing.T) {
			s := open(t, m, 1)
			check, v := s.answers(m, 0)
			if got := s.State(v.ID).Proofs; len(got) != 0 {
				t.Errorf("proved before it is answered: %v", got)
			}
			s.Must(check())
			if got := s.State(v.ID).Proofs; len(got) != 1 || got[0].Method != m.name {
				t.Errorf("proved %v", got)
			}
		})
	}
}

// site is a house with accounts, each of which is asked about once.
type site struct {
	*gatetest.House
	people []*person
}

type person struct {
	login, mail, phone string
	owner              gate.Owner
	answer             any // what a method's enrolment left to answer with
}

func open(b testing.TB, m method, n int) *site {
	s := &site{House: gatetest.New(b, policy(m.name))}
	s.Invite(officer, "Rowan Fell", "", identity.Proofing)
	for i := range n {
		s.people = append(s.people, s.person(i))
		if m.enrol != nil {
			m.enrol(s, s.people[i])
		}
	}
	s.Pass(proof.CoolOff + time.Hour)
	return s
}

// asks opens a request about the nth person, and comes forward. It came in by
// a ticket: no method travels that way.
func (s *site) asks(n int) (v gate.View, token string) {
	s.Pass(time.Minute)
	v, err := s.Gate.Open(s.T.Context(), gatetest.Staff(gatetest.Finch),
		gate.Wish{Login: s.people[n].login, Action: identity.Unlock, Channel: identity.Ticket, Ticket: "INC-7"})
	s.Must(err)
	return v, s.Claim(v.Case)
}

// answers brings a request to where its answer has only to be checked.
func (s *site) answers(m method, n int) (check func() error, v gate.View) {
	v, token := s.asks(n)
	p, err := s.Gate.Challenge(s.T.Context(), token, m.name)
	s.Must(err)
	return m.answer(s, s.people[n], v, token, p), v
}

// closes ends a request, so that the open ones do not become more and more.
func (s *site) closes(v gate.View) {
	_, err := s.Gate.Cancel(s.T.Context(), gatetest.Staff(gatetest.Finch), v.ID)
	s.Must(err)
}

func policy(m proof.Method) string {
	return fmt.Sprintf(`apiVersion: countersign/v1
name: bench
risk_analysis: none, this is a benchmark
classes: [{class: standard, when: "true"}]
desks: [{desk: helpdesk, reach: "true"}]
rules:
  - rule: everyone
    when: "true"
    demand: {proofs: %s}
`, m)
}
