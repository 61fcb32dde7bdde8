// Package softkey is a WebAuthn authenticator in software: one P-256 key in a
// file, for terminals without a security key, for laboratories and for the
// demo. It answers as a passkey would, so servers treat it alike, but its
// model number (AAGUID) says that it is software.
//
// Whoever can read the file can answer, so it is worth what an SSH key is
// worth: it reports the user as present and verified although it sees neither.
// A passphrase (SaveEncrypted) is the only verification there is. The key is
// not bound to one machine and keeps no signature counter.
package softkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"countersign/internal/proof/passkey"
)

// AAGUID is the authenticator model this package reports.
const AAGUID = passkey.SoftwareAAGUID

// ErrNotAllowed: the options ask for credentials of which this key is none, or
// exclude this key from registering again.
var ErrNotAllowed = errors.New("this key is not among those asked for")

const (
	flagPresent  = 1 << 0
	flagVerified = 1 << 2
	flagAttested = 1 << 6
)

// Key is a software authenticator's one credential. The zero Key is of no use.
type Key struct{ private *ecdsa.PrivateKey }

// New makes a key from 32 bytes of rand (rarely more). A reader that fails
// makes it panic: there is no safe key to return.
func New(rand io.Reader) Key {
	raw := make([]byte, 32)
	for {
		if _, err := io.ReadFull(rand, raw); err != nil {
			panic(fmt.Sprintf("softkey: reading random bytes: %v", err))
		}
		// Only 0 and values past the curve's order fail: a chance of 2^-32.
		if p, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return Key{private: p}
		}
	}
}

// ID is the credential's id: a hash of the public key, so that the file need
// hold nothing else.
func (k Key) ID() []byte {
	sum := sha256.Sum256(append([]byte("countersign/softkey/v1\n"), k.point()...))
	return sum[:]
}

// point is the public key as 0x04, x and y.
func (k Key) point() []byte {
	b, err := k.private.PublicKey.Bytes()
	if err != nil {
		panic("softkey: a key that is not on its curve: " + err.Error()) // New and Load make none such
	}
	return b
}

// Credential is what a relying party keeps of k, as Register would have it.
func (k Key) Credential() passkey.Credential {
	return passkey.Credential{ID: k.ID(), PublicKey: k.cose(), AAGUID: AAGUID, Software: true}
}

func (k Key) cose() []byte {
	p := k.point()
	return encode(map[int]any{1: 2, 3: -7, -1: 1, -2: p[1:33], -3: p[33:65]})
}

// Register answers a registration ceremony with the RegistrationResponseJSON
// that a browser would send. Like a browser it refuses an origin that rpID does
// not cover.
func (k Key) Register(rpID, origin string, challenge []byte) ([]byte, error) {
	client, err := clientData("webauthn.create", rpID, origin, challenge)
	if err != nil {
		return nil, err
	}
	id := k.ID()
	model, err := hex.DecodeString(strings.ReplaceAll(AAGUID, "-", ""))
	if err != nil {
		return nil, fmt.Errorf("softkey: registering: %w", err)
	}
	data := authenticatorData(rpID, flagPresent|flagVerified|flagAttested)
	data = slices.Concat(data, model, binary.BigEndian.AppendUint16(nil, uint16(len(id))), id, k.cose())
	return k.response(map[string]any{
		"clientDataJSON":    b64(client),
		"attestationObject": b64(encode(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})),
		"authenticatorData": b64(data),
		"transports":        []string{"internal"},
	})
}

// Assert answers an authentication ceremony with the AuthenticationResponseJSON
// that a browser would send. Like a browser it refuses an origin that rpID does
// not cover.
func (k Key) Assert(rpID, origin string, challenge []byte) ([]byte, error) {
	client, err := clientData("webauthn.get", rpID, origin, challenge)
	if err != nil {
		return nil, err
	}
	data := authenticatorData(rpID, flagPresent|flagVerified)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(slices.Concat(data, hash[:]))
	sig, err := k.private.Sign(nil, digest[:], crypto.SHA256) // no reader: deterministic, RFC 6979
	if err != nil {
		return nil, fmt.Errorf("softkey: signing: %w", err)
	}
	return k.response(map[string]any{
		"clientDataJSON":    b64(client),
		"authenticatorData": b64(data),
		"signature":         b64(sig),
	})
}

// RegisterOptions answers a server's PublicKeyCredentialCreationOptionsJSON.
func (k Key) RegisterOptions(origin string, options []byte) ([]byte, error) {
	var o passkey.Creation
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("softkey: reading the server's options: %w", err)
	}
	if k.named(o.Exclude) {
		return nil, fmt.Errorf("softkey: registering: %w: it is registered already", ErrNotAllowed)
	}
	if !slices.ContainsFunc(o.Parameters, func(p passkey.Parameter) bool { return p.Alg == -7 }) {
		return nil, fmt.Errorf("softkey: registering: the server does not accept ES256, the only kind this key is")
	}
	return k.Register(o.RP.ID, origin, o.Challenge)
}

// AssertOptions answers a server's PublicKeyCredentialRequestOptionsJSON. Do
// not use it where the challenge says what is signed (an approval): there the
// caller must compute the challenge from the bytes it has shown.
func (k Key) AssertOptions(origin string, options []byte) ([]byte, error) {
	var o passkey.Request
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("softkey: reading the server's options: %w", err)
	}
	if len(o.Allow) > 0 && !k.named(o.Allow) {
		return nil, fmt.Errorf("softkey: answering: %w", ErrNotAllowed)
	}
	return k.Assert(o.RPID, origin, o.Challenge)
}

func (k Key) named(list []passkey.Descriptor) bool {
	id := k.ID()
	return slices.ContainsFunc(list, func(d passkey.Descriptor) bool { return slices.Equal(d.ID, id) })
}

func (k Key) response(r map[string]any) ([]byte, error) {
	id := b64(k.ID())
	out, err := json.Marshal(map[string]any{
		"id": id, "rawId": id, "type": "public-key", "response": r,
		"clientExtensionResults": map[string]any{}, "authenticatorAttachment": "platform",
	})
	if err != nil {
		return nil, fmt.Errorf("softkey: writing the response: %w", err)
	}
	return out, nil
}

func clientData(kind, rpID, origin string, challenge []byte) ([]byte, error) {
	if err := (passkey.RelyingParty{ID: rpID, Origins: []string{origin}}).Check(); err != nil {
		return nil, fmt.Errorf("softkey: refusing to answer: %w", err)
	}
	if len(challenge) == 0 {
		return nil, errors.New("softkey: refusing to answer: no challenge")
	}
	return json.Marshal(struct {
		Type        string `json:"type"`
		Challenge   string `json:"challenge"`
		Origin      string `json:"origin"`
		CrossOrigin bool   `json:"crossOrigin"`
	}{kind, b64(challenge), origin, false})
}

// authenticatorData has no counter to report: copies of the file could not
// agree on one, and 0 says so (WebAuthn §6.1.1).
func authenticatorData(rpID string, flags byte) []byte {
	hash := sha256.Sum256([]byte(rpID))
	return slices.Concat(hash[:], []byte{flags, 0, 0, 0, 0})
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var encoder = func() cbor.EncMode {
	m, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err) // the options are the library's own
	}
	return m
}()

func encode(v any) []byte {
	b, err := encoder.Marshal(v)
	if err != nil {
		panic("softkey: encoding CBOR: " + err.Error()) // only maps of this file's making
	}
	return b
}
