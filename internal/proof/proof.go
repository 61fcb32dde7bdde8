// Package proof says what counts as evidence of a requester's identity: which
// methods there are, how strong and how independent they are, when a proof is
// fresh, and which ways of satisfying a policy's formula are still open.
//
// The methods themselves (how a challenge is made and an answer checked) live
// in folders below this one.
package proof

import (
	"time"

	"countersign/internal/identity"
)

// Method is a way to prove who one is. Knowledge questions and voice
// recognition are not methods (SP 800-63A-4 §2.5.1, SP 800-63B-4 §3.2.3).
type Method string

// The methods a policy can ask for.
const (
	Passkey         Method = "passkey"
	TOTP            Method = "totp"
	EmailCode       Method = "email_code"
	SMSCode         Method = "sms_code"
	VoiceCode       Method = "voice_code"
	RecoveryCode    Method = "recovery_code"
	RecoveryContact Method = "recovery_contact"
	Vouch           Method = "vouch"
	Callback        Method = "callback"
	InPerson        Method = "in_person"
	OIDC            Method = "oidc"
	Device          Method = "device"
	IDV             Method = "idv"
)

// Spec is what is fixed about a method, whatever the configuration.
type Spec struct {
	Method            Method
	Strength          Strength         // what kind of evidence it is
	Channel           identity.Channel // the way the proof travels
	PhishingResistant bool             // SP 800-63B-4 §3.2.5
	// Restricted: it travels over the public telephone network, so something
	// that does not has to be offered beside it (SP 800-63B-4 §3.2.9).
	Restricted bool
	// Unregistered: nothing of it is on record beforehand. Every other factor or
	// destination must have been on record for the cool-off time.
	Unregistered bool
	// Signed: the answer is a signature over the challenge's statement, which
	// the hands and an auditor verify for themselves.
	Signed bool
	// Witness: somebody else gives the answer and is named with it. They take
	// part, so they sign nothing else of the request.
	Witness bool
	// Ceiling is the highest tier at which the method counts at all.
	Ceiling identity.Tier
	// Destination: the challenge is sent to a registered address, which must
	// have been on record for the cool-off time.
	Destination bool
	// Spoiled lists the actions whose own target the method is, so that it
	// proves nothing for them (a TOTP app cannot vouch for its replacement).
	Spoiled []identity.Action
	// Life is how long a challenge may be answered.
	Life time.Duration
	// Section is the norm's section that rules the method.
	Section string
	// Suits says whom it is for, in a few words.
	Suits string
}

// Strength is what kind of evidence a method gives, in the norm's terms.
type Strength string

// The strengths, the weakest first. They are words for people: what is enough
// is the policy's formula to say.
const (
	IssuedCode   Strength = "issued recovery code"
	SavedCode    Strength = "saved recovery code"
	ContactCode  Strength = "recovery contact"
	Attestation  Strength = "attestation by a person of record"
	SingleFactor Strength = "single-factor authenticator"
	Federated    Strength = "federated sign-in"
	MultiFactor  Strength = "multi-factor authenticator"
	Proofing     Strength = "identity proofing"
)

