package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
)

const maxFactors = 16 // of one account, so that a record has a bound

// factor is the stored form of a second factor. Only its name is kept: this
// directory knows that a factor is registered, not how it is checked.
type factor struct {
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
}

func (r record) factor(name string) bool {
	return slices.ContainsFunc(r.Factors, func(f factor) bool { return f.Name == name })
}

// register adds a factor to those an account has.
func register(have []factor, name string, now time.Time) ([]factor, error) {
	switch {
	case name == "" || identity.CheckLine(name, maxField) != nil:
		return nil, errors.New("a second factor needs a name of one line")
	case slices.ContainsFunc(have, func(f factor) bool { return f.Name == name }):
		return nil, errors.New("a second factor of that name is registered already")
	case len(have) >= maxFactors:
		return nil, fmt.Errorf("an account has at most %d second factors", maxFactors)
	}
	return append(slices.Clone(have), factor{Name: name, Since: now}), nil
}

// AddFactor registers a second factor under a name, as its owner does after
// signing in. directory.ErrRefused when the name is no line of text or taken, or
// when the account has too many.
func (d *Directory) AddFactor(ctx context.Context, id identity.AccountID, name string) error {
	const doing = "registering a second factor"
	object, err := d.own(id)
	if err != nil {
		return err
	}
	return d.change(ctx, doing, object, func(r *record) error {
		all, err := register(r.Factors, name, d.now().UTC())
		if err != nil {
			return d.fault(doing, directory.ErrRefused, err)
		}
		r.Factors = all
		return nil
	})
}

// SignInWithFactor is SignIn with a second factor besides: it succeeds when the
// password is right and a factor of that name is registered. It fails as SignIn
// does; an unknown factor counts as a wrong password and answers like one.
func (d *Directory) SignInWithFactor(ctx context.Context, login, password, name string) error {
	must, _, _, err := d.signIn(ctx, login, password, func(r record) bool { return r.factor(name) })
	if err == nil && must {
		return ErrMustChange
	}
	return err
}

// Factors lists an account's second factors, the oldest first.
func (d *Directory) Factors(ctx context.Context, id identity.AccountID) ([]directory.Factor, error) {
	object, err := d.own(id)
	if err != nil {
		return nil, err
	}
	r, _, err := d.load(ctx, object)
	if err != nil {
		return nil, err
	}
	all := make([]directory.Factor, 0, len(r.Factors))
	for _, f := range r.Factors {
		all = append(all, directory.Factor(f))
	}
	return all, nil
}

// ResetFactors takes all of an account's second factors away in one write.
func (d *Directory) ResetFactors(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	object, err := d.own(id)
	if err != nil {
		return directory.Outcome{}, err
	}
	err = d.change(ctx, "resetting the second factors of "+string(id), object, func(r *record) error {
		r.Factors = nil
		return nil
	})
	if err != nil {
		return directory.Outcome{}, err
	}
	return directory.Outcome{Applied: true, OldDead: "dead"}, nil
}
