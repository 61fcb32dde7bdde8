package activedirectory

import (
	"context"
	"errors"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
	"countersign/internal/identity"
)

// people are the entries that can be accounts: not computers, not contacts, not
// the machine-managed accounts that have no password a person could be given.
const people = "(objectCategory=person)(objectClass=user)"

// The bits of userAccountControl (MS-ADTS §2.2.16) that matter here.
const (
	uacDisabled = 0x2
	uacLockout  = 0x10 // only in msDS-User-Account-Control-Computed
	uacMachine  = 0x800 | 0x1000 | 0x2000
)

// Find looks an account up by its sAMAccountName or userPrincipalName.
func (d *Directory) Find(ctx context.Context, login string) (directory.Account, error) {
	const doing = "looking up an account by name"
	key, err := directory.LoginKey(login)
	if err != nil {
		return directory.Account{}, directory.ErrNotFound
	}
	conn, err := d.client.Open(ctx)
	if err != nil {
		return directory.Account{}, err
	}
	defer conn.Close()
	filter := "(&" + people + ldapconn.AnyOf([]string{ldapconn.Eq("sAMAccountName", key), ldapconn.Eq("userPrincipalName", key)}) + ")"
	found, err := conn.Search(doing, subtree(d.cfg.BaseDN, filter, 10, "objectGUID", "sAMAccountName", "userPrincipalName"))
	if errors.Is(err, ldapconn.ErrTooMany) {
		return directory.Account{}, conn.Fault(doing, directory.ErrAmbiguous, "many entries")
	}
	if err != nil {
		return directory.Account{}, unreachable(err)
	}
	var exact []*ldap.Entry
	for _, e := range found {
		if directory.SameLogin(login, ldapconn.Text(e, "sAMAccountName")) || directory.SameLogin(login, ldapconn.Text(e, "userPrincipalName")) {
			exact = append(exact, e)
		}
	}
	switch len(exact) {
	case 0:
		return directory.Account{}, conn.Fault(doing, directory.ErrNotFound, "no entry has exactly this name")
	case 1:
		guid, err := guidText(exact[0].GetEqualFoldRawAttributeValue("objectGUID"))
		if err != nil {
			return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
		}
		return d.account(conn, guid)
	}
	return directory.Account{}, conn.Fault(doing, directory.ErrAmbiguous, strconv.Itoa(len(exact))+" entries")
}

// Lookup reads an account by its id.
func (d *Directory) Lookup(ctx context.Context, id identity.AccountID) (directory.Account, error) {
	conn, e, err := d.open(ctx, "looking up "+string(id), id)
	if err != nil {
		return directory.Account{}, err
	}
	defer conn.Close()
	guid, _ := guidText(e.GetEqualFoldRawAttributeValue("objectGUID"))
	return d.account(conn, guid)
}

