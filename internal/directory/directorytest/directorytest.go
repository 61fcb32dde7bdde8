// Package directorytest judges a directory backend: what every caller of the
// port may rely on, tried against a real directory.
//
//	directorytest.Run(t, directorytest.Fixture{Directory: d, …})
//
// Besides, certs makes certificates, scripted is an LDAP server that lies on
// demand, and servers runs Samba and OpenLDAP.
package directorytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
)

// Fixture is a directory with known accounts in it, and ways to do to them
// what a port cannot. The accounts are changed and put back as the suite goes.
type Fixture struct {
	Directory directory.Directory

	// Plain is an ordinary login with a manager, at least one mail address and
	// one telephone number, in a group; Password is its password.
	Plain, Password string
	Group           string // a group of Plain
	Manager         string // the login of Plain's manager
	// Second is another account of the person who owns Plain; "" when the
	// directory cannot tell.
	Second   string
	Nested   string   // an administrator only through groups within groups
	Groups   []string // the groups of Nested, the outermost included
	Disabled string
	Robot    string // a service account
	Starter  string // an account whose owner begins on Starts; of Plain's owner no first day is known
	Starts   time.Time

	Good string // a password that satisfies the directory's rules
	Weak string // one that does not

	// Lock locks an account out as wrong passwords do.
	Lock func(t *testing.T, login string)
	// SignIn signs in as the account's owner: nil when the password works, also
	// when it works but must be changed.
	SignIn func(login, password string) error
	// SetPassword puts a password in place behind Countersign's back.
	SetPassword func(t *testing.T, login, password string)
	// MustChange reports whether the owner has to choose a new password.
	MustChange func(t *testing.T, login string) bool
	// AddFactor registers a second factor as the account's owner does, and
	// SignInFactor signs in with the password and that factor; both nil where
	// the directory resets no factors.
	AddFactor    func(t *testing.T, login, name string)
	SignInFactor func(login, password, name string) error
	// OpenSession signs the account in somewhere and returns a name for it;
	// Session reports whether it is still signed in there. Both nil where the
	// directory ends no sessions.
	OpenSession func(t *testing.T, login string) string
	Session     func(t *testing.T, login, session string) bool
	// Unreachable is the same kind of directory where nothing answers.
	Unreachable directory.Directory
}

