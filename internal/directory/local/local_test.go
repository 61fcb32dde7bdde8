package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/directorytest"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
	"countersign/internal/passhash"
	"countersign/internal/store"
	"countersign/internal/store/sqlite"
	"countersign/internal/store/storetest"
)

const (
	password = "the first password of all"
	fresh    = "another password entirely"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func newDirectory(st store.Store, opts ...local.Option) *local.Directory {
	return local.New("staff", st, passhash.New(4), clock, opts...)
}

func add(t *testing.T, d *local.Directory, a local.NewAccount) identity.AccountID {
	t.Helper()
	if a.Name == "" {
		a.Name = "User " + a.Login
	}
	id, err := d.Add(t.Context(), a)
	if err != nil {
		t.Fatalf("adding %q: %v", a.Login, err)
	}
	return id
}

func one(t *testing.T, st store.Store) (*local.Directory, identity.AccountID) {
	t.Helper()
	d := newDirectory(st)
	return d, add(t, d, local.NewAccount{Login: "ada", Password: password})
}

func TestTheLocalDirectoryKeepsThePromises(t *testing.T) {
	stores := map[string]func(*testing.T) store.Store{
		"in memory": func(*testing.T) store.Store { return newMemory() },
		"in SQLite": func(t *testing.T) store.Store {
			const origin = "ledger.example.test/local"
			signer, verifier := storetest.Keys(t, origin)
			st, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "x.db"), Origin: origin, Signer: signer, Verifier: verifier})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			d := newDirectory(open(t), local.AdminGroups("Operators"))
			boss := add(t, d, local.NewAccount{Login: "boss", Person: "employee:E1"})
			add(t, d, local.NewAccount{
				Login: "plain", Password: password, Unit: "Workshop", Location: "Plant 3", Person: "employee:E2", Manager: boss, Groups: []string{"letters"},
				Contacts: []directory.Contact{{Kind: directory.ContactEmail, Address: "plain@example.test"}, {Kind: directory.ContactPhone, Address: "+46700000001"}},
			})
			starts := noon.AddDate(0, 1, 0).In(time.FixedZone("", 3600))
			add(t, d, local.NewAccount{Login: "second", Person: "employee:E2", Starts: starts})
			add(t, d, local.NewAccount{Login: "nested", Groups: []string{"inner"}})
			add(t, d, local.NewAccount{Login: "disabled", Password: password, Disabled: true})
			add(t, d, local.NewAccount{Login: "robot", Service: true})
			for g, in := range map[string][]string{"inner": {"outer", "inner"}, "outer": {"operators", "inner"}} {
				if err := d.SetGroup(t.Context(), g, in...); err != nil {
					t.Fatal(err)
				}
			}
			must := func(login string) bool {
				return errors.Is(d.SignIn(context.Background(), login, fresh), local.ErrMustChange)
			}
			directorytest.Run(t, directorytest.Fixture{
				Directory: d, Starter: "second", Starts: starts, Plain: "plain", Password: password, Group: "letters", Manager: "boss", Second: "second",
				Nested: "nested", Groups: []string{"inner", "outer", "operators"}, Disabled: "disabled", Robot: "robot", Good: fresh, Weak: "short",
				Lock: func(t *testing.T, login string) {
					for range local.MaxFailures {
						_ = d.SignIn(t.Context(), login, "not the password")
					}
				},
				SignIn: func(login, password string) error {
					if err := d.SignIn(context.Background(), login, password); !errors.Is(err, local.ErrMustChange) {
						return err
					}
					return nil
				},
				SetPassword: func(t *testing.T, login, password string) {
					a, err := d.Find(context.Background(), login)
					if err == nil {
						_, err = d.ResetPassword(context.Background(), a.ID, password, false)
					}
					if err != nil {
						t.Fatal(err)
					}
				},
				MustChange: func(t *testing.T, login string) bool { return must(login) },
				AddFactor: func(t *testing.T, login, name string) {
					if err := d.AddFactor(t.Context(), idOf(t, d, login), name); err != nil {
						t.Fatal(err)
					}
				},
				SignInFactor: func(login, password, name string) error {
					return d.SignInWithFactor(context.Background(), login, password, name)
				},
				OpenSession: func(t *testing.T, login string) string { return signedIn(t, d, idOf(t, d, login)) },
				Session:     func(t *testing.T, login, session string) bool { return alive(t, d, idOf(t, d, login), session) },
			})
		})
	}
}

