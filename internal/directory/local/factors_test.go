package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
	"countersign/internal/store"
)

func idOf(t *testing.T, d *local.Directory, login string) identity.AccountID {
	t.Helper()
	a, err := d.Find(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func signedIn(t *testing.T, d *local.Directory, id identity.AccountID) string {
	t.Helper()
	s, err := d.OpenSession(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func alive(t *testing.T, d *local.Directory, id identity.AccountID, session string) bool {
	t.Helper()
	lives, err := d.HasSession(t.Context(), id, session)
	if err != nil {
		t.Fatal(err)
	}
	return lives
}

func factored(t *testing.T, st store.Store, names ...string) (*local.Directory, identity.AccountID) {
	t.Helper()
	d := newDirectory(st)
	return d, add(t, d, local.NewAccount{Login: "ada", Password: password, Factors: names})
}

func TestASignInWithAFactorNeedsBoth(t *testing.T) {
	d, _ := factored(t, newMemory(), "app")
	for what, c := range map[string][3]string{
		"a wrong password": {"ada", "wrong", "app"}, "a factor that is not there": {"ada", password, "key"}, "no factor": {"ada", password, ""}, "nobody": {"eve", password, "app"},
	} {
		if err := d.SignInWithFactor(t.Context(), c[0], c[1], c[2]); err != directory.ErrBadCredential {
			t.Errorf("%s: %v; want exactly ErrBadCredential", what, err)
		}
	}
	if err := d.SignInWithFactor(t.Context(), "Ada", password, "app"); err != nil {
		t.Errorf("password and factor: %v", err)
	}
}

func TestFactorsCannotBeGuessedForEver(t *testing.T) {
	d, id := factored(t, newMemory(), "app")
	for range local.MaxFailures {
		if err := d.SignInWithFactor(t.Context(), "ada", password, "guess"); err != directory.ErrBadCredential {
			t.Fatalf("a guess: %v", err)
		}
	}
	if err := d.SignInWithFactor(t.Context(), "ada", password, "app"); err != directory.ErrBadCredential {
		t.Errorf("after %d guesses the right factor gives %v", local.MaxFailures, err)
	}
	if a, err := d.Lookup(t.Context(), id); err != nil || !a.Locked {
		t.Errorf("after the guesses: %+v, %v", a, err)
	}
}

func TestAPasswordThatMustBeChangedIsToldWithAFactorToo(t *testing.T) {
	d, id := factored(t, newMemory(), "app")
	if _, err := d.ResetPassword(t.Context(), id, fresh, true); err != nil {
		t.Fatal(err)
	}
	if err := d.SignInWithFactor(t.Context(), "ada", fresh, "app"); !errors.Is(err, local.ErrMustChange) {
		t.Errorf("got %v; want ErrMustChange", err)
	}
}

func TestAFactorTakenAwayDuringASignInDoesNotOpenAnything(t *testing.T) {
	m := newMemory()
	d, id := factored(t, m, "app")
	writes := 0
	m.before = func(m *memory) {
		if writes++; writes == 2 { // the write after the password was found right
			m.before = nil
			m.mu.Unlock()
			defer m.mu.Lock()
			if _, err := d.ResetFactors(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}
	if err := d.SignInWithFactor(t.Context(), "ada", password, "app"); err != directory.ErrBadCredential {
		t.Errorf("a sign-in with a factor taken away meanwhile = %v", err)
	}
}

func TestFactorsThatCannotBeAreRefused(t *testing.T) {
	d, id := factored(t, newMemory(), "app")
	for what, name := range map[string]string{"no name": "", "two lines": "a\nb", "one that is there": "app", "a long one": strings.Repeat("x", 300)} {
		if err := d.AddFactor(t.Context(), id, name); !errors.Is(err, directory.ErrRefused) {
			t.Errorf("%s: %v; want ErrRefused", what, err)
		}
		if _, err := d.Add(t.Context(), local.NewAccount{Login: "x", Name: "x", Factors: []string{"app", name}}); !errors.Is(err, directory.ErrRefused) {
			t.Errorf("a new account with %s: %v; want ErrRefused", what, err)
		}
	}
	for i := range 15 {
		if err := d.AddFactor(t.Context(), id, strings.Repeat("y", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.AddFactor(t.Context(), id, "one too many"); !errors.Is(err, directory.ErrRefused) {
		t.Errorf("one too many: %v", err)
	}
}

func TestFactorsAreDatedByTheDirectory(t *testing.T) {
	d, id := factored(t, newMemory(), "app")
	list, err := d.Factors(t.Context(), id)
	if err != nil || len(list) != 1 || list[0] != (directory.Factor{Name: "app", Since: noon}) {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestAStoreThatFailsToWriteLeavesFactorsAndSessionsOpen(t *testing.T) {
	m := newMemory()
	d, id := factored(t, m, "app")
	m.failing = store.ErrClosed
	_, resetErr := d.ResetFactors(t.Context(), id)
	_, revokeErr := d.RevokeSessions(t.Context(), id)
	for what, err := range map[string]error{"reset": resetErr, "revoke": revokeErr} {
		if !errors.Is(err, directory.ErrUncertain) {
			t.Errorf("%s = %v; want ErrUncertain", what, err)
		}
	}
}

func TestSessionsAreBoundedAndEndWithTheAccount(t *testing.T) {
	d, id := one(t, newMemory())
	first := signedIn(t, d, id)
	for range 31 {
		signedIn(t, d, id)
	}
	if !alive(t, d, id, first) {
		t.Fatal("the first of 32 sessions is gone")
	}
	last := signedIn(t, d, id)
	if alive(t, d, id, first) || !alive(t, d, id, last) {
		t.Error("the 33rd session does not make the oldest go")
	}
	if err := d.SetDisabled(t.Context(), id, true); err != nil {
		t.Fatal(err)
	}
	if _, err := d.OpenSession(t.Context(), id); !errors.Is(err, directory.ErrRefused) || alive(t, d, id, last) {
		t.Errorf("a closed account is still signed in, or signs in: %v", err)
	}
	if _, err := d.OpenSession(t.Context(), "staff/nobody"); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("a session of nobody: %v", err)
	}
}

func TestStoredFactorsAndSessionsLoadForEver(t *testing.T) {
	value, err := os.ReadFile("testdata/account-v1-factors.json")
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	const object = "019a0000-0000-7000-8000-000000000001"
	m.items[[2]string{"local_account", object}] = store.Item{Shelf: "local_account", Key: object, Value: value, Version: 1}
	d := newDirectory(m)
	list, err := d.Factors(t.Context(), "staff/"+object)
	if err != nil || len(list) != 2 || list[1].Name != "blue key" || list[1].Since.IsZero() || !alive(t, d, "staff/"+object, "S1") {
		t.Errorf("%+v, %v", list, err)
	}
}

// Whatever is done to one account in whatever order, exactly the factors and
// sessions that came after the last reset count.
func TestOnlyWhatCameAfterTheLastResetCounts(t *testing.T) {
	ctx, d, n := context.Background(), newDirectory(newMemory()), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		id, err := d.Add(ctx, local.NewAccount{Login: fmt.Sprintf("ada%d", n), Name: "Ada"})
		if err != nil {
			t.Fatal(err)
		}
		var factors, live, dead []string
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				name := rapid.StringMatching("[a-d]").Draw(t, "name")
				taken := slices.Contains(factors, name)
				if err := d.AddFactor(ctx, id, name); (err != nil) != taken {
					t.Fatalf("adding %q to %q: %v", name, factors, err)
				}
				if !taken {
					factors = append(factors, name)
				}
			},
			"reset": func(t *rapid.T) {
				if _, err := d.ResetFactors(ctx, id); err != nil {
					t.Fatal(err)
				}
				factors = nil
			},
			"open": func(t *rapid.T) {
				if len(live) == 32 {
					t.Skip("full")
				}
				s, err := d.OpenSession(ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				live = append(live, s)
			},
			"revoke": func(t *rapid.T) {
				if _, err := d.RevokeSessions(ctx, id); err != nil {
					t.Fatal(err)
				}
				live, dead = nil, append(dead, live...)
			},
			"": func(t *rapid.T) {
				list, err := d.Factors(ctx, id)
				if err != nil || len(list) != len(factors) {
					t.Fatalf("%v, %v; want %q", list, err, factors)
				}
				for i, f := range list {
					if f.Name != factors[i] {
						t.Fatalf("%v; want %q", list, factors)
					}
				}
				for _, s := range live {
					if ok, err := d.HasSession(ctx, id, s); err != nil || !ok {
						t.Fatalf("a session that nobody ended: %v, %v", ok, err)
					}
				}
				for _, s := range dead {
					if ok, err := d.HasSession(ctx, id, s); err != nil || ok {
						t.Fatalf("a session that was ended: %v, %v", ok, err)
					}
				}
			},
		})
	})
}
