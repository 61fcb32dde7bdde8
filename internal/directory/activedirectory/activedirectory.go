// Package activedirectory reads and acts on accounts of an Active Directory
// domain, by LDAPS or StartTLS, with a service account that needs no more than
// three access entries (docs/directories.md).
//
// An account's id is its objectGUID in the text form Microsoft's tools print.
// Find takes a sAMAccountName or a userPrincipalName, exactly.
//
// Every operation uses one connection to one domain controller. What is said
// after a change is about that controller; the others follow by replication.
package activedirectory

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
	"countersign/internal/identity"
)

// Config says which domain, as whom, and how its attributes are to be read.
type Config struct {
	Name string // the directory's name: the first part of its account ids
	// URL is ldaps://HOST, or ldap://HOST which is upgraded by StartTLS.
	URL     string
	RootCAs *x509.CertPool // nil: the system's
	// BindDN (a DN or a user principal name) and Password are the service account.
	BindDN, Password string
	// BaseDN is where accounts are looked for. Accounts elsewhere do not exist
	// for Countersign, so this is also a fence.
	BaseDN string
	// PersonAttribute names the attribute that is the same for all accounts of
	// one human, such as employeeID; "": every account is a person of its own.
	PersonAttribute string
	// UnitAttribute and LocationAttribute; "": department and l.
	UnitAttribute, LocationAttribute string
	// StartAttribute holds the owner's first day, as a large integer like that of
	// accountExpires, as a generalizedTime or as YYYY-MM-DD; "": nobody's first
	// day is known.
	StartAttribute string
	// Contacts lists where destinations are; nil: mail (the account's own
	// mailbox) and mobile.
	Contacts []ldapconn.Contact
	// ServiceMarker, "attribute=value", marks service accounts besides those
	// that have a service principal name.
	ServiceMarker string
	// AdminGroups are administrative besides the well-known groups: names
	// (sAMAccountName), DNs or SIDs.
	AdminGroups []string
	// OldPasswordPeriod is how long the domain's controllers go on accepting a
	// replaced password (the registry value OldPasswordAllowedPeriod, Samba's
	// "old password allowed period"). It cannot be read over LDAP; nil: unknown.
	OldPasswordPeriod *time.Duration
	Timeout           time.Duration    // of one operation; zero: ldapconn.DefaultTimeout
	Now               func() time.Time // nil: time.Now
}

// Directory is one domain.
type Directory struct {
	cfg    Config
	client *ldapconn.Client
	marker ldapconn.Marker
	domain string // the domain's own DN, where groups are looked for
}

var (
	_ directory.Directory        = (*Directory)(nil)
	_ directory.PasswordResetter = (*Directory)(nil)
	_ directory.Unlocker         = (*Directory)(nil)
	_ directory.Verifier         = (*Directory)(nil)
)

// New checks the settings; it does not connect.
func New(cfg Config) (*Directory, error) {
	who := "activedirectory " + cfg.Name
	if err := identity.NewAccountID(cfg.Name, "x").Check(); err != nil || strings.Contains(cfg.Name, "/") {
		return nil, fmt.Errorf("activedirectory: %q cannot be a directory's name", cfg.Name)
	}
	client, err := ldapconn.New(ldapconn.Server{Who: who, URL: cfg.URL, RootCAs: cfg.RootCAs, BindDN: cfg.BindDN, Password: cfg.Password, Timeout: cfg.Timeout})
	if err != nil {
		return nil, err
	}
	marker, err := ldapconn.ParseMarker(cfg.ServiceMarker)
	if err != nil {
		return nil, fmt.Errorf("%s: reading the service marker: %w", who, err)
	}
	domain, err := domainOf(cfg.BaseDN)
	if err != nil {
		return nil, fmt.Errorf("%s: reading the base %q: %w", who, cfg.BaseDN, err)
	}
	if cfg.Contacts == nil {
		cfg.Contacts = []ldapconn.Contact{
			{Attr: "mail", Kind: directory.ContactEmail, Own: true},
			{Attr: "mobile", Kind: directory.ContactPhone},
		}
	}
	cfg.UnitAttribute = orElse(cfg.UnitAttribute, "department")
	cfg.LocationAttribute = orElse(cfg.LocationAttribute, "l")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Directory{cfg: cfg, client: client, marker: marker, domain: domain}, nil
}

// domainOf cuts a base down to its DC components.
func domainOf(base string) (string, error) {
	dn, err := ldap.ParseDN(base)
	if err != nil {
		return "", err
	}
	for i, rdn := range dn.RDNs {
		if len(rdn.Attributes) == 1 && strings.EqualFold(rdn.Attributes[0].Type, "DC") {
			return (&ldap.DN{RDNs: dn.RDNs[i:]}).String(), nil
		}
	}
	return "", errors.New("it has no DC components")
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Name is the directory's configured name.
func (d *Directory) Name() string { return d.cfg.Name }

// Can lists what this backend can carry out.
func (d *Directory) Can() []identity.Action {
	return []identity.Action{identity.PasswordReset, identity.Unlock}
}

// Ping signs in as the service account, reads the base, and makes sure that
// every configured administrative group exists: a misspelt one would protect
// nobody.
func (d *Directory) Ping(ctx context.Context) error {
	conn, err := d.client.Open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Base("reading the base", d.cfg.BaseDN, "objectGUID"); err != nil {
		return unreachable(err)
	}
	for _, g := range d.cfg.AdminGroups {
		const doing = "looking for a configured administrative group"
		filter := "(&(objectClass=group)" + ldapconn.AnyOf([]string{ldapconn.Eq("sAMAccountName", g), ldapconn.Eq("distinguishedName", g), ldapconn.Eq("objectSid", g)}) + ")"
		found, err := conn.Search(doing, subtree(d.domain, filter, 2, "objectGUID"))
		if err != nil {
			return unreachable(err)
		}
		if len(found) != 1 {
			return conn.Fault(doing, directory.ErrUnreachable, fmt.Sprintf("%d groups answer to %q", len(found), g))
		}
	}
	return nil
}

// unreachable makes a missing base or group what it is for Ping and for
// building an account: not "no such account" but a directory that cannot be read.
func unreachable(err error) error {
	if errors.Is(err, directory.ErrNotFound) {
		return fmt.Errorf("%w (%w)", directory.ErrUnreachable, err)
	}
	return err
}

func subtree(base, filter string, limit int, attrs ...string) *ldap.SearchRequest {
	return ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, limit, 0, false, filter, attrs, nil)
}
