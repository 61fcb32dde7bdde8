package local

import (
	"context"
	"errors"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/store"
)

// errBarred keeps change from writing; it does not leave this package.
var errBarred = errors.New("local: barred")

// SignIn checks a password as its owner types it. Wrong ones are counted, and
// MaxFailures of them in a row lock the account. nil: signed in. ErrMustChange:
// the password is right and opens nothing but ChangePassword.
// directory.ErrBadCredential: anything else that is about the caller, in one
// text and one time, whether the login exists or not, is locked, closed or has
// no password. directory.ErrUnreachable or ErrUncertain: the store failed.
func (d *Directory) SignIn(ctx context.Context, login, password string) error {
	must, _, _, err := d.signIn(ctx, login, password, passwordAlone)
	if err == nil && must {
		return ErrMustChange
	}
	return err
}

// ChangePassword lets an owner replace a password, knowing it. It fails as
// SignIn does, and with directory.ErrRefused when the new one is too weak or
// the old one again.
func (d *Directory) ChangePassword(ctx context.Context, login, old, fresh string) error {
	const doing = "changing a password"
	_, object, proven, err := d.signIn(ctx, login, old, passwordAlone)
	if err != nil {
		return err
	}
	if old == fresh {
		return d.fault(doing, directory.ErrRefused, errors.New("the new password does not satisfy the password policy: it is the old one"))
	}
	hash, err := d.hash(ctx, doing, login, fresh)
	if err != nil {
		return err
	}
	return d.change(ctx, doing, object, func(r *record) error {
		if r.Hash != proven {
			return directory.ErrBadCredential // reset meanwhile: what was proven is no longer the password
		}
		r.Hash, r.Changed, r.MustChange = hash, d.now().UTC(), false
		return nil
	})
}

func passwordAlone(record) bool { return true }

// signIn also returns the account's object id and the hash that was proven. What
// else has to be right besides the password is for more to say.
func (d *Directory) signIn(ctx context.Context, login, password string, more func(record) bool) (must bool, object, hash string, err error) {
	const doing = "signing in"
	object, err = d.object(ctx, login)
	if errors.Is(err, directory.ErrNotFound) {
		return false, "", "", d.pretend(ctx, password)
	}
	if err != nil {
		return false, "", "", err
	}
	err = d.change(ctx, doing, object, func(r *record) error {
		if r.locked() || r.Disabled || r.Hash == "" {
			return errBarred
		}
		r.Failures++
		hash = r.Hash
		return nil
	})
	if errors.Is(err, errBarred) || errors.Is(err, directory.ErrNotFound) {
		return false, "", "", d.pretend(ctx, password)
	}
	if err != nil {
		return false, "", "", err
	}
	ok, err := d.hasher.Verify(ctx, hash, password)
	if err != nil {
		return false, "", "", d.fault(doing, directory.ErrUnreachable, err)
	}
	if !ok {
		return false, "", "", directory.ErrBadCredential
	}
	err = d.change(ctx, doing, object, func(r *record) error {
		if r.Hash != hash || r.Disabled || !more(*r) {
			return directory.ErrBadCredential // reset or closed meanwhile, or something else is missing
		}
		r.Failures, must = 0, r.MustChange
		return nil
	})
	return must, object, hash, err
}

// pretend costs what a wrong password costs, one write and one hash, for a
// sign-in that cannot succeed.
func (d *Directory) pretend(ctx context.Context, password string) error {
	const doing = "signing in"
	decoy := store.Item{Shelf: shelfDecoy, Key: d.name}
	if err := d.st.Change(ctx, store.ItemChange{Item: decoy, Expect: store.AnyVersion}); err != nil {
		return d.settle(doing, err)
	}
	if _, err := d.hasher.Verify(ctx, d.dummy, password); err != nil {
		return d.fault(doing, directory.ErrUnreachable, err)
	}
	return directory.ErrBadCredential
}

// ResetPassword replaces the password, and with it must-change mark and
// lock-out, in one write.
func (d *Directory) ResetPassword(ctx context.Context, id identity.AccountID, secret string, mustChange bool) (directory.Outcome, error) {
	doing := "resetting the password of " + string(id)
	object, err := d.own(id)
	if err != nil {
		return directory.Outcome{}, err
	}
	r, _, err := d.load(ctx, object)
	if err != nil {
		return directory.Outcome{}, err
	}
	hash, err := d.hash(ctx, doing, r.Login, secret)
	if err != nil {
		return directory.Outcome{}, err
	}
	err = d.change(ctx, doing, object, func(r *record) error {
		r.Hash, r.Changed, r.MustChange, r.Failures = hash, d.now().UTC(), mustChange, 0
		return nil
	})
	if err != nil {
		return directory.Outcome{}, err
	}
	return directory.Outcome{Applied: true, OldDead: "dead"}, nil
}

// Unlock forgets the wrong passwords.
func (d *Directory) Unlock(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	object, err := d.own(id)
	if err != nil {
		return directory.Outcome{}, err
	}
	err = d.change(ctx, "unlocking "+string(id), object, func(r *record) error {
		r.Failures = 0
		return nil
	})
	if err != nil {
		return directory.Outcome{}, err
	}
	return directory.Outcome{Applied: true}, nil
}

var errCannotSay = errors.New("the account is locked or closed, whatever the credential")

// VerifyPassword compares without counting.
func (d *Directory) VerifyPassword(ctx context.Context, id identity.AccountID, secret string) error {
	doing := "trying a credential of " + string(id)
	object, err := d.own(id)
	if err != nil {
		return err
	}
	r, _, err := d.load(ctx, object)
	if err != nil {
		return err
	}
	hash := r.Hash
	if hash == "" {
		hash = d.dummy
	}
	ok, err := d.hasher.Verify(ctx, hash, secret)
	switch {
	case err != nil:
		return d.fault(doing, directory.ErrUnreachable, err)
	case !ok || r.Hash == "":
		return d.fault(doing, directory.ErrBadCredential, errors.New("it is another"))
	case r.locked() || r.Disabled:
		return d.fault(doing, errCannotSay, errors.New("no sign-in is possible"))
	}
	return nil
}
