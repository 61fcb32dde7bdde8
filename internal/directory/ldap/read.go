package ldap

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
	"countersign/internal/identity"
)

// lockedForGood is the value of pwdAccountLockedTime by which an administrator
// closes an account; a lock-out by wrong passwords has the time it happened.
const lockedForGood = "000001010000Z"

// Find looks an account up by its login.
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
	filter := "(&" + d.cfg.UserFilter + ldapconn.Eq(d.cfg.Attributes.Login, key) + ")"
	found, err := conn.Search(doing, subtree(d.cfg.BaseDN, filter, 10, d.attributes()...))
	if errors.Is(err, ldapconn.ErrTooMany) {
		return directory.Account{}, conn.Fault(doing, directory.ErrAmbiguous, "many entries")
	}
	if err != nil {
		return directory.Account{}, unreachable(err)
	}
	found = slices.DeleteFunc(found, func(e *ldap.Entry) bool {
		return !slices.ContainsFunc(e.GetEqualFoldAttributeValues(d.cfg.Attributes.Login), func(v string) bool { return directory.SameLogin(v, login) })
	})
	switch len(found) {
	case 0:
		return directory.Account{}, conn.Fault(doing, directory.ErrNotFound, "no entry has exactly this name")
	case 1:
		return d.account(conn, doing, found[0])
	}
	return directory.Account{}, conn.Fault(doing, directory.ErrAmbiguous, strconv.Itoa(len(found))+" entries")
}

// Lookup reads an account by its id.
func (d *Directory) Lookup(ctx context.Context, id identity.AccountID) (directory.Account, error) {
	doing := "looking up " + string(id)
	conn, e, err := d.open(ctx, doing, id)
	if err != nil {
		return directory.Account{}, err
	}
	defer conn.Close()
	return d.account(conn, doing, e)
}

