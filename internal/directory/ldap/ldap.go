// Package ldap reads and acts on accounts of an LDAPv3 directory such as
// OpenLDAP, by LDAPS or StartTLS.
//
// Resetting wants a server that changes passwords by RFC 3062; the must-change
// mark and lock-outs are those of the password policy draft that OpenLDAP's
// ppolicy overlay and others implement (draft-behera-ldap-password-policy).
//
// An account's id is its entryUUID (RFC 4530), or another attribute that
// survives renames. Find takes the login attribute's value, exactly.
package ldap

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
	"countersign/internal/identity"
)

// Attributes names the attributes that hold what Countersign wants to know.
// An empty field stands for the one named beside it.
type Attributes struct {
	Login    string // uid
	ID       string // entryUUID
	Name     string // displayName, or else cn
	Unit     string // departmentNumber
	Location string // l
	Manager  string // manager, holding a DN
	// Person is the same for all accounts of one human, such as
	// employeeNumber. It has no default: without it every account is a person
	// of its own.
	Person string
	// Start holds the owner's first day, as a generalizedTime or as YYYY-MM-DD.
	// It has no default: without it nobody's first day is known.
	Start string
}

// Config says which server, as whom, and how its entries are to be read.
type Config struct {
	Name string // the directory's name: the first part of its account ids
	// URL is ldaps://HOST, or ldap://HOST which is upgraded by StartTLS.
	URL              string
	RootCAs          *x509.CertPool // nil: the system's
	BindDN, Password string         // the service account
	// BaseDN is where accounts are looked for. Accounts elsewhere do not exist
	// for Countersign, so this is also a fence.
	BaseDN string
	// GroupBaseDN is where groups are looked for; "": the BaseDN.
	GroupBaseDN string
	// UserFilter says which entries are accounts; "": (objectClass=person).
	UserFilter string
	Attributes Attributes
	// Contacts lists where destinations are; nil: mail (the account's own
	// mailbox) and mobile.
	Contacts []ldapconn.Contact
	// ServiceMarker, "attribute=value", marks service accounts.
	ServiceMarker string
	// DisabledMarker, "attribute=value", marks disabled accounts besides those
	// that ppolicy locks for good.
	DisabledMarker string
	// AdminGroups are the DNs of the groups whose members, by any nesting,
	// administer the directory.
	AdminGroups []string
	Timeout     time.Duration    // of one operation; zero: ldapconn.DefaultTimeout
	Now         func() time.Time // nil: time.Now
}

// Directory is one LDAP directory.
type Directory struct {
	cfg               Config
	client            *ldapconn.Client
	service, disabled ldapconn.Marker
	admins            map[string]bool // DN keys
}

var (
	_ directory.Directory        = (*Directory)(nil)
	_ directory.PasswordResetter = (*Directory)(nil)
	_ directory.Unlocker         = (*Directory)(nil)
	_ directory.Verifier         = (*Directory)(nil)
)

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// New checks the settings; it does not connect.
func New(cfg Config) (*Directory, error) {
	who := "ldap " + cfg.Name
	if err := identity.NewAccountID(cfg.Name, "x").Check(); err != nil || strings.Contains(cfg.Name, "/") {
		return nil, fmt.Errorf("ldap: %q cannot be a directory's name", cfg.Name)
	}
	client, err := ldapconn.New(ldapconn.Server{Who: who, URL: cfg.URL, RootCAs: cfg.RootCAs, BindDN: cfg.BindDN, Password: cfg.Password, Timeout: cfg.Timeout})
	if err != nil {
		return nil, err
	}
	d := &Directory{cfg: withDefaults(cfg), client: client, admins: map[string]bool{}}
	var errService, errDisabled error
	d.service, errService = ldapconn.ParseMarker(cfg.ServiceMarker)
	d.disabled, errDisabled = ldapconn.ParseMarker(cfg.DisabledMarker)
	if err := errors.Join(errService, errDisabled); err != nil {
		return nil, fmt.Errorf("%s: reading a marker: %w", who, err)
	}
	if _, err := ldap.CompileFilter(d.cfg.UserFilter); err != nil {
		return nil, fmt.Errorf("%s: reading the user filter: %w", who, err)
	}
	for _, a := range []string{d.cfg.Attributes.Login, d.cfg.Attributes.ID, cmp.Or(cfg.Attributes.Start, "none")} {
		if !attributeName.MatchString(a) {
			return nil, fmt.Errorf("%s: %q is not an attribute's name", who, a)
		}
	}
	for _, dn := range append([]string{d.cfg.BaseDN, d.cfg.GroupBaseDN}, cfg.AdminGroups...) {
		if ldapconn.DNKey(dn) == "" {
			return nil, fmt.Errorf("%s: %q is not a distinguished name", who, dn)
		}
	}
	for _, dn := range cfg.AdminGroups {
		d.admins[ldapconn.DNKey(dn)] = true
	}
	return d, nil
}

func withDefaults(c Config) Config {
	or := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	or(&c.GroupBaseDN, c.BaseDN)
	or(&c.UserFilter, "(objectClass=person)")
	or(&c.Attributes.Login, "uid")
	or(&c.Attributes.ID, "entryUUID")
	or(&c.Attributes.Name, "displayName")
	or(&c.Attributes.Unit, "departmentNumber")
	or(&c.Attributes.Location, "l")
	or(&c.Attributes.Manager, "manager")
	if c.Contacts == nil {
		c.Contacts = []ldapconn.Contact{
			{Attr: "mail", Kind: directory.ContactEmail, Own: true},
			{Attr: "mobile", Kind: directory.ContactPhone},
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Name is the directory's configured name.
func (d *Directory) Name() string { return d.cfg.Name }

// Can lists what this backend can carry out.
func (d *Directory) Can() []identity.Action {
	return []identity.Action{identity.PasswordReset, identity.Unlock}
}

// Ping signs in as the service account, reads the base, and makes sure that
// every configured administrative group exists and shows its members: a
// misspelt or hidden one would protect nobody.
func (d *Directory) Ping(ctx context.Context) error {
	conn, err := d.client.Open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Base("reading the base", d.cfg.BaseDN, "objectClass"); err != nil {
		return unreachable(err)
	}
	for _, g := range d.cfg.AdminGroups {
		const doing = "looking for a configured administrative group"
		e, err := conn.Base(doing, g, "member", "uniqueMember", "memberUid")
		if err != nil {
			return fmt.Errorf("%w: %q", unreachable(err), g)
		}
		if len(e.Attributes) == 0 {
			return conn.Fault(doing, directory.ErrUnreachable, fmt.Sprintf("%q shows no members", g))
		}
	}
	return nil
}

// unreachable makes a missing base what it is: not "no such account" but a
// directory that cannot be read.
func unreachable(err error) error {
	if errors.Is(err, directory.ErrNotFound) {
		return fmt.Errorf("%w (%w)", directory.ErrUnreachable, err)
	}
	return err
}

func subtree(base, filter string, limit int, attrs ...string) *ldap.SearchRequest {
	return ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, limit, 0, false, filter, attrs, nil)
}
