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
	Channel           identity.Channel // the way the proof travels
	PhishingResistant bool             // SP 800-63B-4 §3.2.5
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
}

// Specs lists the methods in the order they are shown to people: easiest first.
var Specs = []Spec{
	{Method: Passkey, Channel: identity.App, PhishingResistant: true, Ceiling: identity.Critical, Spoiled: []identity.Action{identity.MFAReset}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.7"},
	{Method: TOTP, Channel: identity.App, Ceiling: identity.Critical, Spoiled: []identity.Action{identity.MFAReset}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.4"},
	{Method: EmailCode, Channel: identity.Email, Ceiling: identity.Elevated, Destination: true, Spoiled: []identity.Action{identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §4.2.1.2"},
	{Method: SMSCode, Channel: identity.Phone, Ceiling: identity.Elevated, Destination: true, Spoiled: []identity.Action{identity.MFAReset, identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.3.3"},
	{Method: VoiceCode, Channel: identity.Phone, Ceiling: identity.Elevated, Destination: true, Spoiled: []identity.Action{identity.MFAReset, identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.3.3"},
	{Method: RecoveryCode, Channel: identity.Saved, Ceiling: identity.Critical, Spoiled: []identity.Action{identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §4.2.1.1"},
	{Method: RecoveryContact, Channel: identity.Email, Ceiling: identity.Critical, Destination: true, Spoiled: []identity.Action{identity.RecoveryChange}, Life: 24 * time.Hour, Section: "SP 800-63B-4 §4.2.1.3"},
	{Method: Vouch, Channel: identity.App, PhishingResistant: true, Ceiling: identity.Critical, Life: 24 * time.Hour, Section: "SP 800-63B-4 §4.2.1"},
	{Method: Callback, Channel: identity.Phone, Ceiling: identity.Elevated, Destination: true, Spoiled: []identity.Action{identity.MFAReset, identity.RecoveryChange}, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.3"},
	{Method: InPerson, Channel: identity.WalkIn, PhishingResistant: true, Ceiling: identity.Critical, Life: 24 * time.Hour, Section: "SP 800-63A-4 §2.1.3"},
	{Method: OIDC, Channel: identity.App, Ceiling: identity.High, Spoiled: []identity.Action{identity.PasswordReset, identity.MFAReset}, Life: 10 * time.Minute, Section: "SP 800-63C-4"},
	{Method: Device, Channel: identity.App, PhishingResistant: true, Ceiling: identity.Critical, Life: 10 * time.Minute, Section: "SP 800-63B-4 §3.1.7"},
	{Method: IDV, Channel: identity.App, Ceiling: identity.Critical, Life: 24 * time.Hour, Section: "SP 800-63B-4 §4.2.1.4"},
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
