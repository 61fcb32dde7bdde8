package app

import (
	"slices"

	"countersign/internal/proof"
)

// Offer is what a server with a configuration can do for a policy.
type Offer struct {
	Methods   []proof.Method
	Delivery  []string
	FollowUps []string
}

// Offers tells what a server with this configuration could do, without
// starting one. Who holds which role stands on the ledger, not here.
func (c Config) Offers() Offer {
	o := Offer{
		Methods:  []proof.Method{proof.Passkey, proof.TOTP, proof.RecoveryCode, proof.InPerson, proof.Device},
		Delivery: []string{"session"}, FollowUps: []string{},
	}
	add := func(there bool, ms ...proof.Method) {
		if there {
			o.Methods = append(o.Methods, ms...)
		}
	}
	gateway := func(kind string) bool {
		return slices.ContainsFunc(c.Gateways, func(g Gateway) bool { return g.Kind == kind })
	}
	add(c.Mail.Host != "", proof.EmailCode, proof.RecoveryContact, proof.Vouch)
	add(gateway("sms"), proof.SMSCode)
	add(gateway("voice"), proof.VoiceCode, proof.Callback)
	add(c.OIDC.Issuer != "" && len(c.OIDC.ACR)+len(c.OIDC.AMR) > 0, proof.OIDC)
	add(len(c.IDV) > 0, proof.IDV)
	// The accounts of the local directory are the only ones whose sessions it
	// can end itself.
	if slices.ContainsFunc(c.Directories, func(d Directory) bool { return d.Kind == "local" }) {
		o.FollowUps = append(o.FollowUps, "revoke_sessions")
	}
	slices.Sort(o.Methods)
	return o
}
