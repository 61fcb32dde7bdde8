package directorytest

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"countersign/internal/directory"
	"countersign/internal/identity"
)

// resetter is the backend's ability to reset; a directory without it skips.
func (f Fixture) resetter(t *testing.T) directory.PasswordResetter {
	t.Helper()
	r, ok := f.Directory.(directory.PasswordResetter)
	if !ok {
		t.Skip("the directory does not reset passwords")
	}
	return r
}

func (f Fixture) unlocker(t *testing.T) directory.Unlocker {
	t.Helper()
	u, ok := f.Directory.(directory.Unlocker)
	if !ok {
		t.Skip("the directory does not unlock")
	}
	return u
}

func (f Fixture) verifier(t *testing.T) directory.Verifier {
	t.Helper()
	v, ok := f.Directory.(directory.Verifier)
	if !ok {
		t.Skip("the directory does not verify")
	}
	return v
}

// quiet makes sure that nothing reported carries the secret.
func quiet(t *testing.T, secret string, out directory.Outcome, err error) {
	t.Helper()
	said := strings.Join(out.Notes, "\n")
	if err != nil {
		said += err.Error()
	}
	if secret != "" && strings.Contains(said, secret) {
		t.Errorf("the secret stands in what is reported: %s", said)
	}
}

func (f Fixture) reset(t *testing.T) {
	r, a := f.resetter(t), f.find(t, f.Plain)
	f.pristine(t, f.Plain)
	if err := f.SignIn(f.Plain, f.Password); err != nil {
		t.Fatalf("before the reset the old password is refused: %v", err)
	}
	out, err := r.ResetPassword(t.Context(), a.ID, f.Good, true)
	quiet(t, f.Good, out, err)
	if err != nil || !out.Applied {
		t.Fatalf("ResetPassword = %+v, %v", out, err)
	}
	switch out.OldDead {
	case "dead", "unknown", "alive":
	default:
		t.Errorf("OldDead is %q", out.OldDead)
	}
	if err := f.SignIn(f.Plain, f.Good); err != nil {
		t.Errorf("the new password is refused: %v", err)
	}
	if err := f.SignIn(f.Plain, f.Password); err == nil && out.OldDead == "dead" {
		t.Error("the old password works, and is reported dead")
	}
	if !f.MustChange(t, f.Plain) || !f.find(t, f.Plain).MustChange {
		t.Error("the owner need not change the password")
	}
	if f.verifier(t).VerifyPassword(t.Context(), a.ID, f.Good) != nil {
		t.Error("a password that works but must be changed does not verify")
	}
	if b := f.find(t, f.Plain); b.ID != a.ID || b.Person != a.Person || b.Status != a.Status {
		t.Errorf("the reset changed more than the password: %+v, before %+v", b, a)
	}
}

func (f Fixture) resetWithoutMark(t *testing.T) {
	r, a := f.resetter(t), f.find(t, f.Plain)
	f.pristine(t, f.Plain)
	out, err := r.ResetPassword(t.Context(), a.ID, f.Good, false)
	if err != nil || !out.Applied {
		t.Fatalf("ResetPassword = %+v, %v", out, err)
	}
	if err := f.SignIn(f.Plain, f.Good); err != nil || f.MustChange(t, f.Plain) || f.find(t, f.Plain).MustChange {
		t.Errorf("after a reset without the mark: sign-in %v, must change %v", err, f.MustChange(t, f.Plain))
	}
}

func (f Fixture) resetUnlocks(t *testing.T) {
	r, a := f.resetter(t), f.find(t, f.Plain)
	f.pristine(t, f.Plain)
	f.Lock(t, f.Plain)
	if !f.find(t, f.Plain).Locked {
		t.Fatal("a lock-out is not seen")
	}
	if out, err := r.ResetPassword(t.Context(), a.ID, f.Good, true); err != nil || !out.Applied {
		t.Fatalf("ResetPassword = %+v, %v", out, err)
	}
	if f.find(t, f.Plain).Locked || f.SignIn(f.Plain, f.Good) != nil {
		t.Error("the account is still locked out")
	}
}

func (f Fixture) unlock(t *testing.T) {
	u, a := f.unlocker(t), f.find(t, f.Plain)
	f.pristine(t, f.Plain)
	f.Lock(t, f.Plain)
	if f.SignIn(f.Plain, f.Password) == nil {
		t.Fatal("a locked-out account signs in")
	}
	if out, err := u.Unlock(t.Context(), a.ID); err != nil || !out.Applied {
		t.Fatalf("Unlock = %+v, %v", out, err)
	}
	b := f.find(t, f.Plain)
	if b.Locked || !b.PasswordChanged.Equal(a.PasswordChanged) || b.Status != a.Status || f.MustChange(t, f.Plain) {
		t.Errorf("after the unlock %+v, before the lock-out %+v", b, a)
	}
	if err := f.SignIn(f.Plain, f.Password); err != nil {
		t.Errorf("after the unlock the password is refused: %v", err)
	}
	if out, err := u.Unlock(t.Context(), a.ID); err != nil || !out.Applied {
		t.Errorf("unlocking what is not locked = %+v, %v", out, err)
	}
}

