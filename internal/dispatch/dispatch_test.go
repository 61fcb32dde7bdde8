package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/evidence"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// faulty is the local directory with a fault at one of its seams. It counts
// the calls that change something.
type faulty struct {
	*local.Directory
	before  func() error                                                     // instead of the change
	after   func(directory.Outcome) (directory.Outcome, error)               // after the change
	look    func(directory.Account) (directory.Account, error)               // of a read
	verify  func(ctx context.Context, secret string) (err error, taken bool) //nolint:revive // reads as a pair
	list    func([]directory.Factor) ([]directory.Factor, error)             // of the factors read
	revoke  func() error                                                     // instead of ending sessions
	changes int
}

func (f *faulty) Lookup(ctx context.Context, id identity.AccountID) (directory.Account, error) {
	a, err := f.Directory.Lookup(ctx, id)
	if err == nil && f.look != nil {
		return f.look(a)
	}
	return a, err
}

func (f *faulty) ResetPassword(ctx context.Context, id identity.AccountID, secret string, must bool) (directory.Outcome, error) {
	return f.change(func() (directory.Outcome, error) { return f.Directory.ResetPassword(ctx, id, secret, must) })
}

func (f *faulty) ResetFactors(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	return f.change(func() (directory.Outcome, error) { return f.Directory.ResetFactors(ctx, id) })
}

func (f *faulty) change(do func() (directory.Outcome, error)) (directory.Outcome, error) {
	if f.before != nil {
		if err := f.before(); err != nil {
			return directory.Outcome{}, err
		}
	}
	f.changes++
	o, err := do()
	if err == nil && f.after != nil {
		return f.after(o)
	}
	return o, err
}

func (f *faulty) Factors(ctx context.Context, id identity.AccountID) ([]directory.Factor, error) {
	l, err := f.Directory.Factors(ctx, id)
	if err == nil && f.list != nil {
		return f.list(l)
	}
	return l, err
}

func (f *faulty) RevokeSessions(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	if f.revoke != nil {
		if err := f.revoke(); err != nil {
			return directory.Outcome{}, err
		}
	}
	return f.Directory.RevokeSessions(ctx, id)
}

func (f *faulty) VerifyPassword(ctx context.Context, id identity.AccountID, secret string) error {
	if f.verify != nil {
		if err, taken := f.verify(ctx, secret); taken {
			return err
		}
	}
	return f.Directory.VerifyPassword(ctx, id, secret)
}

// ordered is a house with a committed order and a directory that can be made
// to fail.
func ordered(t *testing.T) (h *gatetest.House, f *faulty, request, token string) {
	h = gatetest.New(t, gatetest.Policy)
	f = &faulty{Directory: h.Directory}
	h.Act(f)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	request, token = h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	return h, f, request, token
}

func oldWorks(h *gatetest.House) bool {
	return h.Directory.SignIn(h.T.Context(), gatetest.Wren, gatetest.FirstPassword) == nil
}

func TestACrashAfterTheChangeIsReconciledWithoutASecondOne(t *testing.T) {
	h, f, request, token := ordered(t)
	f.after = func(directory.Outcome) (directory.Outcome, error) { panic("the process dies here") }
	crash(t, func() { _ = h.Do("dispatch", request) })
	if s := h.State(request).Status(); s != reset.Dispatching {
		t.Fatalf("after the crash: %s", s)
	}
	f.after = nil
	h.Must(h.Do("dispatch", request))
	s := h.State(request)
	if s.Status() != reset.Done || !s.Receipt.Reconciled || f.changes != 1 {
		t.Fatalf("%s, %+v, %d changes", s, s.Receipt, f.changes)
	}
	if _, err := h.Gate.Reveal(t.Context(), token); err != nil {
		t.Errorf("the new secret was lost with the crash: %v", err)
	}
}

