package app

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/activedirectory"
	"countersign/internal/directory/ldap"
	"countersign/internal/directory/ldapconn"
	"countersign/internal/directory/local"
	"countersign/internal/passhash"
	"countersign/internal/store"
)

// kind is one way to reach a directory.
type kind struct {
	name  string
	takes string // the keys besides name and kind; those in capitals are required
	build func(Directory, parts) (directory.Directory, error)
}

// parts is what a directory may be built of.
type parts struct {
	store  store.Store
	hasher *passhash.Hasher
	now    func() time.Time
}

// kinds is the table of directories. A new one is a line here.
//
// An LDAP server has no administrators by its own rules: without admin_groups
// everybody would pass for an ordinary account, so they have to be named.
var kinds = []kind{
	{"activedirectory", "URL ca_file BIND_DN password_file hands BASE_DN attributes contacts service_marker admin_groups old_password_period timeout", buildActiveDirectory},
	{"ldap", "URL ca_file BIND_DN password_file hands BASE_DN group_base_dn user_filter attributes contacts service_marker disabled_marker ADMIN_GROUPS timeout", buildLDAP},
	{"local", "admin_groups timeout", buildLocal},
}

func kindOf(name string) (kind, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

// complete reads a directory's secrets and checks that its kind can be built.
func (d *Directory) complete(r *reader, at string, environ []string) {
	k, ok := kindOf(d.Kind)
	if !ok {
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = k.name
		}
		choice(r, at+".kind", d.Kind, names...)
		return
	}
	if strings.ContainsAny(d.Name, "/ ") || d.Name == "" {
		r.fail(at+".name", "a directory needs a name of one word, such as corp")
		return
	}
	before := len(r.problems)
	d.takes(r, at, k)
	name := "COUNTERSIGN_DIRECTORY_" + strings.ToUpper(strings.Map(word, d.Name))
	d.password = r.secret(at+".password_file", d.PasswordFile, name+"_PASSWORD", environ)
	d.Hands.password = r.secret(at+".hands.password_file", d.Hands.PasswordFile, name+"_HANDS_PASSWORD", environ)
	if d.Kind != "local" && d.password == "" && len(r.problems) == before {
		r.fail(at, "the service account has no password: set password_file, or %s_PASSWORD in the environment", name)
	}
	for i, c := range d.Contacts {
		choice(r, fmt.Sprintf("%s.contacts[%d].kind", at, i), c.Kind, "email", "phone")
	}
	if len(r.problems) > before || d.Kind == "local" {
		return
	}
	for _, d := range []Directory{*d, d.acting()} {
		if _, err := k.build(d, parts{now: time.Now}); err != nil {
			r.fail(at, "%v", err)
			return
		}
	}
}

// takes reports keys that this kind of directory does not know or misses.
func (d *Directory) takes(r *reader, at string, k kind) {
	v := reflect.ValueOf(*d)
	for f := range keysOf(v.Type()) {
		key := f.Tag.Get("koanf")
		_, said := r.spots[join(at, key)]
		switch {
		case key == "name" || key == "kind":
		case slices.Contains(strings.Fields(k.takes), strings.ToUpper(key)):
			if v.FieldByIndex(f.Index).IsZero() {
				r.fail(join(at, key), "this key is missing; a directory of kind %s needs it", k.name)
			}
		case said && !slices.Contains(strings.Fields(k.takes), key):
			r.fail(join(at, key), "this key says nothing to a directory of kind %s", k.name)
		}
	}
	if k.name == "activedirectory" {
		for _, key := range []string{"login", "id", "name", "manager"} {
			if _, said := r.spots[at+".attributes."+key]; said {
				r.fail(at+".attributes."+key, "a directory of kind activedirectory always has this in the same attribute")
			}
		}
	}
}

func word(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '_'
}

// acting is the directory as the hands reach it.
func (d Directory) acting() Directory {
	if d.Hands.BindDN != "" {
		d.BindDN, d.password = d.Hands.BindDN, d.Hands.password
	}
	return d
}

func (d Directory) contacts() []ldapconn.Contact {
	var out []ldapconn.Contact
	for _, c := range d.Contacts {
		out = append(out, ldapconn.Contact{Attr: c.Attribute, Kind: directory.ContactKind(c.Kind), Own: c.Own})
	}
	return out
}

func buildActiveDirectory(d Directory, p parts) (directory.Directory, error) {
	roots, err := ldapconn.Roots(d.CAFile)
	if err != nil {
		return nil, err
	}
	return activedirectory.New(activedirectory.Config{
		Name: d.Name, URL: d.URL, RootCAs: roots, BindDN: d.BindDN, Password: d.password, BaseDN: d.BaseDN,
		PersonAttribute: d.Attributes.Person, UnitAttribute: d.Attributes.Unit, LocationAttribute: d.Attributes.Location, StartAttribute: d.Attributes.Start,
		Contacts: d.contacts(), ServiceMarker: d.ServiceMarker, AdminGroups: d.AdminGroups,
		OldPasswordPeriod: (*time.Duration)(d.OldPassword), Timeout: time.Duration(d.Timeout), Now: p.now,
	})
}

func buildLDAP(d Directory, p parts) (directory.Directory, error) {
	roots, err := ldapconn.Roots(d.CAFile)
	if err != nil {
		return nil, err
	}
	return ldap.New(ldap.Config{
		Name: d.Name, URL: d.URL, RootCAs: roots, BindDN: d.BindDN, Password: d.password,
		BaseDN: d.BaseDN, GroupBaseDN: d.GroupBaseDN, UserFilter: d.UserFilter,
		Attributes: ldap.Attributes(d.Attributes), Contacts: d.contacts(),
		ServiceMarker: d.ServiceMarker, DisabledMarker: d.DisabledMarker, AdminGroups: d.AdminGroups,
		Timeout: time.Duration(d.Timeout), Now: p.now,
	})
}

func buildLocal(d Directory, p parts) (directory.Directory, error) {
	var opts []local.Option
	if d.AdminGroups != nil {
		opts = append(opts, local.AdminGroups(d.AdminGroups...))
	}
	return local.New(d.Name, p.store, p.hasher, p.now, opts...), nil
}
