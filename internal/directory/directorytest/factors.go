package directorytest

import (
	"context"
	"slices"
	"testing"

	"countersign/internal/directory"
	"countersign/internal/identity"
)

// factors is the backend's ability to reset second factors; a directory without
// it skips.
func (f Fixture) factors(t *testing.T) directory.FactorResetter {
	t.Helper()
	r, ok := f.Directory.(directory.FactorResetter)
	if !ok {
		if slices.Contains(f.Directory.Can(), identity.MFAReset) {
			t.Fatal("the directory says that it can reset second factors, and cannot")
		}
		t.Skip("the directory does not reset second factors")
	}
	if !slices.Contains(f.Directory.Can(), identity.MFAReset) {
		t.Error("the directory resets second factors, and does not say that it can")
	}
	return r
}

func (f Fixture) sessions(t *testing.T) directory.SessionRevoker {
	t.Helper()
	r, ok := f.Directory.(directory.SessionRevoker)
	if !ok {
		t.Skip("the directory does not end sessions")
	}
	return r
}

// bare takes an account's factors away again when the test ends.
func (f Fixture) bare(t *testing.T, id identity.AccountID) {
	t.Cleanup(func() { _, _ = f.Directory.(directory.FactorResetter).ResetFactors(context.Background(), id) })
}

// has checks which second factors an account is listed with.
func (f Fixture) has(t *testing.T, id identity.AccountID, want ...string) {
	t.Helper()
	list, err := f.Directory.(directory.FactorLister).Factors(t.Context(), id)
	var names []string
	for _, one := range list {
		names = append(names, one.Name)
	}
	slices.Sort(names)
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("second factors %q, %v; want %q", names, err, want)
	}
}

func (f Fixture) resetFactors(t *testing.T) {
	r, a, other := f.factors(t), f.find(t, f.Plain), f.find(t, f.Manager)
	f.bare(t, a.ID)
	f.bare(t, other.ID)
	f.AddFactor(t, f.Plain, "app")
	f.AddFactor(t, f.Plain, "key")
	f.AddFactor(t, f.Manager, "app")
	f.has(t, a.ID, "app", "key")
	if err := f.SignInFactor(f.Plain, f.Password, "key"); err != nil {
		t.Fatalf("before the reset a second factor is refused: %v", err)
	}
	before := f.find(t, f.Plain)
	out, err := r.ResetFactors(t.Context(), a.ID)
	if err != nil || !out.Applied {
		t.Fatalf("ResetFactors = %+v, %v", out, err)
	}
	f.has(t, a.ID)
	f.has(t, other.ID, "app")
	for _, name := range []string{"app", "key"} {
		if f.SignInFactor(f.Plain, f.Password, name) == nil {
			t.Errorf("the second factor %q still signs in, and the old ones are reported %q", name, out.OldDead)
		}
	}
	b := f.find(t, f.Plain)
	if err := f.SignIn(f.Plain, f.Password); err != nil || !b.PasswordChanged.Equal(before.PasswordChanged) || b.MustChange != before.MustChange || b.Status != before.Status {
		t.Errorf("the reset changed more than the factors: sign-in %v, %+v, before %+v", err, b, before)
	}
}

func (f Fixture) resetNoFactors(t *testing.T) {
	r, a := f.factors(t), f.find(t, f.Plain)
	for range 2 {
		if out, err := r.ResetFactors(t.Context(), a.ID); err != nil || !out.Applied || out.OldDead == "alive" {
			t.Errorf("resetting no second factors = %+v, %v", out, err)
		}
	}
	f.has(t, a.ID)
}

func (f Fixture) factorAfterReset(t *testing.T) {
	r, a := f.factors(t), f.find(t, f.Plain)
	f.bare(t, a.ID)
	f.AddFactor(t, f.Plain, "app")
	if _, err := r.ResetFactors(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	f.AddFactor(t, f.Plain, "new app")
	f.has(t, a.ID, "new app")
	if err := f.SignInFactor(f.Plain, f.Password, "new app"); err != nil {
		t.Errorf("a second factor registered after the reset is refused: %v", err)
	}
}

func (f Fixture) revokeSessions(t *testing.T) {
	r, a := f.sessions(t), f.find(t, f.Plain)
	open := map[string]bool{f.OpenSession(t, f.Plain): true, f.OpenSession(t, f.Plain): true}
	others := f.OpenSession(t, f.Manager)
	if len(open) != 2 {
		t.Fatal("two sessions have one name")
	}
	for s := range open {
		if !f.Session(t, f.Plain, s) || f.Session(t, f.Manager, s) {
			t.Fatal("a session is not told from none, or from somebody else's")
		}
	}
	if out, err := r.RevokeSessions(t.Context(), a.ID); err != nil || !out.Applied {
		t.Fatalf("RevokeSessions = %+v, %v", out, err)
	}
	for s := range open {
		if f.Session(t, f.Plain, s) {
			t.Error("a session outlives its end")
		}
	}
	if !f.Session(t, f.Manager, others) {
		t.Error("somebody else's session was ended too")
	}
	if err := f.SignIn(f.Plain, f.Password); err != nil {
		t.Errorf("ending sessions changed the password: %v", err)
	}
	if next := f.OpenSession(t, f.Plain); !f.Session(t, f.Plain, next) {
		t.Error("no session can be opened any more")
	}
	if out, err := r.RevokeSessions(t.Context(), a.ID); err != nil || !out.Applied {
		t.Errorf("ending sessions again = %+v, %v", out, err)
	}
}

// optional asks d about an account for everything that not every directory can
// do, and returns what went wrong with each.
func optional(ctx context.Context, d directory.Directory, id identity.AccountID) map[string]error {
	faults := map[string]error{}
	if r, ok := d.(directory.FactorResetter); ok {
		_, faults["ResetFactors"] = r.ResetFactors(ctx, id)
		_, faults["Factors"] = r.Factors(ctx, id)
	}
	if r, ok := d.(directory.SessionRevoker); ok {
		_, faults["RevokeSessions"] = r.RevokeSessions(ctx, id)
	}
	return faults
}
