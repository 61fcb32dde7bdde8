package ldapconn

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/identity"
)

// maxContacts bounds how many destinations one entry can have.
const maxContacts = 20

// Contact says which attribute holds destinations, and what they are.
type Contact struct {
	Attr string
	Kind directory.ContactKind
	// Own: the account itself opens these destinations (its mailbox).
	Own bool
}

// Contacts reads an entry's destinations, in the order of attrs and then the
// server's. Values that could not be one line of text are left out: nobody can
// be reached by them.
func Contacts(e *ldap.Entry, attrs []Contact) []directory.Contact {
	var out []directory.Contact
	for _, a := range attrs {
		for _, v := range e.GetEqualFoldAttributeValues(a.Attr) {
			v = strings.TrimSpace(v)
			if v == "" || identity.CheckLine(v, maxText) != nil || len(out) == maxContacts {
				continue
			}
			out = append(out, directory.Contact{Kind: a.Kind, Address: v, Own: a.Own})
		}
	}
	return out
}

const maxText = 1024

// Text reads the first value of an attribute, valid UTF-8 and at most 1 KiB;
// "" when there is none.
func Text(e *ldap.Entry, attr string) string {
	if attr == "" {
		return ""
	}
	s := strings.ToValidUTF8(e.GetEqualFoldAttributeValue(attr), string(utf8.RuneError))
	for len(s) > maxText {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// ErrPerson: the attribute that names the person does not name one person.
var ErrPerson = errors.New("the person attribute does not hold exactly one usable value")

// Person derives who owns an account from an attribute such as an employee
// number; without the attribute the account stands for itself. An entry with
// several values is an error, not a guess: whoever it is compared with would
// depend on the server's mood.
func Person(e *ldap.Entry, attr string, id identity.AccountID) (identity.PersonID, error) {
	if attr == "" {
		return identity.PersonID(id), nil
	}
	values := e.GetEqualFoldAttributeValues(attr)
	if len(values) == 0 {
		return identity.PersonID(id), nil
	}
	v := strings.TrimSpace(values[0])
	if len(values) > 1 || v == "" || identity.CheckLine(v, 128) != nil {
		return "", ErrPerson
	}
	return identity.PersonID("employee:" + v), nil
}

// Marker is an "attribute=value" that marks entries of a kind. The zero Marker
// marks none.
type Marker struct{ Attr, Value string }

// ParseMarker reads "attribute=value"; "" is the zero Marker.
func ParseMarker(s string) (Marker, error) {
	if s == "" {
		return Marker{}, nil
	}
	a, v, ok := strings.Cut(s, "=")
	if !ok || a == "" || v == "" {
		return Marker{}, errors.New("a marker is written attribute=value")
	}
	return Marker{a, v}, nil
}

// Marks reports whether the entry has the value, without regard to case.
func (m Marker) Marks(e *ldap.Entry) bool {
	if m.Attr == "" {
		return false
	}
	for _, v := range e.GetEqualFoldAttributeValues(m.Attr) {
		if strings.EqualFold(v, m.Value) {
			return true
		}
	}
	return false
}

// Time reads a generalizedTime (RFC 4517 §3.3.13) in UTC; zero when it is
// absent or of another form.
func Time(s string) time.Time {
	for _, form := range []string{"20060102150405Z", "20060102150405.999999Z", "200601021504Z"} {
		if t, err := time.Parse(form, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// ErrStart: the attribute that holds the first day does not hold exactly one
// that can be read.
var ErrStart = errors.New("the start attribute does not hold exactly one day or time")

// startForms are generalizedTime, whole seconds and fractions or minutes, at
// any distance from UTC, and a day alone.
var startForms = []string{"20060102150405Z0700", "200601021504Z0700", "2006010215Z0700", time.DateOnly}

// Start reads the owner's first day from an attribute, in UTC; a day alone
// begins at midnight UTC. number reads other forms that the directory has, nil
// for none. It gives zero when the entry has no value or attr is "", and
// ErrStart for any value that is not understood: a slip in the directory must
// not let somebody in early.
func Start(e *ldap.Entry, attr string, number func(string) (time.Time, bool)) (time.Time, error) {
	if attr == "" {
		return time.Time{}, nil
	}
	values := e.GetEqualFoldAttributeValues(attr)
	if len(values) == 0 {
		return time.Time{}, nil
	}
	if len(values) > 1 {
		return time.Time{}, ErrStart
	}
	if number != nil {
		if at, ok := number(values[0]); ok {
			return at.UTC(), nil
		}
	}
	for _, form := range startForms {
		if at, err := time.Parse(form, values[0]); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, ErrStart
}

// SameDN reports whether two names are the same entry, without regard to case
// and spacing. Names that do not parse are equal to nothing.
func SameDN(a, b string) bool {
	ka, kb := DNKey(a), DNKey(b)
	return ka != "" && ka == kb
}

// DNKey is the form in which names are compared; "" for what is not a name.
func DNKey(s string) string {
	dn, err := ldap.ParseDN(s)
	if err != nil || len(dn.RDNs) == 0 {
		return ""
	}
	return strings.ToLower(dn.String())
}

// Eq is a filter for exactly this value, every special byte escaped.
func Eq(attr, value string) string { return "(" + attr + "=" + ldap.EscapeFilter(value) + ")" }

// AnyOf is a filter for any of the filters.
func AnyOf(filters []string) string { return "(|" + strings.Join(filters, "") + ")" }
