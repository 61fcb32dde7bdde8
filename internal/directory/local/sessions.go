package local

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
)

const maxSessions = 32 // of one account; the oldest makes room

// session is the stored form of something that its owner is signed in to.
type session struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// OpenSession notes that the account is signed in somewhere and returns the
// session's id. Whoever calls has checked the credential (SignIn). The id names
// the session and opens nothing by itself. directory.ErrNotFound, ErrRefused for
// a closed account.
func (d *Directory) OpenSession(ctx context.Context, id identity.AccountID) (string, error) {
	const doing = "opening a session"
	object, err := d.own(id)
	if err != nil {
		return "", err
	}
	s := session{ID: rand.Text(), Since: d.now().UTC()}
	err = d.change(ctx, doing, object, func(r *record) error {
		if r.Disabled {
			return d.fault(doing, directory.ErrRefused, errors.New("the account is closed"))
		}
		r.Sessions = append(slices.Clone(r.Sessions), s)
		r.Sessions = r.Sessions[max(0, len(r.Sessions)-maxSessions):]
		return nil
	})
	if err != nil {
		return "", err
	}
	return s.ID, nil
}

// HasSession reports whether a session that was opened for the account still
// lives. A closed account's sessions do not.
func (d *Directory) HasSession(ctx context.Context, id identity.AccountID, session string) (bool, error) {
	object, err := d.own(id)
	if err != nil {
		return false, err
	}
	r, _, err := d.load(ctx, object)
	if err != nil {
		return false, err
	}
	return !r.Disabled && r.session(session), nil
}

func (r record) session(id string) bool {
	return slices.ContainsFunc(r.Sessions, func(s session) bool { return s.ID == id })
}

// RevokeSessions ends every session of an account in one write.
func (d *Directory) RevokeSessions(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	object, err := d.own(id)
	if err != nil {
		return directory.Outcome{}, err
	}
	err = d.change(ctx, "ending the sessions of "+string(id), object, func(r *record) error {
		r.Sessions = nil
		return nil
	})
	if err != nil {
		return directory.Outcome{}, err
	}
	return directory.Outcome{Applied: true}, nil
}