func TestAPasswordThatMustBeChangedDoesNotSignIn(t *testing.T) {
	d, id := one(t, newMemory())
	if _, err := d.ResetPassword(t.Context(), id, fresh, true); err != nil {
		t.Fatal(err)
	}
	if err := d.SignIn(t.Context(), "ada", fresh); !errors.Is(err, local.ErrMustChange) {
		t.Errorf("SignIn with a password that must be changed = %v", err)
	}
	if err := d.SignIn(t.Context(), "ada", password); !errors.Is(err, directory.ErrBadCredential) {
		t.Errorf("SignIn with the replaced password = %v", err)
	}
}

func TestFiveWrongPasswordsLockAndARightOneForgetsThem(t *testing.T) {
	d, id := one(t, newMemory())
	wrong := func(n int) {
		for range n {
			if err := d.SignIn(t.Context(), "ada", "wrong"); !errors.Is(err, directory.ErrBadCredential) {
				t.Fatalf("a wrong password: %v", err)
			}
		}
	}
	for range 2 {
		wrong(local.MaxFailures - 1)
		if err := d.SignIn(t.Context(), "Ada", password); err != nil {
			t.Fatalf("the right password after %d wrong ones: %v", local.MaxFailures-1, err)
		}
	}
	wrong(local.MaxFailures)
	if err := d.SignIn(t.Context(), "ada", password); !errors.Is(err, directory.ErrBadCredential) {
		t.Errorf("the right password of a locked account: %v; want ErrBadCredential", err)
	}
	if a, err := d.Lookup(t.Context(), id); err != nil || !a.Locked {
		t.Errorf("after %d wrong passwords: %+v, %v", local.MaxFailures, a, err)
	}
	if err := d.VerifyPassword(t.Context(), id, password); err == nil || errors.Is(err, directory.ErrBadCredential) {
		t.Errorf("verifying the right password of a locked account = %v; want neither yes nor no", err)
	}
}

func TestGuessesMadeAtOnceDoNotOutrunTheCount(t *testing.T) {
	m := newMemory()
	d, _ := one(t, m)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _ = d.SignIn(context.Background(), "ada", "wrong") })
	}
	all.Wait()
	if err := d.SignIn(t.Context(), "ada", password); !errors.Is(err, directory.ErrBadCredential) {
		t.Errorf("after twenty guesses at once the right password gives %v; want ErrBadCredential", err)
	}
	if m.writes != 1+local.MaxFailures+15+1 {
		t.Errorf("%d writes; want the account's, five guesses counted, and a decoy for each of the others", m.writes)
	}
}

func TestARefusedSignInSaysAndCostsTheSameWhateverTheReason(t *testing.T) {
	m := newMemory()
	d, _ := one(t, m)
	add(t, d, local.NewAccount{Login: "closed", Password: password, Disabled: true})
	add(t, d, local.NewAccount{Login: "empty"})
	add(t, d, local.NewAccount{Login: "locked", Password: password})
	for range local.MaxFailures {
		_ = d.SignIn(t.Context(), "locked", "wrong")
	}
	for what, c := range map[string][2]string{
		"a wrong password": {"ada", "wrong"}, "an empty password": {"ada", ""}, "an unknown login": {"nobody", password}, "no login": {"", password}, "an impossible login": {"a\x00", password},
		"a closed account": {"closed", password}, "an account without password": {"empty", ""}, "a locked account": {"locked", password},
	} {
		before := m.writes
		err := d.SignIn(t.Context(), c[0], c[1])
		if err != directory.ErrBadCredential || m.writes != before+1 {
			t.Errorf("%s: %v after %d writes; want exactly ErrBadCredential after one", what, err, m.writes-before)
		}
		// The hash comes after the write: a caller who leaves at the write is
		// missed there.
		ctx, cancel := context.WithCancel(t.Context())
		m.before = func(*memory) { cancel() }
		if err := d.SignIn(ctx, c[0], c[1]); !errors.Is(err, directory.ErrUnreachable) {
			t.Errorf("%s: a caller who leaves before hashing gets %v, so no hash was made", what, err)
		}
		m.before = nil
	}
}

func TestAResetDuringASignInWins(t *testing.T) {
	m := newMemory()
	d, id := one(t, m)
	writes := 0
	m.before = func(m *memory) {
		if writes++; writes == 2 { // the write after the password was found right
			m.before = nil
			m.mu.Unlock()
			defer m.mu.Lock()
			if _, err := d.ResetPassword(t.Context(), id, fresh, true); err != nil {
				t.Error(err)
			}
		}
	}
	if err := d.SignIn(t.Context(), "ada", password); !errors.Is(err, directory.ErrBadCredential) {
		t.Errorf("a sign-in with a password replaced meanwhile = %v; want ErrBadCredential", err)
	}
}

