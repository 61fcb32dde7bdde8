// Package identity holds the words every other package shares: persons,
// accounts, classes, actions, channels, roles and tiers.
//
// Values of these types are what the ledger stores, so each text form is
// stable. Parse functions accept exactly the documented words and nothing
// else; an unknown word is an error, never a default.
package identity

import (
	"fmt"
	"slices"
	"strings"
)

// PersonID names a natural person. Separation of duties compares persons, so
// two accounts of one human carry the same PersonID. The text is opaque: a
// directory adapter derives it from an authoritative attribute (an employee
// number, say) or, where none exists, from the account itself.
type PersonID string

// AccountID is the canonical name of an account: the directory's configured
// name, a slash, and an identifier that survives renames (objectGUID in Active
// Directory, entryUUID in LDAP).
type AccountID string

// NewAccountID joins a directory's configured name and its stable object id.
func NewAccountID(directory, object string) AccountID {
	return AccountID(directory + "/" + object)
}

// Directory is the part of the id before the slash.
func (id AccountID) Directory() string {
	d, _, _ := strings.Cut(string(id), "/")
	return d
}

// Object is the part of the id after the slash.
func (id AccountID) Object() string {
	_, o, _ := strings.Cut(string(id), "/")
	return o
}

// Check reports whether the id has both parts and only printable ASCII.
func (id AccountID) Check() error {
	d, o, ok := strings.Cut(string(id), "/")
	if !ok || d == "" || o == "" || !printableASCII(string(id)) {
		return fmt.Errorf("identity: %q is not an account id (want DIRECTORY/OBJECT)", string(id))
	}
	return nil
}

// Class is the policy's sorting of accounts. It is computed from facts, never
// chosen by a caller; Unknown is treated as Privileged everywhere.
type Class string

// The classes, from the policy's point of view.
const (
	Standard   Class = "standard"
	Sensitive  Class = "sensitive"
	Executive  Class = "executive"
	External   Class = "external"
	Privileged Class = "privileged"
	Service    Class = "service"
	BreakGlass Class = "break_glass"
	Unknown    Class = "unknown"
)

// Classes lists every class.
var Classes = []Class{Standard, Sensitive, Executive, External, Privileged, Service, BreakGlass, Unknown}

// ParseClass accepts the words in Classes.
func ParseClass(s string) (Class, error) { return parse("class", s, Classes) }

// Action is what a request asks to be done to its subject.
type Action string

// The actions. A directory declares which of them it can carry out.
const (
	PasswordReset     Action = "password_reset"
	MFAReset          Action = "mfa_reset"
	Unlock            Action = "unlock"
	RecoveryChange    Action = "recovery_change"
	AccessPass        Action = "access_pass"
	InitialEnrolment  Action = "initial_enrolment"
	PrivilegeChange   Action = "privilege_change"
	SecretRotation    Action = "secret_rotation"
	SessionRevocation Action = "session_revocation"
	Reactivation      Action = "reactivation"
)

// Actions lists every action.
var Actions = []Action{
	PasswordReset, MFAReset, Unlock, RecoveryChange, AccessPass,
	InitialEnrolment, PrivilegeChange, SecretRotation, SessionRevocation, Reactivation,
}

// ParseAction accepts the words in Actions.
func ParseAction(s string) (Action, error) { return parse("action", s, Actions) }

// Channel is the way a request came in, or the way a proof travelled.
type Channel string

// The channels. Intake uses all of them; proofs use those a method declares.
const (
	Phone       Channel = "phone"
	Chat        Channel = "chat"
	Email       Channel = "email"
	SelfService Channel = "self_service"
	WalkIn      Channel = "walk_in"
	Ticket      Channel = "ticket"
	// App is an authenticator in the owner's hands (a TOTP app, a passkey).
	App Channel = "app"
	// Saved is something the owner wrote down earlier (a recovery code).
	Saved Channel = "saved"
)

// IntakeChannels lists the channels a request may come in by.
var IntakeChannels = []Channel{Phone, Chat, Email, SelfService, WalkIn, Ticket}

// ParseIntakeChannel accepts the words in IntakeChannels.
func ParseIntakeChannel(s string) (Channel, error) { return parse("channel", s, IntakeChannels) }

// Role is what a person on the roster may do.
type Role string

// The roles. Manager is special: holding it means "may sign as a manager", and
// the signature counts only for subjects whose manager of record is the signer.
const (
	Agent         Role = "agent"
	Manager       Role = "manager"
	Security      Role = "security"
	ResourceOwner Role = "resource_owner"
	Officer       Role = "officer" // countersigns changes of roster and policy
	Reviewer      Role = "reviewer"
	Auditor       Role = "auditor"
	// Proofing officers attest in person who somebody is.
	Proofing Role = "proofing"
)

// Roles lists every role.
var Roles = []Role{Agent, Manager, Security, ResourceOwner, Officer, Reviewer, Auditor, Proofing}

// ParseRole accepts the words in Roles.
func ParseRole(s string) (Role, error) { return parse("role", s, Roles) }

// Tier orders how much is at stake. It is computed, never chosen, and within a
// request it never falls.
type Tier string

// The tiers in rising order.
const (
	Low      Tier = "low"
	Elevated Tier = "elevated"
	High     Tier = "high"
	Critical Tier = "critical"
)

// Tiers lists every tier in rising order.
var Tiers = []Tier{Low, Elevated, High, Critical}

// ParseTier accepts the words in Tiers.
func ParseTier(s string) (Tier, error) { return parse("tier", s, Tiers) }

// Rank is 0 for Low up to 3 for Critical. A word that is not a tier ranks as
// Critical, so that damage can only tighten.
func (t Tier) Rank() int {
	if i := slices.Index(Tiers, t); i >= 0 {
		return i
	}
	return len(Tiers) - 1
}

// Max is the higher of two tiers.
func (t Tier) Max(u Tier) Tier {
	if u.Rank() > t.Rank() {
		return u
	}
	return t
}

func parse[T ~string](what, s string, words []T) (T, error) {
	if slices.Contains(words, T(s)) {
		return T(s), nil
	}
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return "", fmt.Errorf("identity: %q is not a known %s (one of: %s)", s, what, strings.Join(all, ", "))
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
