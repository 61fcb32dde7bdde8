package ldapconn_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
)

func entry(attrs map[string][]string) *ldap.Entry { return ldap.NewEntry("cn=x", attrs) }

func TestAPersonIsNamedByExactlyOneValueOrByTheAccount(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   string
		ok     bool
	}{
		{nil, "dir/1", true}, {[]string{"E7"}, "employee:E7", true}, {[]string{" E7 "}, "employee:E7", true},
		{[]string{"E7", "E8"}, "", false}, {[]string{""}, "", false}, {[]string{"E\n7"}, "", false}, {[]string{"\xff"}, "", false},
	} {
		got, err := ldapconn.Person(entry(map[string][]string{"employeenumber": c.values}), "employeeNumber", "dir/1")
		if string(got) != c.want || (err == nil) != c.ok {
			t.Errorf("Person of %q = %q, %v; want %q", c.values, got, err, c.want)
		}
	}
	if got, err := ldapconn.Person(entry(map[string][]string{"employeeNumber": {"E7"}}), "", "dir/1"); got != "dir/1" || err != nil {
		t.Errorf("without an attribute the person is %q, %v; want the account", got, err)
	}
}

func TestContactsKeepOrderAndDropWhatCannotBeADestination(t *testing.T) {
	e := entry(map[string][]string{"mail": {"a@example.test", "b@example.test\r\nBcc: c@example.test", "  "}, "mobile": {"+4670"}})
	got := ldapconn.Contacts(e, []ldapconn.Contact{{"mobile", directory.ContactPhone, false}, {"mail", directory.ContactEmail, true}})
	if len(got) != 2 || got[0].Address != "+4670" || got[0].Own || got[1].Address != "a@example.test" || !got[1].Own {
		t.Errorf("Contacts = %+v", got)
	}
	many := entry(map[string][]string{"mail": strings.Split(strings.Repeat("x@example.test,", 500), ",")})
	if n := len(ldapconn.Contacts(many, []ldapconn.Contact{{Attr: "mail"}})); n != 20 {
		t.Errorf("%d contacts of one entry; want at most 20", n)
	}
}

func TestTextIsAlwaysShortAndValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := string(rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "value"))
		s := ldapconn.Text(entry(map[string][]string{"cn": {raw}}), "CN")
		if !utf8.ValidString(s) || len(s) > 1024 {
			t.Fatalf("Text of %d bytes gave %d, valid %v", len(raw), len(s), utf8.ValidString(s))
		}
	})
}

func TestMarkers(t *testing.T) {
	m, err := ldapconn.ParseMarker("employeeType=Service")
	if err != nil || !m.Marks(entry(map[string][]string{"employeetype": {"x", "service"}})) || m.Marks(entry(nil)) {
		t.Errorf("marker %+v, %v", m, err)
	}
	if none, err := ldapconn.ParseMarker(""); err != nil || none.Marks(entry(map[string][]string{"": {""}})) {
		t.Errorf("the zero marker marks: %v", err)
	}
	for _, bad := range []string{"x", "=x", "x="} {
		if _, err := ldapconn.ParseMarker(bad); err == nil {
			t.Errorf("%q is accepted as a marker", bad)
		}
	}
}

func TestTimesOfAnotherFormAreUnknown(t *testing.T) {
	want := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for s, w := range map[string]time.Time{"20260304050607Z": want, "20260304050607.0Z": want, "000001010000Z": time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), "": {}, "20261304050607Z": {}, "yesterday": {}} {
		if got := ldapconn.Time(s); !got.Equal(w) {
			t.Errorf("Time(%q) = %v; want %v", s, got, w)
		}
	}
}

func TestAFirstDayIsReadOrAFault(t *testing.T) {
	for v, want := range map[string]time.Time{
		"2026-03-02":            time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
		"20260302080000Z":       time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		"20260302080000.0Z":     time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		"202603020800Z":         time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		"2026030208Z":           time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		"20260302080000.5+0900": time.Date(2026, 3, 1, 23, 0, 0, 5e8, time.UTC),
	} {
		got, err := ldapconn.Start(entry(map[string][]string{"Start": {v}}), "start", nil)
		if err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("Start(%q) = %v, %v; want %v", v, got, err, want)
		}
	}
	for _, bad := range []string{"", " ", "0", "20260302", "2026-13-02", "2026-02-30", "02.03.2026", "2026-03-02 ", "2026-03-02T08:00:00Z", "20260302080000", "soon",
		"134123904000000000", "99999999999999Z"} {
		if got, err := ldapconn.Start(entry(map[string][]string{"start": {bad}}), "start", nil); !errors.Is(err, ldapconn.ErrStart) {
			t.Errorf("Start(%q) = %v, %v", bad, got, err)
		}
	}
	if _, err := ldapconn.Start(entry(map[string][]string{"start": {"2026-03-02", "2026-03-03"}}), "start", nil); !errors.Is(err, ldapconn.ErrStart) {
		t.Errorf("two first days: %v", err)
	}
	for name, e := range map[string]*ldap.Entry{"start": entry(nil), "": entry(map[string][]string{"": {"x"}})} {
		if got, err := ldapconn.Start(e, name, nil); err != nil || !got.IsZero() {
			t.Errorf("nothing on record in %q: %v, %v", name, got, err)
		}
	}
}

func TestAFilterMatchesItsValueAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.String().Draw(t, "value")
		f := ldapconn.Eq("uid", v)
		p, err := ldap.CompileFilter(f)
		if v == "" {
			return
		}
		if err != nil || p.Tag != ldap.FilterEqualityMatch || p.Children[1].Data.String() != v {
			t.Fatalf("Eq(%q) = %s: %v", v, f, err)
		}
	})
}

func TestNamesThatDoNotParseAreEqualToNothing(t *testing.T) {
	if !ldapconn.SameDN("CN=A, dc=x", "cn=a,DC=x") {
		t.Error("case and spacing tell names apart")
	}
	for _, bad := range []string{"", "x", "cn=a,,"} {
		if ldapconn.SameDN(bad, bad) {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}

// What is read as a first day reads the same when it is written anew.
func FuzzStart(f *testing.F) {
	for _, s := range []string{"2026-03-02", "20260302080000Z", "20260302080000.5+0900", "2026030208Z", "0", "134123904000000000", "\x00", "20260302080000,5Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ldapconn.Start(entry(map[string][]string{"start": {s}}), "start", nil)
		if err != nil {
			if !errors.Is(err, ldapconn.ErrStart) || !at.IsZero() {
				t.Fatalf("%q: %v, %v", s, at, err)
			}
			return
		}
		written := at.Format("20060102150405.999999999Z0700")
		if at.Year() < 0 || at.Year() > 9999 {
			return // the turn of a year that four digits cannot say
		}
		if again, err := ldapconn.Start(entry(map[string][]string{"start": {written}}), "start", nil); err != nil || !again.Equal(at) {
			t.Fatalf("%q is %v, and written as %s it is %v, %v", s, at, written, again, err)
		}
	})
}
