// Package passkey verifies what a WebAuthn authenticator says: that a
// credential was made (Register) and that its holder was present, verified and
// saw a given challenge (Verify). It serves a requester's proof, staff sign-in
// and approvals alike; an approval's challenge is the SHA-256 of the statement
// that was signed.
//
// Nothing here keeps state or knows the time. The caller makes a challenge,
// keeps it, uses it once and lets it expire; the caller also decides what a
// signature counter that went backwards means (see Counter).
//
// Demands beyond the norm's minimum (WebAuthn Level 3 §7): user verification
// is always required, origins are compared byte for byte, and a response made
// inside somebody else's page is refused.
package passkey

import (
	"errors"
	"fmt"
	"strings"
)

// SoftwareAAGUID is the authenticator model that internal/softkey reports, so
// that a roster can show which keys are files rather than devices. An AAGUID
// without attestation is a claim: it labels the honest, it stops nobody.
const SoftwareAAGUID = "c0de5160-0f7e-4a11-9b1d-5a6f746b6579"

// What a caller may decide on. Every error of this package wraps exactly one.
var (
	ErrForm         = errors.New("not in the documented form")
	ErrCredential   = errors.New("made with another credential")
	ErrType         = errors.New("made for another ceremony")
	ErrChallenge    = errors.New("answers another challenge")
	ErrOrigin       = errors.New("made on a page that is not ours")
	ErrRelyingParty = errors.New("made for another relying party")
	ErrPresence     = errors.New("the user was not present")
	ErrUnverified   = errors.New("the user was not verified (no PIN or biometric)")
	ErrKey          = errors.New("a public key that is not accepted (want ES256, EdDSA or RS256)")
	ErrSignature    = errors.New("the signature is wrong")
)

// RelyingParty is whom an authenticator answers to.
type RelyingParty struct {
	ID      string   `json:"id"`      // a domain, such as countersign.example.org
	Origins []string `json:"origins"` // pages that may ask, such as https://countersign.example.org
}

// Check reports whether browsers could ever honour rp: each origin is https (or
// http on localhost), in the lower-case form that browsers send, and its host
// is the ID or below it.
func (rp RelyingParty) Check() error {
	if rp.ID == "" || rp.ID != strings.ToLower(rp.ID) || strings.ContainsAny(rp.ID, "/:@ ") {
		return fmt.Errorf("passkey: relying party id %q is not a lower-case domain name", rp.ID)
	}
	if len(rp.Origins) == 0 {
		return fmt.Errorf("passkey: relying party %s has no origins", rp.ID)
	}
	for _, o := range rp.Origins {
		if err := rp.checkOrigin(o); err != nil {
			return err
		}
	}
	return nil
}

func (rp RelyingParty) checkOrigin(origin string) error {
	scheme, rest, ok := strings.Cut(origin, "://")
	host, port, hasPort := strings.Cut(rest, ":")
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	switch {
	case !ok, origin != strings.ToLower(origin), strings.ContainsAny(rest, "/@?# "), host == "",
		hasPort && (port == "" || strings.Trim(port, "0123456789") != ""):
		return fmt.Errorf("passkey: origin %q is not of the form https://HOST[:PORT], lower-case and without a path", origin)
	case scheme != "https" && !(scheme == "http" && local):
		return fmt.Errorf("passkey: origin %q is not https (http is for localhost alone)", origin)
	case host != rp.ID && !strings.HasSuffix(host, "."+rp.ID):
		return fmt.Errorf("passkey: origin %q is not at or below the relying party's domain %s", origin, rp.ID)
	}
	return nil
}

// Credential is what a roster keeps of an authenticator. Its JSON form is
// stored in the ledger and stays as it is.
type Credential struct {
	ID        Bytes  `json:"id"`
	PublicKey Bytes  `json:"public_key"` // a COSE_Key in CTAP2 canonical CBOR
	AAGUID    string `json:"aaguid"`     // the authenticator's model, in UUID text form; a claim
	Software  bool   `json:"software"`   // the AAGUID is SoftwareAAGUID
	// BackupEligible: the key may be synced to other devices (WebAuthn's BE flag).
	BackupEligible bool `json:"backup_eligible"`
}

// Assertion is what an authenticator signed, in the form the ledger keeps.
type Assertion struct {
	CredentialID      Bytes `json:"credential_id"`
	AuthenticatorData Bytes `json:"authenticator_data"`
	ClientDataJSON    Bytes `json:"client_data_json"`
	Signature         Bytes `json:"signature"`
}
