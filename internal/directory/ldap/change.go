package ldap

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
	"countersign/internal/identity"
)

// ResetPassword changes the password, then writes the must-change mark, then
// reads back and signs in. The two writes cannot be one: a server's password
// change clears the mark, so the mark has to come last. When the first is done
// and the second is not, that is ErrUncertain, and the error says which.
func (d *Directory) ResetPassword(ctx context.Context, id identity.AccountID, secret string, mustChange bool) (directory.Outcome, error) {
	doing := "resetting the password of " + string(id)
	if secret == "" || !utf8.ValidString(secret) {
		return directory.Outcome{}, fmt.Errorf("ldap %s: %s: %w: the new password is empty or not text", d.cfg.Name, doing, directory.ErrRefused)
	}
	conn, before, err := d.open(ctx, doing, id)
	if err != nil {
		return directory.Outcome{}, err
	}
	defer conn.Close()
	if ldapconn.Text(before, "pwdAccountLockedTime") == lockedForGood {
		// OpenLDAP takes a new password as a reason to open the account.
		return directory.Outcome{}, conn.Fault(doing, directory.ErrRefused, "the account is closed by an administrator, and a reset would open it")
	}
	if err := conn.SetPassword(doing, before.DN, secret); err != nil {
		return directory.Outcome{}, explain(err)
	}
	out := directory.Outcome{Applied: true}
	if err := d.mark(conn, doing, before.DN, mustChange); err != nil {
		return directory.Outcome{}, err
	}
	if out.Notes, err = d.confirmReset(conn, doing, before.DN, secret, mustChange); err != nil {
		return directory.Outcome{}, err
	}
	return d.previous(conn, out), nil
}

// mark sets or clears the must-change mark and clears a lock-out, after the
// password was changed.
func (d *Directory) mark(conn *ldapconn.Conn, doing, dn string, mustChange bool) error {
	now, err := conn.Base(doing, dn, "pwdReset", "pwdAccountLockedTime")
	if err != nil {
		return half(conn, doing, err)
	}
	m := ldap.NewModifyRequest(dn, nil)
	marked := ldapconn.Text(now, "pwdReset") == "TRUE"
	switch {
	case mustChange && !marked:
		m.Replace("pwdReset", []string{"TRUE"})
	case !mustChange && marked:
		m.Delete("pwdReset", nil)
	}
	if lock := ldapconn.Text(now, "pwdAccountLockedTime"); lock != "" && lock != lockedForGood {
		m.Delete("pwdAccountLockedTime", []string{lock})
	}
	if len(m.Changes) == 0 {
		return nil
	}
	if err := conn.Modify(doing, m); err != nil {
		return half(conn, doing, err)
	}
	return nil
}

// half reports a reset that is half done.
func half(conn *ldapconn.Conn, doing string, err error) error {
	return conn.Fault(doing, directory.ErrUncertain, "the password was changed; the must-change mark or the lock-out was not: "+err.Error())
}

func (d *Directory) confirmReset(conn *ldapconn.Conn, doing, dn, secret string, mustChange bool) ([]string, error) {
	var notes []string
	after, err := conn.Base(doing, dn, "pwdReset", "pwdAccountLockedTime")
	switch {
	case err != nil:
		notes = append(notes, "the server confirmed the change and could not be read afterwards")
	case (ldapconn.Text(after, "pwdReset") == "TRUE") != mustChange:
		return nil, conn.Fault(doing, directory.ErrUncertain, "confirmed, but the must-change mark is not as asked for")
	}
	answer, err := conn.TryBind(dn, secret)
	if err != nil {
		return append(notes, "the server confirmed the change; the new password could not be tried"), nil
	}
	switch judge(answer) {
	case works:
	case wrong:
		return nil, conn.Fault(doing, directory.ErrUncertain, "confirmed, but the new password does not work")
	case cannotSay:
		notes = append(notes, "the account may not sign in at present, so the new password was not tried")
	}
	return notes, nil
}

// previous says what is known of the replaced password. OpenLDAP replaces every
// value at once and has no grace for old ones; of other servers nothing is known.
func (d *Directory) previous(conn *ldapconn.Conn, out directory.Outcome) directory.Outcome {
	out.OldDead = "unknown"
	root, err := conn.Base("reading the server's description", "", "objectClass", "structuralObjectClass")
	if err == nil && ldapconn.Text(root, "structuralObjectClass") == "OpenLDAProotDSE" {
		out.OldDead = "dead"
	} else {
		out.Notes = append(out.Notes, "whether this server still accepts the previous password for a while is not known")
	}
	return out
}

// Unlock deletes the mark of a lock-out by wrong passwords. It does not open an
// account that an administrator has closed.
func (d *Directory) Unlock(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	doing := "unlocking " + string(id)
	conn, e, err := d.open(ctx, doing, id)
	if err != nil {
		return directory.Outcome{}, err
	}
	defer conn.Close()
	lock := ldapconn.Text(e, "pwdAccountLockedTime")
	switch lock {
	case lockedForGood:
		return directory.Outcome{}, conn.Fault(doing, directory.ErrRefused, "the account is closed by an administrator, which an unlock does not undo")
	case "":
		return directory.Outcome{Applied: true, Notes: []string{"the account was not locked out"}}, nil
	}
	m := ldap.NewModifyRequest(e.DN, nil)
	m.Delete("pwdAccountLockedTime", []string{lock}) // this lock-out and no other that came since
	if err := conn.Modify(doing, m); err != nil {
		return directory.Outcome{}, err
	}
	out := directory.Outcome{Applied: true}
	after, err := conn.Base(doing, e.DN, "pwdAccountLockedTime")
	if err != nil {
		out.Notes = append(out.Notes, "the server confirmed the change and could not be read afterwards")
		return out, nil
	}
	if ldapconn.Text(after, "pwdAccountLockedTime") != "" {
		return directory.Outcome{}, conn.Fault(doing, directory.ErrUncertain, "confirmed, but the account is locked out (again)")
	}
	return out, nil
}

var errCannotSay = errors.New("the directory refuses the account whatever the credential")

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
	switch judge(answer) {
	case works:
		return nil
	case wrong:
		return conn.Fault(doing, directory.ErrBadCredential, "the server says so")
	}
	return conn.Fault(doing, errCannotSay, "locked out, expired or restricted")
}

type signIn int

const (
	works signIn = iota // also: works and must be changed
	wrong
	cannotSay
)

// The errors of the password policy's response control
// (draft-behera-ldap-password-policy-10 §6.2).
const (
	policyExpired = 0
	policyLocked  = 1
)

// judge classifies the answer to a sign-in. The library reports the absence of
// a policy error as -1.
func judge(a ldapconn.Answer) signIn {
	switch {
	case a.Code == ldap.LDAPResultSuccess:
		return works
	case a.Code != ldap.LDAPResultInvalidCredentials:
		return cannotSay
	case a.Policy != nil && (a.Policy.Error == policyExpired || a.Policy.Error == policyLocked):
		return cannotSay
	}
	return wrong
}

// explain names the reason of a declined password where the code gives it.
func explain(err error) error {
	if errors.Is(err, directory.ErrRefused) && ldap.IsErrorWithCode(err, ldap.LDAPResultConstraintViolation) {
		return fmt.Errorf("%w: the new password does not satisfy the server's password policy", err)
	}
	return err
}
