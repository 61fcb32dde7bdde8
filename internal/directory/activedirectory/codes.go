package activedirectory

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
)

// signIn is what a domain controller says about a credential.
type signIn int

const (
	works      signIn = iota // also: works and must be changed
	wrong                    // not this credential
	lockedOut                // says nothing about the credential
	barred                   // the account may not sign in, whatever the credential
	unreadable               // an answer that is none of these
)

// bindCodes are the Windows error codes, in hexadecimal, that follow "data" in
// the answer to a failed bind.
var bindCodes = map[string]signIn{
	"525": wrong,     // no such user
	"52e": wrong,     // wrong password
	"52f": barred,    // account restriction
	"530": barred,    // not at this hour
	"531": barred,    // not at this machine
	"532": works,     // right, but expired: it must be changed
	"533": barred,    // disabled
	"701": barred,    // account expired
	"773": works,     // right, but must be changed
	"775": lockedOut, // said of right and wrong passwords alike
}

var (
	bindData = regexp.MustCompile(`\bdata ([0-9A-Fa-f]{1,8}),`)
	winError = regexp.MustCompile(`^([0-9A-Fa-f]{8}):`)
)

// judgeBind classifies the answer to a sign-in.
func judgeBind(a ldapconn.Answer) signIn {
	if a.Code == ldap.LDAPResultSuccess {
		return works
	}
	if a.Code != ldap.LDAPResultInvalidCredentials {
		return unreadable
	}
	m := bindData.FindStringSubmatch(a.Diagnostic)
	if m == nil {
		return wrong // what the result code means by itself
	}
	if s, ok := bindCodes[strings.ToLower(m[1])]; ok {
		return s
	}
	return unreadable
}

// The Windows error codes that a declined change begins with.
var changeCodes = map[string]string{
	"0000052D": "the new password does not satisfy the domain's password policy",
	"0000001F": "the domain controller wants a stronger encrypted connection",
	"00000005": "the service account lacks the right",
	"00002098": "the service account lacks the right",
	"00002245": "the account's type does not allow it",
}

// explain adds the reason to a change that was declined, where the controller
// gives one that is known.
func explain(err error) error {
	var le *ldap.Error
	if !errors.Is(err, directory.ErrRefused) || !errors.As(err, &le) || le.Err == nil {
		return err
	}
	if m := winError.FindStringSubmatch(le.Err.Error()); m != nil && changeCodes[strings.ToUpper(m[1])] != "" {
		return fmt.Errorf("%w: %s", err, changeCodes[strings.ToUpper(m[1])])
	}
	return err
}
