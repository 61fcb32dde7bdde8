// Package sealing keeps secrets unreadable where they rest, with age (X25519).
// There are two uses. A Box seals what the server has to read again (TOTP
// seeds, letters waiting to be sent) with a key file of its own. A Session
// seals what only a requester may read: its token is the private key, and the
// server keeps no more than the public one.
package sealing

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
)

// Box seals and opens with one key pair.
type Box struct{ identity *age.X25519Identity }

// NewBox makes a Box with a fresh key.
func NewBox() (*Box, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("sealing: making a key: %w", err)
	}
	return &Box{id}, nil
}

// LoadBox reads the key from a file, creating the file (mode 0600) if there is
// none. A file that others may read is refused.
func LoadBox(path string) (*Box, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		b, err := NewBox()
		if err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, fmt.Errorf("sealing: creating the key file: %w", err)
		}
		_, err = io.WriteString(f, b.identity.String()+"\n")
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return nil, fmt.Errorf("sealing: writing the key file: %w", err)
		}
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sealing: reading the key file: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("sealing: %s may be read by others; run chmod 600 on it", path)
	}
	id, err := age.ParseX25519Identity(string(bytes.TrimSpace(raw)))
	if err != nil {
		return nil, fmt.Errorf("sealing: %s does not hold an age key", path)
	}
	return &Box{id}, nil
}

// Seal encrypts to the box's own key.
func (b *Box) Seal(plain []byte) ([]byte, error) { return seal(b.identity.Recipient(), plain) }

// Open decrypts what Seal made.
func (b *Box) Open(sealed []byte) ([]byte, error) { return open(b.identity, sealed) }

// NewSession makes a requester's session: its token (a secret of 256 bits that
// the server must not keep) and the recipient that secrets are sealed to.
func NewSession() (token, recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", fmt.Errorf("sealing: making a session: %w", err)
	}
	return id.String(), id.Recipient().String(), nil
}

// SessionID names a session without giving its token away.
func SessionID(token string) string {
	h := sha256.Sum256([]byte("countersign/session/v1\x00" + token))
	return "ses_" + base64.RawURLEncoding.EncodeToString(h[:18])
}

// SealTo encrypts to a session's recipient.
func SealTo(recipient string, plain []byte) ([]byte, error) {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, errors.New("sealing: not a session's recipient")
	}
	return seal(r, plain)
}

// OpenWith decrypts what SealTo made, with the session's token.
func OpenWith(token string, sealed []byte) ([]byte, error) {
	id, err := age.ParseX25519Identity(token)
	if err != nil {
		return nil, errors.New("sealing: not a session token")
	}
	return open(id, sealed)
}

func seal(to age.Recipient, plain []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("sealing: encrypting: %w", err)
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("sealing: encrypting: %w", err)
	}
	return out.Bytes(), nil
}

func open(with age.Identity, sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), with)
	if err != nil {
		return nil, errors.New("sealing: cannot be opened with this key")
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, errors.New("sealing: the sealed text is damaged")
	}
	return plain, nil
}
