// Package local is the directory that comes with Countersign: accounts kept in
// its own store, for trying it out and for the staff of a site that has no
// other directory. It keeps every promise of package directory.
//
// Besides, it is a place to sign in: SignIn counts wrong passwords and locks,
// SignInWithFactor asks for a registered second factor too, and OpenSession notes
// what is signed in.
//
//	staff := local.New("staff", st, hasher, time.Now, local.AdminGroups("operators"))
//	id, err := staff.Add(ctx, local.NewAccount{Login: "m.ito", Name: "M. Ito", Password: "…"})
//
// What is stored: on shelf "local_account" an account by its object id, owned
// by its login; on "local_login" the object id by directory and login; on
// "local_group" what a group is itself in. Each is replaced only at the version
// it was read at.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/passhash"
	"countersign/internal/store"
)

// MaxFailures is how many wrong passwords in a row lock an account.
const MaxFailures = 5

// MinPassword is how many characters a password needs: SP 800-63B-4 §3.1.1.2
// wants 15 where a password is the only factor. There are no rules about which
// characters, for the same section.
const MinPassword = 15

const maxPassword = 1024 // bytes, so that hashing has a bound

// The faults of signing in and adding, besides those of package directory.
var (
	// ErrMustChange: the password is right, and its owner has to choose another
	// (ChangePassword) before it opens anything.
	ErrMustChange = errors.New("local: the password must be changed")
	// ErrExists: there is an account of that login already.
	ErrExists = errors.New("local: the login is taken")
)

// Directory is one local directory.
type Directory struct {
	name   string
	st     store.Store
	hasher *passhash.Hasher
	now    func() time.Time
	admins []string
	dummy  string // the hash of a password that nobody knows
}

var (
	_ directory.Directory        = (*Directory)(nil)
	_ directory.PasswordResetter = (*Directory)(nil)
	_ directory.Unlocker         = (*Directory)(nil)
	_ directory.Verifier         = (*Directory)(nil)
	_ directory.FactorResetter   = (*Directory)(nil)
	_ directory.SessionRevoker   = (*Directory)(nil)
)

// Option changes how a directory judges its accounts.
type Option func(*Directory)

// AdminGroups names the groups whose members, by any nesting, are
// administrators. Without it that is the group "admins".
func AdminGroups(names ...string) Option {
	return func(d *Directory) { d.admins = names }
}

// New returns the directory called name that is kept in st. Several may be kept
// in one store under different names.
func New(name string, st store.Store, h *passhash.Hasher, now func() time.Time, opts ...Option) *Directory {
	d := &Directory{name: name, st: st, hasher: h, now: now, admins: []string{"admins"}}
	for _, o := range opts {
		o(d)
	}
	// It fails only for a caller who has gone, and this one has not.
	d.dummy, _ = h.Hash(context.Background(), rand.Text())
	return d
}

// Name is the directory's configured name.
func (d *Directory) Name() string { return d.name }

// Can lists what this backend can carry out.
func (d *Directory) Can() []identity.Action {
	return []identity.Action{identity.PasswordReset, identity.MFAReset, identity.Unlock}
}

// Ping reports whether the store would take a change.
func (d *Directory) Ping(ctx context.Context) error {
	if err := d.st.Ping(ctx); err != nil {
		return d.fault("asking the store", directory.ErrUnreachable, err)
	}
	return nil
}

// Find looks an account up by its login.
func (d *Directory) Find(ctx context.Context, login string) (directory.Account, error) {
	object, err := d.object(ctx, login)
	if err != nil {
		return directory.Account{}, err
	}
	r, _, err := d.load(ctx, object)
	if err != nil {
		return directory.Account{}, err
	}
	return d.account(ctx, object, r)
}

// Lookup reads an account by its id.
func (d *Directory) Lookup(ctx context.Context, id identity.AccountID) (directory.Account, error) {
	object, err := d.own(id)
	if err != nil {
		return directory.Account{}, err
	}
	r, _, err := d.load(ctx, object)
	if err != nil {
		return directory.Account{}, err
	}
	return d.account(ctx, object, r)
}

// List returns every account, by login.
func (d *Directory) List(ctx context.Context) ([]directory.Account, error) {
	items, err := d.st.Items(ctx, shelfLogin, d.name, d.now())
	if err != nil {
		return nil, d.fault("listing accounts", directory.ErrUnreachable, err)
	}
	out := make([]directory.Account, 0, len(items))
	for _, it := range items {
		r, _, err := d.load(ctx, string(it.Value))
		if err != nil {
			return nil, err
		}
		a, err := d.account(ctx, string(it.Value), r)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// own is the object of one of this directory's ids.
func (d *Directory) own(id identity.AccountID) (string, error) {
	if id.Directory() != d.name || id.Check() != nil {
		return "", directory.ErrNotFound
	}
	return id.Object(), nil
}

func (d *Directory) account(ctx context.Context, object string, r record) (directory.Account, error) {
	id := identity.NewAccountID(d.name, object)
	a := directory.Account{
		ID: id, Person: r.person(id), Login: r.Login, Name: r.Name, Unit: r.Unit, Location: r.Location,
		Status: directory.Active, Locked: r.locked(), Service: r.Service,
		PasswordChanged: r.Changed, MustChange: r.MustChange, Created: r.Created, Starts: r.Starts,
	}
	if r.Disabled {
		a.Status = directory.Disabled
	}
	for _, c := range r.Contacts {
		a.Contacts = append(a.Contacts, directory.Contact{Kind: c.Kind, Address: c.Address, Own: c.Own, FirstSeen: c.Since})
	}
	var err error
	if a.Groups, err = d.groups(ctx, r.Groups); err != nil {
		return directory.Account{}, err
	}
	a.Admin = slices.ContainsFunc(a.Groups, func(g string) bool {
		return slices.ContainsFunc(d.admins, func(admin string) bool { return strings.EqualFold(admin, g) })
	})
	if r.Manager == "" {
		return a, nil
	}
	m, _, err := d.load(ctx, r.Manager)
	if errors.Is(err, directory.ErrNotFound) {
		return a, nil // nobody can approve as a manager who is no more
	}
	if err != nil {
		return directory.Account{}, err
	}
	mid := identity.NewAccountID(d.name, r.Manager)
	a.Manager = directory.Manager{ID: mid, Person: m.person(mid), Name: m.Name}
	return a, nil
}

// fault joins who, doing what, the kind callers decide on and the cause.
func (d *Directory) fault(doing string, kind, cause error) error {
	return fmt.Errorf("local %s: %s: %w: %w", d.name, doing, kind, cause)
}