func TestAnOwnerChangesAPasswordByKnowingIt(t *testing.T) {
	d, id := one(t, newMemory())
	if _, err := d.ResetPassword(t.Context(), id, fresh, true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		old, fresh string
		want       error
	}{
		{password, "a third password, then", directory.ErrBadCredential}, {fresh, "short", directory.ErrRefused}, {fresh, fresh, directory.ErrRefused}, {fresh, "a third password, then", nil},
	} {
		if err := d.ChangePassword(t.Context(), "ada", c.old, c.fresh); !errors.Is(err, c.want) {
			t.Errorf("changing %q to %q = %v; want %v", c.old, c.fresh, err, c.want)
		}
	}
	if err := d.SignIn(t.Context(), "ada", "a third password, then"); err != nil {
		t.Errorf("the chosen password: %v", err)
	}
}

func TestAPasswordIsLongAndNotTheLogin(t *testing.T) {
	d := newDirectory(newMemory())
	for _, weak := range []string{"fourteen chars", strings.Repeat("x", 1025), "\xff" + password, "a.very.long.login!"} {
		if _, err := d.Add(t.Context(), local.NewAccount{Login: "a.very.long.login", Name: "x", Password: weak}); !errors.Is(err, directory.ErrRefused) || strings.Contains(err.Error(), weak) {
			t.Errorf("%.20q: %v; want ErrRefused without the password", weak, err)
		}
	}
	add(t, d, local.NewAccount{Login: "long", Password: strings.Repeat("pässwörd", 8)})
}

func TestNothingButTheHashIsStored(t *testing.T) {
	m := newMemory()
	d, id := one(t, m)
	if _, err := d.ResetPassword(t.Context(), id, fresh, true); err != nil {
		t.Fatal(err)
	}
	for k, it := range m.items {
		if strings.Contains(string(it.Value), password) || strings.Contains(string(it.Value), fresh) {
			t.Errorf("a password stands on shelf %q", k[0])
		}
	}
}

func TestOneLoginIsOneAccount(t *testing.T) {
	d, _ := one(t, newMemory())
	for _, login := range []string{"ada", "ADA"} {
		if _, err := d.Add(t.Context(), local.NewAccount{Login: login, Name: "x"}); !errors.Is(err, local.ErrExists) {
			t.Errorf("adding %q again = %v; want ErrExists", login, err)
		}
	}
	var won, lost int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := d.Add(context.Background(), local.NewAccount{Login: "bob", Name: "Bob"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if errors.Is(err, local.ErrExists) {
				lost++
			}
		})
	}
	all.Wait()
	if list, err := d.List(t.Context()); won != 1 || lost != 7 || err != nil || len(list) != 2 {
		t.Errorf("%d added, %d refused, %d listed, %v; want 1, 7, 2", won, lost, len(list), err)
	}
}