// Specs lists the methods in the order they are shown to people: easiest first.
var Specs = []Spec{
	{Method: Passkey, Strength: MultiFactor, Channel: identity.App, PhishingResistant: true, Signed: true, Ceiling: identity.Critical,
		Spoiled: []identity.Action{identity.MFAReset}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.7",
		Suits: "everybody who still has a device or a security key of theirs"},
	{Method: TOTP, Strength: SingleFactor, Channel: identity.App, Ceiling: identity.Critical,
		Spoiled: []identity.Action{identity.MFAReset}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.4",
		Suits: "who has an authenticator app, on a telephone or a computer"},
	{Method: EmailCode, Strength: IssuedCode, Channel: identity.Email, Destination: true, Ceiling: identity.Elevated,
		Spoiled: []identity.Action{identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §4.2.1.2",
		Suits: "who can read a mailbox other than the account's own"},
	{Method: SMSCode, Strength: IssuedCode, Channel: identity.Phone, Destination: true, Restricted: true, Ceiling: identity.Elevated,
		Spoiled: []identity.Action{identity.MFAReset, identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.3.3",
		Suits: "who has any mobile telephone; deaf people too"},
	{Method: VoiceCode, Strength: IssuedCode, Channel: identity.Phone, Destination: true, Restricted: true, Ceiling: identity.Elevated,
		Spoiled: []identity.Action{identity.MFAReset, identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.3.3",
		Suits: "who has a landline, or cannot read a small screen"},
	{Method: RecoveryCode, Strength: SavedCode, Channel: identity.Saved, Ceiling: identity.Critical,
		Spoiled: []identity.Action{identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §4.2.1.1",
		Suits: "everybody who kept the printed card; no device is needed"},
	{Method: RecoveryContact, Strength: ContactCode, Channel: identity.Email, Destination: true, Ceiling: identity.Critical,
		Spoiled: []identity.Action{identity.RecoveryChange}, Life: 24 * time.Hour, Section: "SP 800-63B-4 §4.2.1.3",
		Suits: "who named somebody they trust beforehand"},
	{Method: Vouch, Strength: Attestation, Channel: identity.App, PhishingResistant: true, Signed: true, Witness: true, Ceiling: identity.Critical,
		Life: 24 * time.Hour, Section: "SP 800-63B-4 §4.2.1",
		Suits: "who can reach their manager or a colleague of record by a way both know"},
	{Method: Callback, Strength: IssuedCode, Channel: identity.Phone, Destination: true, Restricted: true, Ceiling: identity.Elevated,
		Spoiled: []identity.Action{identity.MFAReset, identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.3",
		Suits: "who wrote or walked in, and has a telephone of record but cannot type a code"},
	{Method: InPerson, Strength: Proofing, Channel: identity.WalkIn, PhishingResistant: true, Signed: true, Witness: true, Unregistered: true, Ceiling: identity.Critical,
		Life: 24 * time.Hour, Section: "SP 800-63A-4 §2.1.3",
		Suits: "everybody who can come to a proofing officer with a document"},
	{Method: OIDC, Strength: Federated, Channel: identity.App, Unregistered: true, Ceiling: identity.High,
		Spoiled: []identity.Action{identity.PasswordReset, identity.MFAReset}, Life: 10 * time.Minute, Section: "SP 800-63C-4",
		Suits: "who can still sign in at the organisation's provider with a second factor"},
	{Method: Device, Strength: SingleFactor, Channel: identity.App, PhishingResistant: true, Signed: true, Ceiling: identity.Critical,
		Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.7",
		Suits: "who has a managed computer with a key of its own"},
	{Method: IDV, Strength: Proofing, Channel: identity.App, Unregistered: true, Ceiling: identity.Critical,
		Life: 24 * time.Hour, Section: "SP 800-63B-4 §4.2.1.4",
		Suits: "who is far away and has an identity document, and a provider to show it to"},
}

// Proof is one accepted piece of evidence, as recorded with the request. It
// counts for that request alone.
type Proof struct {
	Method    Method    `json:"method"`
	Challenge string    `json:"challenge"` // the challenge it answered; answered once
	Enrolment string    `json:"enrolment"` // the registered factor or destination used
	Since     time.Time `json:"since"`     // when that was first seen on record
	At        time.Time `json:"at"`
	Until     time.Time `json:"until"` // it does not count from this moment on
	// By is who attested, for a method with a witness.
	By identity.PersonID `json:"by,omitempty"`
	// Key is the enrolment of the passkey that a witness signed with, where it
	// stands on no roster.
	Key string `json:"key,omitempty"`
}

// SpecOf finds a method's Spec.
func SpecOf(m Method) (Spec, bool) {
	for _, s := range Specs {
		if s.Method == m {
			return s, true
		}
	}
	return Spec{}, false
}

// CoolOff is how long a factor or destination has to have been on record
// before a request, unless the policy says otherwise.
const CoolOff = 72 * time.Hour
