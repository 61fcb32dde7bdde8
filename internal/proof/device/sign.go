package device

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// purpose stands before every statement that a device signs, so that a signature
// made for anything else, a certificate or a sign-in, never counts here.
const purpose = "countersign/device/v1\x00"

var (
	order = elliptic.P256().Params().N
	half  = new(big.Int).Rsh(order, 1)
)

// Verify reports whether answer is the device's signature over this statement.
// Which challenge the statement is of, and whether it is still open, the caller
// has looked up before. White space around a pasted answer is left to the caller.
func Verify(k Key, statement []byte, answer string) error {
	if err := verify(k, statement, answer); err != nil {
		return fmt.Errorf("device: verifying an answer: %w", err)
	}
	return nil
}

func verify(k Key, statement []byte, answer string) error {
	pub, err := k.public()
	if err != nil {
		return err
	}
	sig, err := base64.RawURLEncoding.Strict().DecodeString(answer)
	if err != nil || strings.ContainsAny(answer, "\r\n") || len(sig) == 0 {
		return fmt.Errorf("%w: the answer is not unpadded base64url text", ErrForm)
	}
	if len(statement) == 0 || len(statement) > maxStatement {
		return fmt.Errorf("%w: no statement, or too long a one", ErrForm)
	}
	if !valid(pub, slices.Concat([]byte(purpose), statement), sig) {
		return ErrSignature
	}
	return nil
}

func valid(pub any, text, sig []byte) bool {
	hash := sha256.Sum256(text)
	switch p := pub.(type) {
	case *ecdsa.PublicKey:
		if len(sig) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		return s.Cmp(half) <= 0 && ecdsa.Verify(p, hash[:], r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(p, text, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(p, crypto.SHA256, hash[:], sig) == nil
	}
	return false
}

// Sign is the device's side: the answer of a signer, which may be a TPM's or a
// smart card's, over a statement. What it returns passes Verify with the
// signer's public key; rand is only read by signers that need chance.
func Sign(rand io.Reader, s crypto.Signer, statement []byte) (answer string, err error) {
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		return "", fmt.Errorf("device: signing: %w", ErrKey)
	}
	pub, err := Key(der).public()
	if err != nil {
		return "", fmt.Errorf("device: signing: %w", err)
	}
	text := slices.Concat([]byte(purpose), statement)
	digest, hash := text, crypto.Hash(0)
	if _, whole := pub.(ed25519.PublicKey); !whole {
		sum := sha256.Sum256(text)
		digest, hash = sum[:], crypto.SHA256
	}
	sig, err := s.Sign(rand, digest, hash)
	if err != nil {
		return "", fmt.Errorf("device: signing: %w: %w", ErrSigner, err)
	}
	if _, is := pub.(*ecdsa.PublicKey); is {
		if sig, err = fixed(sig); err != nil {
			return "", fmt.Errorf("device: signing: %w", err)
		}
	}
	answer = base64.RawURLEncoding.EncodeToString(sig)
	if err := Verify(der, statement, answer); err != nil {
		return "", err
	}
	return answer, nil
}

// fixed turns the ASN.1 form that signers give into r and the smaller s.
func fixed(sig []byte) ([]byte, error) {
	var v struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(sig, &v)
	if err != nil || len(rest) > 0 || v.R.Sign() <= 0 || v.S.Sign() <= 0 || v.R.Cmp(order) >= 0 || v.S.Cmp(order) >= 0 {
		return nil, fmt.Errorf("%w: not an ECDSA signature", ErrSigner)
	}
	if v.S.Cmp(half) > 0 {
		v.S.Sub(order, v.S)
	}
	out := make([]byte, 64)
	v.R.FillBytes(out[:32])
	v.S.FillBytes(out[32:])
	return out, nil
}