// open connects and reads the entry of an id, which has to be an account under
// the configured base.
func (d *Directory) open(ctx context.Context, doing string, id identity.AccountID) (*ldapconn.Conn, *ldap.Entry, error) {
	if id.Directory() != d.cfg.Name || id.Check() != nil || !d.canonical(id.Object()) {
		return nil, nil, directory.ErrNotFound
	}
	conn, err := d.client.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := conn.Search(doing, subtree(d.cfg.BaseDN, "(&"+d.cfg.UserFilter+ldapconn.Eq(d.cfg.Attributes.ID, id.Object())+")", 2, d.attributes()...))
	switch {
	case err != nil:
		err = unreachable(err)
	case len(found) == 0:
		err = conn.Fault(doing, directory.ErrNotFound, "no entry")
	case len(found) > 1:
		err = conn.Fault(doing, directory.ErrUnreachable, "several entries have one id")
	case ldapconn.Text(found[0], d.cfg.Attributes.ID) != id.Object():
		err = conn.Fault(doing, directory.ErrUnreachable, "the entry returned is not the one asked for")
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, found[0], nil
}

// canonical reports whether an id is written the one way it is written here, so
// that an account has one id and not two.
func (d *Directory) canonical(object string) bool {
	if !strings.EqualFold(d.cfg.Attributes.ID, "entryUUID") {
		return true // compared with the entry's own value after reading
	}
	u, err := uuid.Parse(object)
	return err == nil && u.String() == object
}

func (d *Directory) attributes() []string {
	a := d.cfg.Attributes
	out := []string{a.Login, a.ID, a.Name, "cn", a.Unit, a.Location, a.Manager, "createTimestamp",
		"pwdChangedTime", "pwdAccountLockedTime", "pwdReset", "pwdEndTime", "shadowExpire"}
	for _, extra := range []string{a.Person, a.Start, d.service.Attr, d.disabled.Attr} {
		if extra != "" {
			out = append(out, extra)
		}
	}
	for _, c := range d.cfg.Contacts {
		out = append(out, c.Attr)
	}
	return out
}

// objectID reads an entry's id; an entry without a usable one is nobody's.
func (d *Directory) objectID(e *ldap.Entry) (identity.AccountID, error) {
	values := e.GetEqualFoldAttributeValues(d.cfg.Attributes.ID)
	if len(values) != 1 || !d.canonical(values[0]) {
		return "", errors.New("the entry has no usable " + d.cfg.Attributes.ID)
	}
	id := identity.NewAccountID(d.cfg.Name, values[0])
	return id, id.Check()
}

func (d *Directory) account(conn *ldapconn.Conn, doing string, e *ldap.Entry) (directory.Account, error) {
	id, err := d.objectID(e)
	if err != nil {
		return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	lock := ldapconn.Text(e, "pwdAccountLockedTime")
	a := directory.Account{
		ID:       id,
		Login:    ldapconn.Text(e, d.cfg.Attributes.Login),
		Name:     d.displayName(e),
		Unit:     ldapconn.Text(e, d.cfg.Attributes.Unit),
		Location: ldapconn.Text(e, d.cfg.Attributes.Location),
		Status:   d.status(e, d.cfg.Now()),
		Locked:   lock != "" && lock != lockedForGood,
		Service:  d.service.Marks(e),
		Contacts: ldapconn.Contacts(e, d.cfg.Contacts),

		PasswordChanged: ldapconn.Time(ldapconn.Text(e, "pwdChangedTime")),
		MustChange:      ldapconn.Text(e, "pwdReset") == "TRUE",
		Created:         ldapconn.Time(ldapconn.Text(e, "createTimestamp")),
	}
	if a.Person, err = ldapconn.Person(e, d.cfg.Attributes.Person, id); err != nil {
		return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	if a.Starts, err = ldapconn.Start(e, d.cfg.Attributes.Start, nil); err != nil {
		return directory.Account{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	if a.Groups, a.Admin, err = d.groups(conn, doing, e.DN, a.Login); err != nil {
		return directory.Account{}, err
	}
	a.Manager, err = d.manager(conn, ldapconn.Text(e, d.cfg.Attributes.Manager))
	return a, err
}

func (d *Directory) displayName(e *ldap.Entry) string {
	if n := ldapconn.Text(e, d.cfg.Attributes.Name); n != "" {
		return n
	}
	return ldapconn.Text(e, "cn")
}

// status reads whether an account is closed. A date that does not parse closes
// it: an attacker who can write nonsense must not open an account by it.
func (d *Directory) status(e *ldap.Entry, now time.Time) directory.Status {
	if ldapconn.Text(e, "pwdAccountLockedTime") == lockedForGood || d.disabled.Marks(e) {
		return directory.Disabled
	}
	if end := ldapconn.Text(e, "pwdEndTime"); end != "" && !now.Before(ldapconn.Time(end)) {
		return directory.Expired
	}
	if day := ldapconn.Text(e, "shadowExpire"); day != "" && day != "-1" {
		n, err := strconv.ParseInt(day, 10, 32)
		if err != nil || !now.Before(time.Unix(n*86400, 0)) {
			return directory.Expired
		}
	}
	return directory.Active
}

// manager resolves the manager of record. One that no longer exists, may not be
// read or is no account is none: nobody can then approve as this manager.
func (d *Directory) manager(conn *ldapconn.Conn, dn string) (directory.Manager, error) {
	if ldapconn.DNKey(dn) == "" {
		return directory.Manager{}, nil
	}
	const doing = "reading a manager of record"
	attrs := []string{d.cfg.Attributes.ID, d.cfg.Attributes.Name, "cn"}
	if d.cfg.Attributes.Person != "" {
		attrs = append(attrs, d.cfg.Attributes.Person)
	}
	e, err := conn.Base(doing, dn, attrs...)
	if errors.Is(err, directory.ErrNotFound) {
		return directory.Manager{}, nil
	}
	if err != nil {
		return directory.Manager{}, err
	}
	id, err := d.objectID(e)
	if err != nil {
		return directory.Manager{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	person, err := ldapconn.Person(e, d.cfg.Attributes.Person, id)
	if err != nil {
		return directory.Manager{}, conn.Fault(doing, directory.ErrUnreachable, err.Error())
	}
	return directory.Manager{ID: id, Person: person, Name: d.displayName(e)}, nil
}
