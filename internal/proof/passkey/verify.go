package passkey

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// minChallenge is the shortest challenge that is accepted, in bytes (WebAuthn
// §13.4.3); it keeps a caller that lost its challenge from accepting anything.
const minChallenge = 16

// Register checks a browser's RegistrationResponseJSON against the challenge
// it was asked with and returns the credential to keep. The attestation
// statement is read past, not trusted: whose key this is must be vouched for
// by whoever puts it on a roster. The caller checks that the credential's ID is
// not registered already.
func Register(rp RelyingParty, challenge, response []byte) (Credential, error) {
	c, err := register(rp, challenge, response)
	if err != nil {
		return Credential{}, fmt.Errorf("passkey: registering a credential: %w", err)
	}
	return c, nil
}

func register(rp RelyingParty, challenge, response []byte) (Credential, error) {
	if len(response) > maxResponse {
		return Credential{}, fmt.Errorf("%w: longer than %d bytes", ErrForm, maxResponse)
	}
	r, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Credential{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if err := checkClientData(rp, protocol.CreateCeremony, challenge, r.Raw.AttestationResponse.ClientDataJSON); err != nil {
		return Credential{}, err
	}
	data := r.Response.AttestationObject.AuthData
	if err := checkAuthenticator(rp, data); err != nil {
		return Credential{}, err
	}
	id := data.AttData.CredentialID
	switch {
	case !data.Flags.HasAttestedCredentialData() || len(id) == 0 || len(data.AttData.AAGUID) != 16:
		return Credential{}, fmt.Errorf("%w: no credential in it", ErrForm)
	case !bytes.Equal(id, r.RawID):
		return Credential{}, fmt.Errorf("%w: the browser and the authenticator name different ids", ErrCredential)
	}
	if _, err := publicKey(data.AttData.CredentialPublicKey); err != nil {
		return Credential{}, err
	}
	m := data.AttData.AAGUID
	aaguid := fmt.Sprintf("%x-%x-%x-%x-%x", m[:4], m[4:6], m[6:8], m[8:10], m[10:])
	return Credential{ID: id, PublicKey: data.AttData.CredentialPublicKey, AAGUID: aaguid, Software: aaguid == SoftwareAAGUID,
		BackupEligible: data.Flags.HasBackupEligible()}, nil
}

// ParseAssertion takes what the ledger keeps out of a browser's
// AuthenticationResponseJSON. It judges nothing: Verify does.
func ParseAssertion(response []byte) (Assertion, error) {
	if len(response) > maxResponse {
		return Assertion{}, fmt.Errorf("passkey: reading a response: %w: longer than %d bytes", ErrForm, maxResponse)
	}
	r, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Assertion{}, fmt.Errorf("passkey: reading a response: %w: %w", ErrForm, err)
	}
	a := Assertion{
		CredentialID:      Bytes(r.RawID),
		AuthenticatorData: Bytes(r.Raw.AssertionResponse.AuthenticatorData),
		ClientDataJSON:    Bytes(r.Raw.AssertionResponse.ClientDataJSON),
		Signature:         Bytes(r.Raw.AssertionResponse.Signature),
	}
	if err := a.complete(); err != nil {
		return Assertion{}, fmt.Errorf("passkey: reading a response: %w", err)
	}
	return a, nil
}

// Verify reports whether the holder of cred, present and verified, answered
// exactly this challenge on one of rp's pages. Its error wraps the first
// sentinel that applies, in the order of the checks.
func Verify(rp RelyingParty, cred Credential, challenge []byte, a Assertion) error {
	if err := verify(rp, cred, challenge, a); err != nil {
		return fmt.Errorf("passkey: verifying an assertion: %w", err)
	}
	return nil
}