// open connects and makes sure that id is an account under the configured base.
func (d *Directory) open(ctx context.Context, doing string, id identity.AccountID) (*ldapconn.Conn, *ldap.Entry, error) {
	guid, err := guidBytes(id.Object())
	if err != nil || id.Directory() != d.cfg.Name {
		return nil, nil, directory.ErrNotFound
	}
	conn, err := d.client.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := conn.Search(doing, subtree(d.cfg.BaseDN, "(&"+people+ldapconn.Eq("objectGUID", string(guid))+")", 2,
		"objectGUID", "pwdLastSet", "lockoutTime", "userAccountControl"))
	if err == nil && len(found) > 1 {
		err = conn.Fault(doing, directory.ErrUnreachable, "several entries have one objectGUID")
	}
	if err == nil && len(found) == 0 {
		err = conn.Fault(doing, directory.ErrNotFound, "no entry")
	} else {
		err = unreachable(err)
	}
	if err == nil && string(found[0].GetEqualFoldRawAttributeValue("objectGUID")) != string(guid) {
		err = conn.Fault(doing, directory.ErrUnreachable, "the entry returned is not the one asked for")
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, found[0], nil
}

// byGUID names an entry in a way that a rename does not break and that cannot
// come to mean another entry (MS-ADTS §3.1.1.3.1.2.4).
func byGUID(guid string) string { return "<GUID=" + guid + ">" }

// account reads everything there is to know of an entry.
func (d *Directory) account(conn *ldapconn.Conn, guid string) (directory.Account, error) {
	id := identity.NewAccountID(d.cfg.Name, guid)
	doing := "reading " + string(id)
	attrs := []string{"objectGUID", "objectSid", "primaryGroupID", "tokenGroups", "sAMAccountName", "displayName", "name",
		"userAccountControl", "msDS-User-Account-Control-Computed", "lockoutTime", "accountExpires", "pwdLastSet", "whenCreated",
		"manager", "servicePrincipalName", "msDS-ReplAttributeMetaData", d.cfg.UnitAttribute, d.cfg.LocationAttribute}
	for _, a := range []string{d.cfg.PersonAttribute, d.cfg.StartAttribute, d.marker.Attr} {
		if a != "" {
			attrs = append(attrs, a)
		}
	}
	for _, c := range d.cfg.Contacts {
		attrs = append(attrs, c.Attr)
	}
	e, err := conn.Base(doing, byGUID(guid), attrs...)
	if err != nil {
		return directory.Account{}, err
	}
	if got, _ := guidText(e.GetEqualFoldRawAttributeValue("objectGUID")); got != guid {
		return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, "the entry returned is not the one asked for")
	}
	a := directory.Account{
		ID:       id,
		Login:    ldapconn.Text(e, "sAMAccountName"),
		Name:     orElse(ldapconn.Text(e, "displayName"), ldapconn.Text(e, "name")),
		Unit:     ldapconn.Text(e, d.cfg.UnitAttribute),
		Location: ldapconn.Text(e, d.cfg.LocationAttribute),
		Contacts: dated(ldapconn.Contacts(e, d.cfg.Contacts), d.cfg.Contacts, e, d.cfg.Now()),

		PasswordChanged: fileTime(ldapconn.Text(e, "pwdLastSet")),
		MustChange:      ldapconn.Text(e, "pwdLastSet") == "0",
		Created:         ldapconn.Time(ldapconn.Text(e, "whenCreated")),
	}
	if a.Person, err = ldapconn.Person(e, d.cfg.PersonAttribute, id); err != nil {
		return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	if a.Starts, err = ldapconn.Start(e, d.cfg.StartAttribute, largeInteger); err != nil {
		return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	if err := d.standing(&a, e); err != nil {
		return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	if a.Groups, a.Admin, err = d.groups(conn, doing, e); err != nil {
		return directory.Account{}, err
	}
	a.Manager, err = d.manager(conn, ldapconn.Text(e, "manager"))
	return a, err
}

// standing reads status, lock and kind. An entry whose control bits cannot be
// read is an error: guessing would make a disabled account an active one.
func (d *Directory) standing(a *directory.Account, e *ldap.Entry) error {
	uac, err := strconv.ParseInt(ldapconn.Text(e, "userAccountControl"), 10, 64)
	if err != nil || a.Login == "" {
		return errors.New("sAMAccountName or userAccountControl is not readable")
	}
	a.Status = directory.Active
	expires := fileTime(ldapconn.Text(e, "accountExpires"))
	switch {
	case uac&uacDisabled != 0:
		a.Status = directory.Disabled
	case !expires.IsZero() && !d.cfg.Now().Before(expires):
		a.Status = directory.Expired
	}
	a.Locked = locked(e)
	a.Service = uac&uacMachine != 0 || ldapconn.Text(e, "servicePrincipalName") != "" || d.marker.Marks(e)
	return nil
}

// locked prefers the controller's own computation, which knows how long a
// lock-out lasts. Without it any lock-out that was not cleared counts.
func locked(e *ldap.Entry) bool {
	if n, err := strconv.ParseInt(ldapconn.Text(e, "msDS-User-Account-Control-Computed"), 10, 64); err == nil {
		return n&uacLockout != 0
	}
	t := ldapconn.Text(e, "lockoutTime")
	return t != "" && t != "0"
}

// manager resolves the manager of record. One that no longer exists or may not
// be read is none: nobody can then approve as this account's manager.
func (d *Directory) manager(conn *ldapconn.Conn, dn string) (directory.Manager, error) {
	if dn == "" {
		return directory.Manager{}, nil
	}
	attrs := []string{"objectGUID", "displayName", "name"}
	if d.cfg.PersonAttribute != "" {
		attrs = append(attrs, d.cfg.PersonAttribute)
	}
	const doing = "reading a manager of record"
	e, err := conn.Base(doing, dn, attrs...)
	if errors.Is(err, directory.ErrNotFound) {
		return directory.Manager{}, nil
	}
	if err != nil {
		return directory.Manager{}, err
	}
	guid, err := guidText(e.GetEqualFoldRawAttributeValue("objectGUID"))
	if err != nil {
		return directory.Manager{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	id := identity.NewAccountID(d.cfg.Name, guid)
	person, err := ldapconn.Person(e, d.cfg.PersonAttribute, id)
	if err != nil {
		return directory.Manager{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	return directory.Manager{ID: id, Person: person, Name: orElse(ldapconn.Text(e, "displayName"), ldapconn.Text(e, "name"))}, nil
}
