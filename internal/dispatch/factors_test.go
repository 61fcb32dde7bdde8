package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/dispatch"
	"countersign/internal/evidence"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// onPaper is the house's policy for people whose authenticator app is gone: the
// recovery code that they keep on paper, and their manager.
var onPaper = strings.Replace(gatetest.Policy, "totp || (recovery_code && email_code)", "recovery_code", 1)

// asked brings a request of Wren's to the point where its order is committed:
// opened, claimed, proved by the recovery code and signed by the manager.
func asked(h *gatetest.House, a identity.Action, code string) (request, token string) {
	h.T.Helper()
	v := h.Open(gatetest.Wren, a)
	token = h.Claim(v.Case)
	h.Must(h.Answer(token, proof.RecoveryCode, code))
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	h.Pass(time.Second)
	if s := h.Authorise(v.ID); s.Status() != reset.OrderedUp {
		h.T.Fatalf("the request stands at %s", s.Status())
	}
	return v.ID, token
}

func wren(h *gatetest.House) identity.AccountID {
	h.T.Helper()
	a, err := h.Directory.Find(h.T.Context(), gatetest.Wren)
	h.Must(err)
	return a.ID
}

// factored is a house where Wren has lost the app that the directory knows, a
// directory that can be made to fail, and Wren's recovery code.
func factored(t *testing.T) (h *gatetest.House, f *faulty, code string) {
	h = gatetest.New(t, onPaper)
	f = &faulty{Directory: h.Directory}
	h.Act(f)
	h.Must(h.Directory.AddFactor(t.Context(), wren(h), "lost app"))
	h.Must(h.Directory.AddFactor(t.Context(), wren(h), "old key"))
	_, code = h.Enrol(gatetest.Wren, proof.RecoveryCode)
	return h, f, code
}

func lostOrdered(t *testing.T) (h *gatetest.House, f *faulty, request, token string) {
	h, f, code := factored(t)
	request, token = asked(h, identity.MFAReset, code)
	return h, f, request, token
}

// keeps reports whether the directory still has a factor of Wren's.
func keeps(h *gatetest.House, factor string) bool {
	h.T.Helper()
	list, err := h.Directory.Factors(h.T.Context(), wren(h))
	h.Must(err)
	return slices.ContainsFunc(list, func(f directory.Factor) bool { return f.Name == factor })
}

func opens(h *gatetest.House, factor string) bool {
	return h.Directory.SignInWithFactor(h.T.Context(), gatetest.Wren, gatetest.FirstPassword, factor) == nil
}

func TestALostFactorIsTakenAwayAndThePasswordStays(t *testing.T) {
	h, f, request, token := lostOrdered(t)
	if !opens(h, "lost app") || !opens(h, "old key") {
		t.Fatal("the factors do not work before the reset")
	}
	h.Must(h.Do("dispatch", request))
	s := h.State(request)
	if s.Status() != reset.Done || s.Receipt.OldDead != "dead" || !s.Receipt.Reported || f.changes != 1 {
		t.Fatalf("%s, %+v, %d changes", s, s.Receipt, f.changes)
	}
	if opens(h, "lost app") || opens(h, "old key") || !oldWorks(h) {
		t.Errorf("lost app opens: %v, old key opens: %v, password works: %v", opens(h, "lost app"), opens(h, "old key"), oldWorks(h))
	}
	h.Must(h.Directory.AddFactor(t.Context(), wren(h), "new app"))
	if !opens(h, "new app") {
		t.Error("the owner cannot register a new factor")
	}
	if got, err := h.Gate.Reveal(t.Context(), token); err != nil || got.Password != "" {
		t.Errorf("besides a fresh recovery code, a factor reset had something to show: %v", err)
	}
	h.NoSecret("lost app", "old key")
	b, err := h.Gate.Evidence(t.Context(), request)
	h.Must(err)
	roots, err := h.Roots()
	h.Must(err)
	if r := evidence.Verify(b, roots, h.Now()); r.Verdict != evidence.Allowed {
		t.Errorf("the auditor says %q: %+v", r.Verdict, r.Steps)
	}
}