func verify(rp RelyingParty, cred Credential, challenge []byte, a Assertion) error {
	if err := a.complete(); err != nil {
		return err
	}
	if !bytes.Equal(a.CredentialID, cred.ID) {
		return ErrCredential
	}
	if err := checkClientData(rp, protocol.AssertCeremony, challenge, a.ClientDataJSON); err != nil {
		return err
	}
	var data protocol.AuthenticatorData
	if err := data.Unmarshal(a.AuthenticatorData); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	if err := checkAuthenticator(rp, data); err != nil {
		return err
	}
	key, err := publicKey(cred.PublicKey)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(a.ClientDataJSON)
	if ok, err := webauthncose.VerifySignature(key, slices.Concat(a.AuthenticatorData, hash[:]), a.Signature); err != nil || !ok {
		return ErrSignature
	}
	return nil
}

// Counter is the signature counter that a carries. Authenticators that sync
// their keys, and software ones, always say 0; from others a value that does
// not rise says that the key was copied.
func Counter(a Assertion) (uint32, error) {
	var data protocol.AuthenticatorData
	if err := data.Unmarshal(a.AuthenticatorData); err != nil {
		return 0, fmt.Errorf("passkey: reading the signature counter: %w: %w", ErrForm, err)
	}
	return data.Counter, nil
}

func checkClientData(rp RelyingParty, kind protocol.CeremonyType, challenge, text []byte) error {
	m, err := members(text)
	if err != nil || !utf8.Valid(text) {
		return fmt.Errorf("%w: client data", ErrForm)
	}
	var c struct {
		Type, Challenge, Origin string
		CrossOrigin             bool
	}
	for name, v := range map[string]any{"type": &c.Type, "challenge": &c.Challenge, "origin": &c.Origin, "crossOrigin": &c.CrossOrigin} {
		if raw, ok := m[name]; ok && json.Unmarshal(raw, v) != nil {
			return fmt.Errorf("%w: client data, member %s", ErrForm, name)
		}
	}
	want := base64.RawURLEncoding.EncodeToString(challenge)
	_, framed := m["topOrigin"]
	switch {
	case c.Type != string(kind):
		return ErrType
	case len(challenge) < minChallenge, subtle.ConstantTimeCompare([]byte(c.Challenge), []byte(want)) != 1:
		return ErrChallenge
	case !slices.Contains(rp.Origins, c.Origin), c.CrossOrigin, framed:
		return ErrOrigin
	}
	return nil
}

func checkAuthenticator(rp RelyingParty, data protocol.AuthenticatorData) error {
	hash := sha256.Sum256([]byte(rp.ID))
	switch {
	case rp.ID == "" || !bytes.Equal(data.RPIDHash, hash[:]):
		return ErrRelyingParty
	case !data.Flags.HasUserPresent():
		return ErrPresence
	case !data.Flags.HasUserVerified():
		return ErrUnverified
	case data.Flags.HasBackupState() && !data.Flags.HasBackupEligible():
		return fmt.Errorf("%w: backed up, yet not eligible for it", ErrForm)
	}
	return nil
}

// publicKey reads a COSE_Key of the three kinds that are accepted. The bounds
// on RSA keep out keys too weak to trust and too large to check cheaply.
func publicKey(cose []byte) (any, error) {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgES256) && k.Curve == int64(webauthncose.P256) {
			return k, nil
		}
	case webauthncose.OKPPublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgEdDSA) && k.Curve == int64(webauthncose.Ed25519) {
			return k, nil
		}
	case webauthncose.RSAPublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgRS256) && soundRSA(k) {
			return k, nil
		}
	}
	return nil, ErrKey
}

func soundRSA(k webauthncose.RSAPublicKeyData) bool {
	e, err := webauthncose.ParseRSAPublicKeyDataExponent(&k)
	n := rsa.PublicKey{N: new(big.Int).SetBytes(k.Modulus), E: e}
	return err == nil && e >= 3 && e%2 == 1 && e < 1<<31 && n.Size() >= 256 && n.Size() <= 1024
}
