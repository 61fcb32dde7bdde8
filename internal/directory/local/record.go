package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/store"
)

// The shelves. A login's and a group's key begins with the directory's name and
// a slash, because several directories may share a store.
const (
	shelfAccount = "local_account"
	shelfLogin   = "local_login"
	shelfGroup   = "local_group"
	shelfDecoy   = "local_decoy"
)

// record is the stored form of an account, version 1. testdata keeps one that
// must load for ever.
type record struct {
	V         int               `json:"v"`
	Directory string            `json:"directory"`
	Login     string            `json:"login"`
	Name      string            `json:"name"`
	Unit      string            `json:"unit,omitempty"`
	Location  string            `json:"location,omitempty"`
	Person    identity.PersonID `json:"person,omitempty"`  // "": the account is a person of its own
	Manager   string            `json:"manager,omitempty"` // object id
	Groups    []string          `json:"groups,omitempty"`  // direct ones
	Contacts  []contact         `json:"contacts,omitempty"`
	Service   bool              `json:"service,omitempty"`
	Disabled  bool              `json:"disabled,omitempty"`
	Hash      string            `json:"hash,omitempty"` // "": no password opens the account
	// Failures counts sign-ins begun since the last one that succeeded. It is
	// raised before a password is looked at, so that guesses made at the same
	// moment cannot outrun it.
	Failures   int       `json:"failures,omitempty"`
	MustChange bool      `json:"must_change,omitempty"`
	Changed    time.Time `json:"changed,omitzero"` // the password
	Created    time.Time `json:"created"`
	Starts     time.Time `json:"starts,omitzero"` // the owner's first day here
	Factors    []factor  `json:"factors,omitempty"`
	Sessions   []session `json:"sessions,omitempty"`
}

type contact struct {
	Kind    directory.ContactKind `json:"kind"`
	Address string                `json:"address"`
	Own     bool                  `json:"own,omitempty"`
	Since   time.Time             `json:"since"`
}

func (r record) locked() bool { return r.Failures >= MaxFailures }

func (r record) person(id identity.AccountID) identity.PersonID {
	if r.Person != "" {
		return r.Person
	}
	return identity.PersonID(id)
}

func decode(value []byte) (record, error) {
	var r record
	if err := json.Unmarshal(value, &r); err != nil {
		return record{}, errors.New("a stored account is damaged")
	}
	if r.V != 1 {
		return record{}, fmt.Errorf("a stored account has form %d, which this version does not know", r.V)
	}
	return r, nil
}

// object resolves a login.
func (d *Directory) object(ctx context.Context, login string) (string, error) {
	key, err := directory.LoginKey(login)
	if err != nil {
		return "", directory.ErrNotFound
	}
	it, err := d.st.Item(ctx, shelfLogin, d.name+"/"+key, d.now())
	if errors.Is(err, store.ErrNotFound) {
		return "", directory.ErrNotFound
	}
	if err != nil {
		return "", d.fault("looking up an account by name", directory.ErrUnreachable, err)
	}
	return string(it.Value), nil
}

// load reads an account and the version it is at.
func (d *Directory) load(ctx context.Context, object string) (record, store.Item, error) {
	const doing = "reading an account"
	if err := ctx.Err(); err != nil {
		return record{}, store.Item{}, d.fault(doing, directory.ErrUnreachable, err)
	}
	it, err := d.st.Item(ctx, shelfAccount, object, d.now())
	if errors.Is(err, store.ErrNotFound) {
		return record{}, store.Item{}, directory.ErrNotFound
	}
	if err != nil {
		return record{}, store.Item{}, d.fault(doing, directory.ErrUnreachable, err)
	}
	r, err := decode(it.Value)
	if err != nil {
		return record{}, store.Item{}, d.fault(doing, directory.ErrUnreachable, err)
	}
	if r.Directory != d.name {
		return record{}, store.Item{}, directory.ErrNotFound
	}
	return r, it, nil
}

// tries bounds how often a change is decided anew because the account has moved
// on meanwhile.
const tries = 16

// change reads an account, lets edit decide, and writes it at the version read.
// An error of edit is returned as it is and nothing is written.
func (d *Directory) change(ctx context.Context, doing, object string, edit func(*record) error) error {
	for range tries {
		r, it, err := d.load(ctx, object)
		if err != nil {
			return err
		}
		if err := edit(&r); err != nil {
			return err
		}
		if it.Value, err = json.Marshal(r); err != nil {
			return d.fault(doing, directory.ErrRefused, err)
		}
		err = d.st.Change(ctx, store.ItemChange{Item: it, Expect: it.Version})
		if !errors.Is(err, store.ErrConflict) {
			return d.settle(doing, err)
		}
	}
	return d.fault(doing, directory.ErrUnreachable, errors.New("the account keeps changing; nothing was written"))
}

// settle tells what a write that was attempted has come to.
func (d *Directory) settle(doing string, err error) error {
	if err == nil {
		return nil
	}
	return d.fault(doing, directory.ErrUncertain, err)
}
