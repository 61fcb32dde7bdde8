package proofs

import (
	"context"
	"sync"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/passhash"
	"countersign/internal/proof"
)

// crowd is how many at once have wrong passwords checked, without a pause. The
// house runs two hashes at once and lets as many as these wait.
const crowd = 64

// often is how many cheap requests are timed together.
const often = 100

// BenchmarkLoad asks how many claimants a second one caller can have told how
// their case stands, which hashes nothing: alone, and while a crowd keeps all
// places at argon2 taken.
func BenchmarkLoad(b *testing.B) {
	for _, name := range []string{"idle", "saturated"} {
		b.Run(name, func(b *testing.B) {
			s, token := claimed(b)
			if name == "saturated" {
				defer s.flood(crowd)()
			}
			var watch stopwatch
			b.ResetTimer()
			for range b.N {
				s.Must(watch.time(func() error {
					for range often {
						if _, err := s.Gate.Case(b.Context(), token); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			b.ReportMetric(often*float64(b.N)/watch.sum.Seconds(), "proofs/s")
			b.StopTimer()
		})
	}
}

// BenchmarkHonest asks how many right answers a second one caller can have
// checked: alone, and beside a crowd whose wrong answers are all in one name.
func BenchmarkHonest(b *testing.B) {
	mail := methods[2]
	for _, name := range []string{"idle", "saturated"} {
		b.Run(name, func(b *testing.B) {
			s := open(b, mail, b.N)
			if name == "saturated" {
				defer s.flood(crowd)()
			}
			var watch stopwatch
			b.ResetTimer()
			for n := range b.N {
				check, v := s.answers(mail, n) // one at a time: a challenge lapses after ten minutes
				s.Must(watch.time(check))
				s.closes(v)
			}
			watch.report(b)
			b.StopTimer()
		})
	}
}

func claimed(b testing.TB) (*site, string) {
	s := &site{House: gatetest.New(b, policy(proof.TOTP))}
	v, err := s.Gate.Open(b.Context(), gatetest.Staff(gatetest.Finch),
		gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Ticket, Ticket: "INC-7"})
	s.Must(err)
	return s, s.Claim(v.Case)
}

// flood has wrong passwords checked until it is told to stop. It returns when
// everybody in the crowd has been served or refused once.
func (s *site) flood(crowd int) (stop func()) {
	a, err := s.Directory.Find(s.T.Context(), gatetest.Wren)
	s.Must(err)
	ctx, cancel := context.WithCancel(passhash.For(context.Background(), "the crowd"))
	var all, begun sync.WaitGroup
	begun.Add(crowd)
	for range crowd {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := s.Directory.VerifyPassword(ctx, a.ID, "not the password"); err == nil {
					s.T.Error("a wrong password was right")
				}
				if n == 0 {
					begun.Done()
				}
			}
		})
	}
	begun.Wait()
	return func() { cancel(); all.Wait() }
}

func TestTheCrowdIsRefusedOnlyWhereItIsTooMany(t *testing.T) {
	s, token := claimed(t)
	stop := s.flood(4)
	if _, err := s.Gate.Case(t.Context(), token); err != nil {
		t.Error(err)
	}
	a, err := s.Directory.Find(t.Context(), gatetest.Wren)
	s.Must(err)
	err = s.Directory.VerifyPassword(passhash.For(t.Context(), "somebody else"), a.ID, gatetest.FirstPassword)
	if err != nil {
		t.Errorf("the right password beside a crowd: %v", err)
	}
	stop()
}