// Run judges the directory of the fixture.
func Run(t *testing.T, f Fixture) {
	t.Run("its name begins its ids", f.names)
	t.Run("an exact name finds its account", f.finds)
	t.Run("nothing but an exact name finds anything", f.exactOnly)
	t.Run("ids that are not its own find nothing", f.foreignIDs)
	t.Run("an account carries its manager and contacts", f.facts)
	t.Run("two accounts of one person share the person", f.persons)
	t.Run("an administrator by nesting is seen", f.admin)
	t.Run("status and kind are told", f.standing)
	t.Run("the owner's first day is told where it is known", f.firstDay)
	t.Run("it answers a ping", func(t *testing.T) {
		if err := f.Directory.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a reset replaces the password", f.reset)
	t.Run("a reset without the mark leaves none", f.resetWithoutMark)
	t.Run("a reset clears a lock-out", f.resetUnlocks)
	t.Run("an unlock changes only the lock", f.unlock)
	t.Run("a weak password is refused and changes nothing", f.weak)
	t.Run("a change to nobody is refused", f.nobody)
	t.Run("a factor reset takes every second factor away, and nothing else", f.resetFactors)
	t.Run("a factor reset of nothing is done", f.resetNoFactors)
	t.Run("a factor is registered anew after a reset", f.factorAfterReset)
	t.Run("ending sessions ends them all, and nothing else", f.revokeSessions)
	t.Run("a wrong credential is told from a right one", f.verify)
	t.Run("a caller who has gone changes nothing", f.cancelled)
	t.Run("a silent directory is unreachable", f.unreachable)
}

func (f Fixture) find(t *testing.T, login string) directory.Account {
	t.Helper()
	a, err := f.Directory.Find(t.Context(), login)
	if err != nil {
		t.Fatalf("Find(%q): %v", login, err)
	}
	return a
}

// pristine gives an account its password back, unlocked, when the test ends.
func (f Fixture) pristine(t *testing.T, login string) {
	t.Cleanup(func() {
		f.SetPassword(t, login, f.Password)
		if u, ok := f.Directory.(directory.Unlocker); ok {
			if a, err := f.Directory.Find(context.Background(), login); err == nil && a.Locked {
				_, _ = u.Unlock(context.Background(), a.ID)
			}
		}
	})
}

func (f Fixture) names(t *testing.T) {
	a := f.find(t, f.Plain)
	if err := a.ID.Check(); err != nil || a.ID.Directory() != f.Directory.Name() {
		t.Errorf("id %q of directory %q: %v", a.ID, f.Directory.Name(), err)
	}
}

func (f Fixture) finds(t *testing.T) {
	a := f.find(t, f.Plain)
	if !directory.SameLogin(a.Login, f.Plain) {
		t.Errorf("Find(%q) found %q", f.Plain, a.Login)
	}
	if b := f.find(t, strings.ToUpper(f.Plain)); b.ID != a.ID {
		t.Errorf("letter case leads to another account: %q and %q", a.ID, b.ID)
	}
	b, err := f.Directory.Lookup(t.Context(), a.ID)
	if err != nil || b.ID != a.ID || b.Login != a.Login || b.Person != a.Person {
		t.Errorf("Lookup of what Find found = %+v, %v", b, err)
	}
	if c := f.find(t, f.Manager); c.ID == a.ID || c.Person == a.Person {
		t.Errorf("two people are one: %+v", c)
	}
}

func (f Fixture) exactOnly(t *testing.T) {
	p := f.Plain
	for _, login := range []string{
		"", "*", p + "*", "*" + p, p[:1] + "*", p[:len(p)-1], p + "x", " " + p, p + " ", p[:1] + "  " + p[1:],
		p + ")(objectClass=*", "*)(objectClass=*", ")(|(uid=*", `\2a`, p + `\`, p + "\x00", "\x00", p + "\n", `\` + p,
		"(" + p + ")", p + "#", "cn=" + p, "&", "|", "!", p + "\u200b", "\u202e" + p, strings.Replace(p, "a", "а", 1), strings.Replace(p, "a", "á", 1),
		strings.Replace(p, "a", "ａ", 1), "\xff\xfe", "👩‍🚒", strings.Repeat("a", 100_000), "<GUID=x>", p + ";x", "' or 1=1 --",
	} {
		if a, err := f.Directory.Find(t.Context(), login); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("Find(%.60q) = %q, %v; want ErrNotFound", login, a.ID, err)
		}
	}
}

func (f Fixture) foreignIDs(t *testing.T) {
	id := f.find(t, f.Plain).ID
	object := id.Object()
	for _, bad := range []identity.AccountID{
		"", "/", identity.AccountID(object), identity.NewAccountID("other", object), identity.NewAccountID(id.Directory(), ""),
		identity.NewAccountID(id.Directory(), "*"), identity.NewAccountID(id.Directory(), object+"*"), identity.NewAccountID(id.Directory(), f.Plain),
		identity.NewAccountID(id.Directory(), strings.ToUpper(object)+"\x00"), identity.NewAccountID(id.Directory(), "00000000-0000-0000-0000-000000000000"),
		identity.NewAccountID(id.Directory(), object[:len(object)-1]), identity.NewAccountID(id.Directory(), object+")(objectClass=*"),
		identity.NewAccountID(id.Directory(), strings.ReplaceAll(object, "-", "")),
	} {
		if a, err := f.Directory.Lookup(t.Context(), bad); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("Lookup(%q) = %q, %v; want ErrNotFound", bad, a.ID, err)
		}
	}
}

func (f Fixture) facts(t *testing.T) {
	a, m := f.find(t, f.Plain), f.find(t, f.Manager)
	if a.Manager.ID != m.ID || a.Manager.Person != m.Person || a.Manager.Name != m.Name || a.Manager.Name == "" {
		t.Errorf("manager of record %+v; want %q, %q, %q", a.Manager, m.ID, m.Person, m.Name)
	}
	if m.Manager != (directory.Manager{}) {
		t.Errorf("an account without a manager has %+v", m.Manager)
	}
	kinds := map[directory.ContactKind]bool{}
	for _, c := range a.Contacts {
		kinds[c.Kind] = c.Address != ""
	}
	if !kinds[directory.ContactEmail] || !kinds[directory.ContactPhone] {
		t.Errorf("contacts %+v; want a mail address and a telephone number", a.Contacts)
	}
	if a.Name == "" || a.Unit == "" || a.Location == "" || a.Created.IsZero() || a.PasswordChanged.IsZero() {
		t.Errorf("facts are missing: %+v", a)
	}
	if a.Admin || a.Service || a.Locked || !slices.Contains(a.Groups, f.Group) || !slices.IsSorted(a.Groups) {
		t.Errorf("an ordinary account in group %q is %+v", f.Group, a)
	}
}

func (f Fixture) persons(t *testing.T) {
	if f.Second == "" {
		t.Skip("the directory cannot tell persons from accounts")
	}
	a, b := f.find(t, f.Plain), f.find(t, f.Second)
	if a.ID == b.ID || a.Person != b.Person {
		t.Errorf("accounts %q and %q of one person are of %q and %q", a.ID, b.ID, a.Person, b.Person)
	}
}

func (f Fixture) admin(t *testing.T) {
	a := f.find(t, f.Nested)
	if !a.Admin {
		t.Errorf("%q is not seen as an administrator, with groups %q", f.Nested, a.Groups)
	}
	for _, g := range f.Groups {
		if !slices.Contains(a.Groups, g) {
			t.Errorf("groups %q are without %q", a.Groups, g)
		}
	}
}

func (f Fixture) standing(t *testing.T) {
	for login, want := range map[string]directory.Status{f.Plain: directory.Active, f.Disabled: directory.Disabled} {
		if a := f.find(t, login); a.Status != want {
			t.Errorf("%q is %q; want %q", login, a.Status, want)
		}
	}
	if f.find(t, f.Disabled).Locked {
		t.Errorf("%q is closed by an administrator, and counts as locked out", f.Disabled)
	}
	if !f.find(t, f.Robot).Service {
		t.Errorf("%q is not seen as a service account", f.Robot)
	}
}

func (f Fixture) firstDay(t *testing.T) {
	if f.Starts.IsZero() {
		t.Fatal("the fixture has nobody with a first day")
	}
	a := f.find(t, f.Starter)
	if s := a.Facts().Starts; !a.Starts.Equal(f.Starts) || s == nil || !s.Equal(f.Starts) || s.Location() != time.UTC {
		t.Errorf("%q begins at %v, and as a fact at %v; want %v", f.Starter, a.Starts, s, f.Starts)
	}
	if b, err := f.Directory.Lookup(t.Context(), a.ID); err != nil || !b.Starts.Equal(f.Starts) {
		t.Errorf("looked up by its id it begins at %v, %v", b.Starts, err)
	}
	if p := f.find(t, f.Plain); !p.Starts.IsZero() || p.Facts().Starts != nil {
		t.Errorf("%q has no first day on record and begins at %v", f.Plain, p.Starts)
	}
}