func TestACrashBeforeTheChangeIsFoundOutAndOrderedAnew(t *testing.T) {
	h, f, request, _ := ordered(t)
	f.before = func() error { panic("the process dies here") }
	crash(t, func() { _ = h.Do("dispatch", request) })
	f.before = nil
	if err := h.Do("dispatch", request); err == nil {
		t.Error("a change that may still be under way was called not applied")
	}
	if s := h.State(request); s.Status() != reset.Uncertain {
		t.Fatalf("while it may still come: %s", s)
	}
	h.Pass(2 * time.Minute)
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Ready || f.changes != 0 || !oldWorks(h) {
		t.Fatalf("%s, %d changes", s, f.changes)
	}
	h.Authorise(request)
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done || f.changes != 1 || s.Attempts != 2 {
		t.Errorf("%s, %d changes, attempt %d", s, f.changes, s.Attempts)
	}
}

func crash(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Fatal("nothing crashed")
		}
	}()
	do()
}

func TestALostAnswerIsReadFromTheTarget(t *testing.T) {
	h, f, request, _ := ordered(t)
	f.after = func(directory.Outcome) (directory.Outcome, error) {
		return directory.Outcome{}, fmt.Errorf("ldap: reading the answer: %w", directory.ErrUncertain)
	}
	if err := h.Do("dispatch", request); err == nil {
		t.Error("an unknown outcome ended the job")
	}
	if s := h.State(request).Status(); s != reset.Uncertain {
		t.Fatalf("before reading: %s", s)
	}
	down := errors.New("connection refused")
	f.verify = func(context.Context, string) (error, bool) { return down, true }
	for range 3 {
		if err := h.Do("dispatch", request); err == nil {
			t.Error("the job gave up while the target cannot be read")
		}
	}
	if s := h.State(request).Status(); s != reset.Uncertain {
		t.Errorf("what cannot be known was guessed: %s", s)
	}
	f.verify = nil
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done || f.changes != 1 {
		t.Errorf("%s, %d changes", s, f.changes)
	}
}

func TestADirectoryThatReportsSuccessAndRefusesTheSecretIsNotBelieved(t *testing.T) {
	h, f, request, _ := ordered(t)
	f.verify = func(context.Context, string) (error, bool) { return directory.ErrBadCredential, true }
	if err := h.Do("dispatch", request); err == nil {
		t.Error("the lie ended the job")
	}
	if s := h.State(request); s.Status() != reset.Uncertain {
		t.Errorf("believed: %s", s)
	}
	h.Pass(time.Hour)
	for range 3 {
		if err := h.Do("dispatch", request); err == nil {
			t.Error("what cannot be known was guessed")
		}
	}
	if s := h.State(request); s.Status() != reset.Uncertain || f.changes != 1 {
		t.Errorf("%s after %d changes", s, f.changes)
	}
	f.verify = nil
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done {
		t.Errorf("when the secret was found to work: %s", s)
	}
}

func TestARefusedChangeIsTriedThreeTimesAndThenFailsOpenly(t *testing.T) {
	h, f, request, _ := ordered(t)
	f.before = func() error { return fmt.Errorf("ldap: setting the password: %w", directory.ErrRefused) }
	for i := range 3 {
		if i > 0 {
			h.Authorise(request)
		}
		h.Must(h.Do("dispatch", request))
	}
	if s := h.State(request); s.Status() != reset.Failed || !oldWorks(h) {
		t.Errorf("%s", s)
	}
}

func TestAnEarlierRunsWorkIsNotDoneAgain(t *testing.T) {
	h, f, request, _ := ordered(t)
	for range 3 {
		h.Must(h.Do("dispatch", request))
	}
	if f.changes != 1 {
		t.Errorf("%d changes", f.changes)
	}
}