func TestAnEarlierRunsFactorResetIsNotDoneAgain(t *testing.T) {
	h, f, request, _ := lostOrdered(t)
	h.Must(h.Do("dispatch", request))
	h.Must(h.Directory.AddFactor(t.Context(), wren(h), "new app"))
	for range 3 {
		h.Must(h.Do("dispatch", request))
	}
	if f.changes != 1 || !opens(h, "new app") {
		t.Errorf("%d changes, the new factor works: %v", f.changes, opens(h, "new app"))
	}
}

func TestACrashAfterAFactorResetIsReconciledWithoutASecondOne(t *testing.T) {
	for name, between := range map[string]func(*gatetest.House){
		"at once": func(*gatetest.House) {},
		"after the owner has registered a new one": func(h *gatetest.House) {
			h.Pass(time.Second)
			h.Must(h.Directory.AddFactor(h.T.Context(), wren(h), "new app"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, f, request, _ := lostOrdered(t)
			f.after = func(directory.Outcome) (directory.Outcome, error) { panic("the process dies here") }
			crash(t, func() { _ = h.Do("dispatch", request) })
			f.after = nil
			between(h)
			kept := opens(h, "new app")
			h.Must(h.Do("dispatch", request))
			s := h.State(request)
			if s.Status() != reset.Done || !s.Receipt.Reconciled || s.Receipt.OldDead != "dead" || f.changes != 1 || opens(h, "lost app") || opens(h, "new app") != kept {
				t.Errorf("%s, %+v, %d changes", s, s.Receipt, f.changes)
			}
		})
	}
}

func TestACrashBeforeAFactorResetIsFoundOutAndOrderedAnew(t *testing.T) {
	h, f, request, _ := lostOrdered(t)
	f.before = func() error { panic("the process dies here") }
	crash(t, func() { _ = h.Do("dispatch", request) })
	f.before = nil
	if err := h.Do("dispatch", request); err == nil {
		t.Error("a change that may still be under way was called not applied")
	}
	if s := h.State(request); s.Status() != reset.Uncertain || s.Receipt.OldDead != "" {
		t.Fatalf("while it may still come: %s, %+v", s, s.Receipt)
	}
	h.Pass(2 * time.Minute)
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Ready || f.changes != 0 || !opens(h, "lost app") {
		t.Fatalf("%s, %d changes", s, f.changes)
	}
	h.Authorise(request)
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done || f.changes != 1 || s.Attempts != 2 || opens(h, "lost app") {
		t.Errorf("%s, %d changes, attempt %d", s, f.changes, s.Attempts)
	}
}

func TestALostAnswerToAFactorResetIsReadFromTheTarget(t *testing.T) {
	h, f, request, _ := lostOrdered(t)
	f.after = func(directory.Outcome) (directory.Outcome, error) {
		return directory.Outcome{}, fmt.Errorf("cloud: reading the answer: %w", directory.ErrUncertain)
	}
	if err := h.Do("dispatch", request); err == nil {
		t.Error("an unknown outcome ended the job")
	}
	f.list = func([]directory.Factor) ([]directory.Factor, error) { return nil, directory.ErrUnreachable }
	for range 3 {
		if err := h.Do("dispatch", request); err == nil {
			t.Error("the job gave up while the target cannot be read")
		}
	}
	if s := h.State(request).Status(); s != reset.Uncertain {
		t.Errorf("what cannot be known was guessed: %s", s)
	}
	f.list = nil
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done || f.changes != 1 {
		t.Errorf("%s, %d changes", s, f.changes)
	}
}

func TestADirectoryThatReportsFactorsGoneAndKeepsThemIsNotBelieved(t *testing.T) {
	since := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, kept := range map[string]directory.Factor{"an old one": {Name: "lost app", Since: since}, "one without a date": {Name: "lost app"}} {
		t.Run(name, func(t *testing.T) {
			h, f, request, _ := lostOrdered(t)
			f.list = func(l []directory.Factor) ([]directory.Factor, error) { return append(l, kept), nil }
			if err := h.Do("dispatch", request); err == nil {
				t.Error("the lie ended the job")
			}
			if s := h.State(request); s.Status() != reset.Uncertain || s.Receipt.OldDead != "alive" {
				t.Errorf("believed: %s, %+v", s, s.Receipt)
			}
			h.Pass(time.Hour)
			for range 3 {
				if err := h.Do("dispatch", request); err == nil {
					t.Error("what cannot be known was guessed")
				}
			}
			f.list = nil
			h.Must(h.Do("dispatch", request))
			if s := h.State(request); s.Status() != reset.Done || s.Receipt.OldDead != "dead" || f.changes != 1 {
				t.Errorf("when they were found gone: %s, %+v, %d changes", s, s.Receipt, f.changes)
			}
			h.NoSecret("lost app")
		})
	}
}

func TestFactorsThatCannotBeReadAfterTheirResetAreNotCalledDeadByTheHands(t *testing.T) {
	h, f, request, _ := lostOrdered(t)
	f.after = func(o directory.Outcome) (directory.Outcome, error) { o.OldDead = "unknown"; return o, nil }
	f.list = func([]directory.Factor) ([]directory.Factor, error) { return nil, directory.ErrUnreachable }
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done || s.Receipt.OldDead != "unknown" || !slices.ContainsFunc(s.Receipt.Notes, func(n string) bool { return strings.Contains(n, "could not be read") }) {
		t.Errorf("%s, %+v", s, s.Receipt)
	}
}

func TestARefusedFactorResetFailsOpenly(t *testing.T) {
	h, f, request, _ := lostOrdered(t)
	f.before = func() error { return fmt.Errorf("cloud: taking factors away: %w", directory.ErrRefused) }
	for i := range 3 {
		if i > 0 {
			h.Authorise(request)
		}
		h.Must(h.Do("dispatch", request))
	}
	if s := h.State(request); s.Status() != reset.Failed || !opens(h, "lost app") {
		t.Errorf("%s", s)
	}
}

// plain is a directory that only reads.
type plain struct{ directory.Directory }

func TestADirectoryThatCannotResetFactorsIsNotAskedTo(t *testing.T) {
	h, f, request, _ := lostOrdered(t)
	h.Act(plain{f})
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Ready || f.changes != 0 || !opens(h, "lost app") {
		t.Errorf("%s, %d changes", s, f.changes)
	}
}

func TestTheHandsDoNeitherWhereTheFactsForbidIt(t *testing.T) {
	for _, action := range []identity.Action{identity.MFAReset, identity.InitialEnrolment} {
		for name, look := range map[string]func(directory.Account) (directory.Account, error){
			"an administrator": func(a directory.Account) (directory.Account, error) { a.Admin = true; return a, nil },
			"a closed account": func(a directory.Account) (directory.Account, error) { a.Status = directory.Disabled; return a, nil },
			"nobody":           func(a directory.Account) (directory.Account, error) { return a, directory.ErrNotFound },
		} {
			t.Run(string(action)+" for "+name, func(t *testing.T) {
				h, f, code := factored(t)
				request, _ := asked(h, action, code)
				f.look = look
				h.Must(h.Do("dispatch", request))
				if s := h.State(request); s.Status() != reset.RefusedEnd || f.changes != 0 || !opens(h, "lost app") {
					t.Errorf("%s, %d changes", s, f.changes)
				}
			})
		}
		t.Run(string(action)+" without evidence", func(t *testing.T) {
			h, f, code := factored(t)
			request, _ := asked(h, action, code)
			other := gatetest.New(t, onPaper)
			h.Hands.Roots = func() (evidence.Roots, error) { return other.Roots() }
			if err := h.Do("dispatch", request); !errors.Is(err, store.ErrDrop) {
				t.Errorf("got %v", err)
			}
			if s := h.State(request); s.Status() != reset.OrderedUp || f.changes != 0 {
				t.Errorf("%s, %d changes", s, f.changes)
			}
		})
	}
}

func TestAnInitialEnrolmentTouchesNoDirectory(t *testing.T) {
	h, f, code := factored(t)
	request, token := asked(h, identity.InitialEnrolment, code)
	h.Act(plain{f}) // nothing but reading is there to be called
	h.Must(h.Do("dispatch", request))
	s := h.State(request)
	if s.Status() != reset.Done || s.Receipt.Outcome != reset.Applied || s.Receipt.Reconciled || s.Receipt.OldDead != "" || !slices.Equal(s.Receipt.Notes, []string{"enrolment is open to the session that proved itself"}) {
		t.Errorf("%s, %+v", s, s.Receipt)
	}
	if f.changes != 0 || !opens(h, "lost app") || !oldWorks(h) {
		t.Errorf("%d changes", f.changes)
	}
	if got, err := h.Gate.Reveal(t.Context(), token); err != nil || got.Password != "" {
		t.Errorf("besides a fresh recovery code, an initial enrolment had something to show: %v", err)
	}
}

// lapse is a door that dies between the marker and the receipt.
type lapse struct{ dispatch.Door }

func (lapse) Receive(context.Context, string, reset.Received) (reset.State, error) {
	panic("the process dies here")
}

func TestAnInterruptedInitialEnrolmentIsSimplyRecorded(t *testing.T) {
	h, f, code := factored(t)
	request, _ := asked(h, identity.InitialEnrolment, code)
	door := h.Hands.Door
	h.Hands.Door = lapse{door}
	crash(t, func() { _ = h.Do("dispatch", request) })
	if s := h.State(request).Status(); s != reset.Dispatching {
		t.Fatalf("after the crash: %s", s)
	}
	h.Hands.Door = door
	f.look = func(a directory.Account) (directory.Account, error) { return a, directory.ErrUnreachable }
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done || !s.Receipt.Reconciled || s.Attempts != 1 || f.changes != 0 {
		t.Errorf("%s, %+v", s, s.Receipt)
	}
}

func TestSessionsFromBeforeAResetEnd(t *testing.T) {
	for _, action := range []identity.Action{identity.PasswordReset, identity.MFAReset, identity.InitialEnrolment} {
		t.Run(string(action), func(t *testing.T) {
			h, f, code := factored(t)
			thief, err := h.Directory.OpenSession(t.Context(), wren(h))
			h.Must(err)
			request, _ := asked(h, action, code)
			h.Must(h.Do("dispatch", request))
			h.Must(h.Do("follow_up", request))
			next, err := h.Directory.OpenSession(t.Context(), wren(h))
			h.Must(err)
			h.Must(h.Do("follow_up", request))
			if u := h.State(request).FollowUps; len(u) != 1 || u[0].Kind != "revoke_sessions" || u[0].Outcome != "confirmed" {
				t.Errorf("follow-ups %+v", u)
			}
			if lives(h, f.Directory, thief) || !lives(h, f.Directory, next) {
				t.Errorf("the old session lives: %v, the next one: %v", lives(h, f.Directory, thief), lives(h, f.Directory, next))
			}
		})
	}
}

func TestSessionsThatCannotBeEndedAreTriedAgainAndThenSaidSo(t *testing.T) {
	h, f, code := factored(t)
	thief, err := h.Directory.OpenSession(t.Context(), wren(h))
	h.Must(err)
	request, _ := asked(h, identity.MFAReset, code)
	h.Must(h.Do("dispatch", request))
	f.revoke = func() error { return directory.ErrUnreachable }
	if err := h.Do("follow_up", request); err == nil || len(h.State(request).FollowUps) != 0 {
		t.Errorf("given up at once: %v", err)
	}
	f.revoke = nil
	h.Must(h.Do("follow_up", request))
	if u := h.State(request).FollowUps; len(u) != 1 || u[0].Outcome != "confirmed" || lives(h, f.Directory, thief) {
		t.Errorf("%+v", u)
	}
}

func TestADirectoryWithoutSessionsSaysSo(t *testing.T) {
	h, f, code := factored(t)
	request, _ := asked(h, identity.MFAReset, code)
	h.Must(h.Do("dispatch", request))
	h.Act(plain{f})
	h.Must(h.Do("follow_up", request))
	if u := h.State(request).FollowUps; len(u) != 1 || u[0].Outcome != "not_supported" {
		t.Errorf("%+v", u)
	}
}

func lives(h *gatetest.House, d *local.Directory, session string) bool {
	h.T.Helper()
	ok, err := d.HasSession(h.T.Context(), wren(h), session)
	h.Must(err)
	return ok
}
