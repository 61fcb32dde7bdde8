package ldapconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
)

// ErrTooMany: a search matched more entries than it may. It is also
// directory.ErrUnreachable, because half an answer is none.
var ErrTooMany = errors.New("more entries than expected")

// Search runs a search and returns its entries. References to other servers
// are ignored: Countersign works with the server it was pointed at. A missing
// base is directory.ErrNotFound; every other fault directory.ErrUnreachable.
func (c *Conn) Search(doing string, req *ldap.SearchRequest) ([]*ldap.Entry, error) {
	req.EnforceSizeLimit = true // a server need not honour the limit
	res, err := c.ldap.Search(req)
	switch {
	case err == nil:
		return res.Entries, nil
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return nil, c.client.fault(c.ctx, doing, directory.ErrNotFound, err)
	case errors.Is(err, ldap.ErrSizeLimitExceeded), ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return nil, c.client.fault(c.ctx, doing, errors.Join(directory.ErrUnreachable, ErrTooMany), err)
	}
	return nil, c.client.fault(c.ctx, doing, directory.ErrUnreachable, err)
}

// Base reads one entry by its name; directory.ErrNotFound.
func (c *Conn) Base(doing, dn string, attrs ...string) (*ldap.Entry, error) {
	entries, err := c.Search(doing, ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", attrs, nil))
	if err != nil {
		return nil, err
	}
	if len(entries) != 1 {
		return nil, c.Fault(doing, directory.ErrNotFound, "no readable entry")
	}
	return entries[0], nil
}

// Modify sends one modification.
func (c *Conn) Modify(doing string, req *ldap.ModifyRequest) error {
	return c.change(doing, func() error { return c.ldap.Modify(req) })
}

// SetPassword asks for a password change by RFC 3062. A server that answers
// with a password of its own choosing has not done what was asked.
func (c *Conn) SetPassword(doing, dn, secret string) error {
	return c.change(doing, func() error {
		res, err := c.ldap.PasswordModify(ldap.NewPasswordModifyRequest(dn, "", secret))
		if err == nil && res.GeneratedPassword != "" {
			return errors.New("the server chose a password itself")
		}
		return err
	})
}

// change tells the three ends of a change apart: not sent, declined, unknown.
func (c *Conn) change(doing string, send func() error) error {
	if c.ctx.Err() != nil || c.ldap.IsClosing() {
		return c.Fault(doing, directory.ErrUnreachable, "not sent")
	}
	err := send()
	if err == nil {
		return nil
	}
	var le *ldap.Error
	if errors.As(err, &le) && le.ResultCode < ldap.ErrorNetwork {
		return c.client.fault(c.ctx, doing, directory.ErrRefused, err)
	}
	return c.client.fault(c.ctx, doing, directory.ErrUncertain, err)
}

// Fault is an error of the given kind with a cause in plain words.
func (c *Conn) Fault(doing string, kind error, cause string) error {
	return c.client.fault(c.ctx, doing, kind, errors.New(cause))
}

// fault joins who, doing what, the kind callers decide on and a safe cause.
func (c *Client) fault(ctx context.Context, doing string, kind, cause error) error {
	return &fault{
		text:  fmt.Sprintf("%s: %s: %s", c.server.Who, doing, describe(ctx, kind, cause)),
		wraps: []error{kind, cause, ctx.Err()},
	}
}

func describe(ctx context.Context, kind, cause error) string {
	var le *ldap.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Sprintf("%v: %v", kind, ctx.Err())
	case errors.As(cause, &le) && le.ResultCode < ldap.ErrorNetwork:
		return fmt.Sprintf("%v: LDAP result %d (%s)", kind, le.ResultCode, ldap.LDAPResultCodeMap[le.ResultCode])
	case errors.As(cause, &le):
		return fmt.Sprintf("%v: the connection ended before the answer", kind)
	}
	return fmt.Sprintf("%v: %v", kind, cause)
}

// SignInRefused reports whether an error came about because the server refused
// the name or the password that was signed in with.
func SignInRefused(err error) bool {
	var le *ldap.Error
	return errors.As(err, &le) && le.ResultCode == ldap.LDAPResultInvalidCredentials
}

// fault prints only its own text. What it wraps can be classified, and would
// print what the server said.
type fault struct {
	text  string
	wraps []error
}

func (f *fault) Error() string { return f.text }

func (f *fault) Unwrap() []error {
	out := make([]error, 0, len(f.wraps))
	for _, e := range f.wraps {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}
