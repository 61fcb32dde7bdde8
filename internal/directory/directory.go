// Package directory says what a directory can do for Countersign, as small
// capability interfaces. A backend implements Directory and whichever of the
// acting interfaces it can keep the promises of; directorytest judges it.
//
// Reading and acting may use different credentials: the web side needs only a
// reader, the hands (package dispatch) hold the rights to change things.
package directory

import (
	"context"
	"errors"
	"time"

	"countersign/internal/identity"
)

// The faults callers decide on. Backends wrap them: "activedirectory: reading
// CN=…: <cause>". Of a read, anything else counts as ErrUnreachable; of a
// change, anything else counts as ErrUncertain.
var (
	// ErrNotFound: no account has that name or id.
	ErrNotFound = errors.New("directory: no such account")
	// ErrAmbiguous: more than one account answers to that name.
	ErrAmbiguous = errors.New("directory: name matches more than one account")
	// ErrUnreachable: the directory could not be reached or gave no answer to
	// a read; if a change was asked for, it was never sent.
	ErrUnreachable = errors.New("directory: unreachable")
	// ErrUncertain: a change was sent and its outcome is not known.
	ErrUncertain = errors.New("directory: outcome unknown")
	// ErrRefused: the directory answered and declined the change; nothing
	// was changed.
	ErrRefused = errors.New("directory: refused")
	// ErrBadCredential: a sign-in was refused because of the credential.
	ErrBadCredential = errors.New("directory: credential refused")
)

// Status is whether an account is one that may be recovered at all.
type Status string

// The statuses. Only Active accounts are recoverable by the desk.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
	Expired  Status = "expired"
)

// Account is what a directory knows of one account at one moment. Text fields
// are raw: callers sanitise them (identity.Line) before showing them.
type Account struct {
	ID       identity.AccountID
	Person   identity.PersonID // the natural person; the account id itself where the directory has nothing better
	Login    string            // what its owner types to sign in (sAMAccountName, uid)
	Name     string            // display name
	Unit     string            // department; "" when the directory has none
	Location string            // site; "" when the directory has none
	Status   Status
	Locked   bool
	Service  bool // a non-human account
	// Admin: holds administrative rights over the directory, directly or
	// through any depth of nesting. Never taken from adminCount.
	Admin bool
	// Groups are the names of all groups, nested ones included, sorted.
	Groups []string
	// Manager is the manager of record; zero when there is none.
	Manager Manager
	// Contacts are the destinations on record, in the directory's order.
	Contacts []Contact
	// PasswordChanged is when the password last changed; zero when unknown.
	PasswordChanged time.Time
	// MustChange: the owner has to choose a new password at the next sign-in.
	MustChange bool
	// Created is when the account came into being; zero when unknown.
	Created time.Time
	// Starts is the first day on which the owner works here, as the moment at
	// which it begins; zero when unknown. A directory that has a value which
	// cannot be read says so by an error, never by zero.
	Starts time.Time
}

// Manager points at the manager of record.
type Manager struct {
	ID     identity.AccountID
	Person identity.PersonID
	Name   string
}

// ContactKind is what sort of destination a contact is.
type ContactKind string

// The kinds of contact.
const (
	ContactEmail ContactKind = "email"
	ContactPhone ContactKind = "phone"
)

// Contact is a destination on record.
type Contact struct {
	Kind    ContactKind
	Address string // RFC 5321 mailbox or E.164 number, as the directory has it
	// Own says that the account being read opens this destination (its own
	// mailbox), so it proves nothing when that account is being reset.
	Own bool
	// FirstSeen is when the directory itself dates the value; zero when it
	// does not. Countersign keeps its own first-seen date besides.
	FirstSeen time.Time
}

// Directory reads accounts. Every implementation can at least do this.
type Directory interface {
	// Name is the directory's configured name: the first part of its ids.
	Name() string
	// Find looks an account up by exact login name (or another exact
	// identifier the backend documents). Never a substring search.
	// ErrNotFound, ErrAmbiguous, ErrUnreachable.
	Find(ctx context.Context, login string) (Account, error)
	// Lookup reads an account by its canonical id. ErrNotFound, ErrUnreachable.
	Lookup(ctx context.Context, id identity.AccountID) (Account, error)
	// Ping reports whether the directory answers with the configured rights.
	Ping(ctx context.Context) error
	// Can lists the actions the backend is able to carry out.
	Can() []identity.Action
}

// Outcome is what is known after a change was asked for.
type Outcome struct {
	// Applied: the directory confirmed the change on the server written to.
	Applied bool
	// OldDead reports on the previous credential where the backend can tell:
	// "dead", "alive" (a grace period keeps it working) or "unknown".
	OldDead string
	// Notes are facts worth recording ("other controllers not yet in step"),
	// in plain words without any secret or personal value.
	Notes []string
}

// PasswordResetter sets a new password chosen by Countersign.
type PasswordResetter interface {
	// ResetPassword gives the account the password secret. With mustChange
	// the owner has to choose a new one at the next sign-in. The change and
	// the must-change mark take effect together or not at all where the
	// directory allows it. It also clears a lock-out, because a person who
	// forgot a password has usually tried it too often.
	// ErrRefused and ErrUnreachable: nothing changed. ErrUncertain: it may have.
	ResetPassword(ctx context.Context, id identity.AccountID, secret string, mustChange bool) (Outcome, error)
}

// Unlocker clears a lock-out and changes nothing else.
type Unlocker interface {
	Unlock(ctx context.Context, id identity.AccountID) (Outcome, error)
}

// Verifier tells whether a credential works, by a real sign-in as its owner.
type Verifier interface {
	// VerifyPassword signs in with the password. nil: it works (also when the
	// directory says it works but must be changed). ErrBadCredential: it does
	// not. Other errors: cannot say. It must not lock the account: callers use
	// it only with secrets that Countersign itself set.
	VerifyPassword(ctx context.Context, id identity.AccountID, secret string) error
}

// SessionRevoker ends what was signed in before.
type SessionRevoker interface {
	// RevokeSessions ends every session of the account. Doing it twice is
	// harmless. ErrRefused, ErrUnreachable and ErrNotFound: nothing ended.
	// ErrUncertain: some or all may have.
	RevokeSessions(ctx context.Context, id identity.AccountID) (Outcome, error)
}
