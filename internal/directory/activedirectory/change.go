package activedirectory

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
	"countersign/internal/identity"
)

// ResetPassword writes password, must-change mark and lock-out in one
// modification, so that they take effect together or not at all. It reads them
// back, and signs in with the new password at the controller that was written.
func (d *Directory) ResetPassword(ctx context.Context, id identity.AccountID, secret string, mustChange bool) (directory.Outcome, error) {
	doing := "resetting the password of " + string(id)
	password, err := quoted(secret)
	if err != nil {
		return directory.Outcome{}, fmt.Errorf("activedirectory %s: %s: %w: %w", d.cfg.Name, doing, directory.ErrRefused, err)
	}
	conn, before, err := d.open(ctx, doing, id)
	if err != nil {
		return directory.Outcome{}, err
	}
	defer conn.Close()
	m := ldap.NewModifyRequest(byGUID(id.Object()), nil)
	m.Replace("unicodePwd", []string{password})
	if mustChange {
		m.Replace("pwdLastSet", []string{"0"})
	}
	m.Replace("lockoutTime", []string{"0"})
	if err := conn.Modify(doing, m); err != nil {
		return directory.Outcome{}, explain(err)
	}
	notes, err := d.confirmReset(conn, doing, before, secret, mustChange)
	if err != nil {
		return directory.Outcome{}, err
	}
	out := d.previous(directory.Outcome{Applied: true, Notes: notes})
	out.Notes = append(out.Notes, d.others(conn)...)
	return out, nil
}

// confirmReset compares what the controller said with what it now holds. Only
// a contradiction is an error: a controller that can no longer be asked has
// still confirmed the change.
func (d *Directory) confirmReset(conn *ldapconn.Conn, doing string, before *ldap.Entry, secret string, mustChange bool) ([]string, error) {
	guid, _ := guidText(before.GetEqualFoldRawAttributeValue("objectGUID"))
	after, err := conn.Base(doing, byGUID(guid), "pwdLastSet", "lockoutTime", "msDS-User-Account-Control-Computed")
	if err != nil {
		return []string{"the controller confirmed the change and could not be read afterwards"}, nil
	}
	set := ldapconn.Text(after, "pwdLastSet")
	if mustChange && set != "" && set != "0" {
		return nil, conn.Fault(doing, directory.ErrUncertain, "confirmed, but the must-change mark is not there")
	}
	if !mustChange && set != "" && (set == "0" || set == ldapconn.Text(before, "pwdLastSet")) {
		return nil, conn.Fault(doing, directory.ErrUncertain, "confirmed, but the password's age has not changed")
	}
	var notes []string
	if set == "" {
		notes = append(notes, "the must-change mark cannot be read by the service account")
	}
	answer, err := conn.TryBind(after.DN, secret)
	if err != nil {
		return append(notes, "the controller confirmed the change; the new password could not be tried"), nil
	}
	switch judgeBind(answer) {
	case works:
	case wrong:
		return nil, conn.Fault(doing, directory.ErrUncertain, "confirmed, but the new password does not work")
	case lockedOut:
		notes = append(notes, "the account is locked out again: somebody keeps trying wrong passwords")
	case barred:
		notes = append(notes, "the account may not sign in at present, so the new password was not tried")
	default:
		notes = append(notes, "the controller's answer to the new password was not understood")
	}
	return notes, nil
}

// previous says what is known of the replaced password. A domain may go on
// accepting it for a while, and no controller tells over LDAP whether it does.
func (d *Directory) previous(out directory.Outcome) directory.Outcome {
	switch p := d.cfg.OldPasswordPeriod; {
	case p == nil:
		out.OldDead = "unknown"
		out.Notes = append(out.Notes, "the previous password may keep working for a while: the domain's old password allowed period is not known")
	case *p > 0:
		out.OldDead = "alive"
		out.Notes = append(out.Notes, fmt.Sprintf("the previous password may keep working for up to %v: the domain's old password allowed period", *p))
	default:
		out.OldDead = "dead"
	}
	return out
}

// others notes that more controllers exist, which lag behind this one.
func (d *Directory) others(conn *ldapconn.Conn) []string {
	const controllers = "(&(objectClass=computer)(|(primaryGroupID=516)(primaryGroupID=521)))"
	found, err := conn.Search("counting controllers", subtree(d.domain, controllers, 0, "objectGUID"))
	if err != nil || len(found) < 2 {
		return nil
	}
	return []string{fmt.Sprintf("confirmed at one of %d domain controllers; the others refuse the new password and may accept the previous one until replication reaches them", len(found))}
}

// Unlock clears the lock-out and reads it back.
func (d *Directory) Unlock(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	doing := "unlocking " + string(id)
	conn, _, err := d.open(ctx, doing, id)
	if err != nil {
		return directory.Outcome{}, err
	}
	defer conn.Close()
	m := ldap.NewModifyRequest(byGUID(id.Object()), nil)
	m.Replace("lockoutTime", []string{"0"})
	if err := conn.Modify(doing, m); err != nil {
		return directory.Outcome{}, explain(err)
	}
	out := directory.Outcome{Applied: true, Notes: d.others(conn)}
	after, err := conn.Base(doing, byGUID(id.Object()), "lockoutTime", "msDS-User-Account-Control-Computed")
	if err != nil {
		out.Notes = append(out.Notes, "the controller confirmed the change and could not be read afterwards")
		return out, nil
	}
	if locked(after) {
		return directory.Outcome{}, conn.Fault(doing, directory.ErrUncertain, "confirmed, but the account is locked out (again)")
	}
	return out, nil
}

// errCannotSay: the account may not sign in, whatever the credential.
var errCannotSay = errors.New("the directory refuses the account before it looks at the credential")

// VerifyPassword signs in as the account's owner.
func (d *Directory) VerifyPassword(ctx context.Context, id identity.AccountID, secret string) error {
	doing := "trying a credential of " + string(id)
	conn, e, err := d.open(ctx, doing, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := conn.TryBind(e.DN, secret)
	if err != nil {
		return err
	}
	switch judgeBind(answer) {
	case works:
		return nil
	case wrong:
		return conn.Fault(doing, directory.ErrBadCredential, "the controller says so")
	case lockedOut, barred:
		return conn.Fault(doing, errCannotSay, "locked out, disabled, expired or restricted")
	}
	return conn.Fault(doing, directory.ErrUnreachable, "the controller's answer was not understood")
}