func (f Fixture) weak(t *testing.T) {
	r, a := f.resetter(t), f.find(t, f.Plain)
	f.pristine(t, f.Plain)
	for _, weak := range []string{f.Weak, ""} {
		out, err := r.ResetPassword(t.Context(), a.ID, weak, true)
		quiet(t, weak, out, err)
		if !errors.Is(err, directory.ErrRefused) || out.Applied {
			t.Errorf("a reset to %q = %+v, %v; want ErrRefused", weak, out, err)
		}
		if weak != "" && (err == nil || !strings.Contains(err.Error(), "password policy")) {
			t.Errorf("the refusal does not name the password policy: %v", err)
		}
	}
	if err := f.SignIn(f.Plain, f.Password); err != nil || f.MustChange(t, f.Plain) {
		t.Errorf("a refused reset changed something: sign-in %v, must change %v", err, f.MustChange(t, f.Plain))
	}
}

func (f Fixture) nobody(t *testing.T) {
	for _, id := range []identity.AccountID{identity.NewAccountID(f.Directory.Name(), "00000000-0000-0000-0000-000000000000"), "other/x", ""} {
		if out, err := f.resetter(t).ResetPassword(t.Context(), id, f.Good, true); !errors.Is(err, directory.ErrNotFound) || out.Applied {
			t.Errorf("a reset of %q = %+v, %v; want ErrNotFound", id, out, err)
		}
		if out, err := f.unlocker(t).Unlock(t.Context(), id); !errors.Is(err, directory.ErrNotFound) || out.Applied {
			t.Errorf("an unlock of %q = %+v, %v; want ErrNotFound", id, out, err)
		}
		if err := f.verifier(t).VerifyPassword(t.Context(), id, f.Good); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("verifying for %q = %v; want ErrNotFound", id, err)
		}
		for what, err := range optional(t.Context(), f.Directory, id) {
			if !errors.Is(err, directory.ErrNotFound) {
				t.Errorf("%s of %q = %v; want ErrNotFound", what, id, err)
			}
		}
	}
}

func (f Fixture) verify(t *testing.T) {
	v, a := f.verifier(t), f.find(t, f.Plain)
	f.pristine(t, f.Plain)
	if err := v.VerifyPassword(t.Context(), a.ID, f.Password); err != nil {
		t.Errorf("the right password: %v", err)
	}
	for _, wrong := range []string{f.Password + "x", ""} {
		if err := v.VerifyPassword(t.Context(), a.ID, wrong); !errors.Is(err, directory.ErrBadCredential) {
			t.Errorf("a wrong password: %v; want ErrBadCredential", err)
		}
	}
}

func (f Fixture) cancelled(t *testing.T) {
	a := f.find(t, f.Plain)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, findErr := f.Directory.Find(ctx, f.Plain)
	_, lookErr := f.Directory.Lookup(ctx, a.ID)
	_, resetErr := f.resetter(t).ResetPassword(ctx, a.ID, f.Good, true)
	_, unlockErr := f.unlocker(t).Unlock(ctx, a.ID)
	faults := map[string]error{"Find": findErr, "Lookup": lookErr, "ResetPassword": resetErr, "Unlock": unlockErr, "Ping": f.Directory.Ping(ctx)}
	maps.Copy(faults, optional(ctx, f.Directory, a.ID))
	for what, err := range faults {
		if !errors.Is(err, directory.ErrUnreachable) || errors.Is(err, directory.ErrUncertain) {
			t.Errorf("%s for a caller who has gone: %v; want ErrUnreachable", what, err)
		}
	}
	if err := f.SignIn(f.Plain, f.Password); err != nil {
		t.Errorf("the password was changed for a caller who had gone: %v", err)
	}
}

func (f Fixture) unreachable(t *testing.T) {
	if f.Unreachable == nil {
		t.Skip("the directory is part of Countersign and always there")
	}
	id := identity.NewAccountID(f.Unreachable.Name(), f.find(t, f.Plain).ID.Object())
	_, findErr := f.Unreachable.Find(t.Context(), f.Plain)
	_, lookErr := f.Unreachable.Lookup(t.Context(), id)
	_, resetErr := f.Unreachable.(directory.PasswordResetter).ResetPassword(t.Context(), id, f.Good, true)
	faults := map[string]error{"Find": findErr, "Lookup": lookErr, "ResetPassword": resetErr, "Ping": f.Unreachable.Ping(t.Context())}
	maps.Copy(faults, optional(t.Context(), f.Unreachable, id))
	for what, err := range faults {
		if !errors.Is(err, directory.ErrUnreachable) {
			t.Errorf("%s = %v; want ErrUnreachable", what, err)
		}
	}
}
