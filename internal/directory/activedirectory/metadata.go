package activedirectory

import (
	"encoding/xml"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
)

// dated gives each contact the time its attribute last changed, where the
// controller lets the service account read the replication metadata.
func dated(contacts []directory.Contact, attrs []ldapconn.Contact, e *ldap.Entry, now time.Time) []directory.Contact {
	changed := map[string]time.Time{}
	for _, v := range e.GetEqualFoldAttributeValues("msDS-ReplAttributeMetaData") {
		if attr, at, ok := originated(v); ok && !at.After(now) {
			changed[attr] = at
		}
	}
	for i, c := range contacts {
		for _, a := range attrs {
			for _, v := range e.GetEqualFoldAttributeValues(a.Attr) {
				if a.Kind == c.Kind && strings.TrimSpace(v) == c.Address {
					contacts[i].FirstSeen = later(contacts[i].FirstSeen, changed[strings.ToLower(a.Attr)])
				}
			}
		}
	}
	return contacts
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// originated reads one value of msDS-ReplAttributeMetaData
// (DS_REPL_ATTR_META_DATA, MS-ADTS §3.1.1.4.5.25): which attribute, in lower
// case, and when its value was last written anywhere in the domain.
func originated(value string) (attr string, at time.Time, ok bool) {
	var m struct {
		XMLName xml.Name `xml:"DS_REPL_ATTR_META_DATA"`
		Name    string   `xml:"pszAttributeName"`
		Changed string   `xml:"ftimeLastOriginatingChange"`
	}
	if xml.Unmarshal([]byte(strings.TrimRight(value, "\x00\n")), &m) != nil || m.Name == "" {
		return "", time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, m.Changed)
	if err != nil || at.Year() <= 1601 {
		return "", time.Time{}, false
	}
	return strings.ToLower(m.Name), at.UTC(), true
}