func TestAccountsThatCannotBeAreRefused(t *testing.T) {
	d := newDirectory(newMemory())
	for name, a := range map[string]local.NewAccount{
		"no login": {Name: "x"}, "no name": {Login: "x"}, "a name of two lines": {Login: "x", Name: "a\nb"}, "a hidden character": {Login: "x\u200b", Name: "x"},
		"a contact of no kind":         {Login: "x", Name: "x", Contacts: []directory.Contact{{Address: "x"}}},
		"a contact of two lines":       {Login: "x", Name: "x", Contacts: []directory.Contact{{Kind: directory.ContactEmail, Address: "a\nb"}}},
		"a manager of another place":   {Login: "x", Name: "x", Manager: "corp/1"},
		"a manager who does not exist": {Login: "x", Name: "x", Manager: "staff/1"},
	} {
		if id, err := d.Add(t.Context(), a); id != "" || (!errors.Is(err, directory.ErrRefused) && !errors.Is(err, directory.ErrNotFound)) {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	if list, err := d.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("refused accounts are listed: %v, %v", list, err)
	}
}

func TestContactsKeepTheirAge(t *testing.T) {
	d := newDirectory(newMemory())
	old := noon.AddDate(-1, 0, 0)
	id := add(t, d, local.NewAccount{Login: "ada", Contacts: []directory.Contact{
		{Kind: directory.ContactEmail, Address: "a@example.test", FirstSeen: old}, {Kind: directory.ContactEmail, Address: "b@example.test"},
		{Kind: directory.ContactPhone, Address: "+1", FirstSeen: noon.AddDate(1, 0, 0)},
	}})
	ages := func() (out []time.Time) {
		a, err := d.Lookup(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range a.Contacts {
			out = append(out, c.FirstSeen)
		}
		return out
	}
	if got := ages(); !slices.EqualFunc(got, []time.Time{old, noon, noon}, time.Time.Equal) {
		t.Errorf("ages %v", got)
	}
	err := d.SetContacts(t.Context(), id, []directory.Contact{
		{Kind: directory.ContactEmail, Address: "new@example.test", FirstSeen: old}, {Kind: directory.ContactEmail, Address: "a@example.test", FirstSeen: noon},
	})
	if got := ages(); err != nil || !slices.EqualFunc(got, []time.Time{noon, old}, time.Time.Equal) {
		t.Errorf("after a change ages are %v, %v; want a new one dated now and the old one kept", got, err)
	}
}

func TestTwoDirectoriesInOneStoreDoNotMeet(t *testing.T) {
	m := newMemory()
	d, id := one(t, m)
	other := local.New("other", m, passhash.New(1), clock)
	add(t, other, local.NewAccount{Login: "ada", Groups: []string{"g"}})
	if err := d.SetGroup(t.Context(), "g", "admins"); err != nil {
		t.Fatal(err)
	}
	a, err := other.Find(t.Context(), "ada")
	if err != nil || a.ID == id || a.Admin {
		t.Errorf("the other directory has %+v, %v", a, err)
	}
	if _, err := other.Lookup(t.Context(), identity.NewAccountID("other", id.Object())); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("one directory's object under another's name = %v; want ErrNotFound", err)
	}
}

func TestChangesOfOthersAreNotOverwritten(t *testing.T) {
	m := newMemory()
	d, id := one(t, m)
	n := 0
	m.before = func(m *memory) {
		if n++; n <= 3 {
			m.touch("local_account")
		}
	}
	if err := d.SetDisabled(t.Context(), id, true); err != nil || n != 4 {
		t.Errorf("a change that meets three others = %v after %d tries; want success at the fourth", err, n)
	}
	m.before = func(m *memory) { m.touch("local_account") }
	if err := d.SetDisabled(t.Context(), id, false); !errors.Is(err, directory.ErrUnreachable) || errors.Is(err, directory.ErrUncertain) {
		t.Errorf("a change that meets others for ever = %v; want ErrUnreachable", err)
	}
	m.before = nil
	if a, err := d.Lookup(t.Context(), id); err != nil || a.Status != directory.Disabled {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAStoreThatFailsToWriteLeavesTheOutcomeOpen(t *testing.T) {
	m := newMemory()
	d, id := one(t, m)
	m.failing = store.ErrClosed
	_, resetErr := d.ResetPassword(t.Context(), id, fresh, true)
	_, unlockErr := d.Unlock(t.Context(), id)
	for what, err := range map[string]error{"reset": resetErr, "unlock": unlockErr} {
		if !errors.Is(err, directory.ErrUncertain) || !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s = %v; want ErrUncertain", what, err)
		}
	}
	known, unknown := d.SignIn(t.Context(), "ada", password), d.SignIn(t.Context(), "nobody", password)
	if known == nil || unknown == nil || known.Error() != unknown.Error() {
		t.Errorf("a failing store tells a login from none: %v, %v", known, unknown)
	}
}

func TestStoredAccountsLoadForEver(t *testing.T) {
	value, err := os.ReadFile("testdata/account-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	const object = "019a0000-0000-7000-8000-000000000001"
	m.items[[2]string{"local_account", object}] = store.Item{Shelf: "local_account", Key: object, Value: value, Version: 1}
	a, err := newDirectory(m).Lookup(t.Context(), "staff/"+object)
	if err != nil || a.Login != "m.ito" || a.Person != "employee:E7" || !a.Locked || !a.Service || a.Status != directory.Disabled || len(a.Contacts) != 1 || !a.Contacts[0].Own || a.Manager.ID != "" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, bad := range []string{"", "{}", "null", `{"v":2,"directory":"staff"}`, strings.Replace(string(value), `"v":1`, `"v":9`, 1)} {
		m.items[[2]string{"local_account", object}] = store.Item{Shelf: "local_account", Key: object, Value: []byte(bad), Version: 1}
		if _, err := newDirectory(m).Lookup(t.Context(), "staff/"+object); !errors.Is(err, directory.ErrUnreachable) {
			t.Errorf("a damaged account %.20q = %v; want ErrUnreachable", bad, err)
		}
	}
}