func TestAVetoBetweenOrderAndMarkerStopsTheHands(t *testing.T) {
	h, f, request, _ := ordered(t)
	f.look = func(a directory.Account) (directory.Account, error) {
		// The veto arrives after the evidence was read.
		h.Must(h.Gate.Notice(t.Context(), request, "opened"))
		letters := h.Letters(request, gatetest.WrensMail)
		_, link, _ := strings.Cut(letters[len(letters)-1], "/not-me/")
		h.Must(h.Gate.Repudiate(t.Context(), strings.TrimSpace(link)))
		return a, nil
	}
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Vetoed || f.changes != 0 {
		t.Errorf("%s, %d changes", s, f.changes)
	}
}

func TestTheHandsSeeForThemselvesWhomTheyAct(t *testing.T) {
	for name, look := range map[string]func(directory.Account) (directory.Account, error){
		"an administrator": func(a directory.Account) (directory.Account, error) { a.Admin = true; return a, nil },
		"a closed account": func(a directory.Account) (directory.Account, error) { a.Status = directory.Disabled; return a, nil },
		"nobody":           func(a directory.Account) (directory.Account, error) { return a, directory.ErrNotFound },
		"another unit":     func(a directory.Account) (directory.Account, error) { a.Unit = "Payroll"; return a, nil },
	} {
		t.Run(name, func(t *testing.T) {
			h, f, request, _ := ordered(t)
			f.look = look
			h.Must(h.Do("dispatch", request))
			if s := h.State(request); s.Status() != reset.RefusedEnd || f.changes != 0 {
				t.Errorf("%s, %d changes", s, f.changes)
			}
		})
	}
}

func TestNothingGoesOutWhileTheDirectoryCannotBeRead(t *testing.T) {
	h, f, request, _ := ordered(t)
	f.look = func(a directory.Account) (directory.Account, error) { return a, directory.ErrUnreachable }
	if err := h.Do("dispatch", request); err == nil || errors.Is(err, store.ErrDrop) {
		t.Errorf("the job ended: %v", err)
	}
	if s := h.State(request); s.Status() != reset.OrderedUp || f.changes != 0 {
		t.Errorf("%s, %d changes", s, f.changes)
	}
}

func TestHandsWithOtherRootsDoNothing(t *testing.T) {
	h, f, request, _ := ordered(t)
	other := gatetest.New(t, gatetest.Policy)
	h.Hands.Roots = func() (evidence.Roots, error) { return other.Roots() }
	if err := h.Do("dispatch", request); !errors.Is(err, store.ErrDrop) {
		t.Errorf("got %v", err)
	}
	if f.changes != 0 {
		t.Errorf("%d changes", f.changes)
	}
}

func TestAnUnlockLeavesThePasswordAsItWas(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	for range local.MaxFailures {
		_ = h.Directory.SignIn(t.Context(), gatetest.Wren, "wrong wrong wrong wrong")
	}
	if oldWorks(h) {
		t.Fatal("the account is not locked")
	}
	request, token := h.Ordered(gatetest.Wren, identity.Unlock, seed)
	h.Must(h.Do("dispatch", request))
	if s := h.State(request); s.Status() != reset.Done || !oldWorks(h) {
		t.Errorf("%s, password works: %v", s, oldWorks(h))
	}
	if _, err := h.Gate.Reveal(t.Context(), token); err == nil {
		t.Error("an unlock had a secret to show")
	}
}

func TestWhatTheHandsMakeUpIsStrongAndEasyToType(t *testing.T) {
	h, _, request, token := ordered(t)
	h.Must(h.Do("dispatch", request))
	got, err := h.Gate.Reveal(t.Context(), token)
	h.Must(err)
	if len(got.Password) != 24 || strings.ContainsAny(got.Password, "lIO01") {
		t.Errorf("password of the form %q", got.Password)
	}
	a, err := h.Directory.Find(t.Context(), gatetest.Wren)
	h.Must(err)
	if err := h.Directory.VerifyPassword(t.Context(), a.ID, got.Password); err != nil {
		t.Error(err)
	}
}
