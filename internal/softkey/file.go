package softkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// What a caller may decide on when reading a key's file.
var (
	ErrPermissions = errors.New("others can read or replace this file")
	ErrEncrypted   = errors.New("the key is protected by a passphrase")
	ErrPassphrase  = errors.New("the passphrase is wrong")
	ErrForm        = errors.New("not a key file (want a PKCS #8 P-256 key in PEM)")
)

const (
	pemType  = "PRIVATE KEY"
	maxFile  = 64 << 10
	scryptLn = 15 // about 50 ms and 32 MiB
	scryptMx = 18
)

// Save writes k to a new file that only its owner can read. It never
// overwrites: a lost key cannot be made again.
func (k Key) Save(path string) error {
	text, err := k.text()
	if err != nil {
		return err
	}
	return create(path, text)
}

// SaveEncrypted is Save with the file's content encrypted to a passphrase in
// the age format (scrypt), so that the age tool can read it too.
func (k Key) SaveEncrypted(path, passphrase string) error {
	text, err := k.text()
	if err != nil {
		return err
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return fmt.Errorf("softkey: encrypting the key: %w", err)
	}
	r.SetWorkFactor(scryptLn)
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	w, err := age.Encrypt(a, r)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = errors.Join(w.Close(), a.Close())
	}
	if err != nil {
		return fmt.Errorf("softkey: encrypting the key: %w", err)
	}
	return create(path, out.Bytes())
}

// Load reads a key that Save wrote. A file that its group or others can read
// or write is refused with ErrPermissions, an encrypted one with ErrEncrypted.
func Load(path string) (Key, error) {
	text, err := read(path)
	if err != nil {
		return Key{}, err
	}
	if bytes.HasPrefix(text, []byte(armor.Header)) {
		return Key{}, fmt.Errorf("softkey: reading %s: %w", path, ErrEncrypted)
	}
	return parse(path, text)
}

// LoadEncrypted reads a key that SaveEncrypted wrote, or ErrPassphrase. A key
// that is not encrypted is ErrForm: whoever gives a passphrase believes that
// the file is protected.
func LoadEncrypted(path, passphrase string) (Key, error) {
	text, err := read(path)
	if err != nil {
		return Key{}, err
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Key{}, fmt.Errorf("softkey: reading %s: %w: %w", path, ErrPassphrase, err)
	}
	id.SetMaxWorkFactor(scryptMx)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), id)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return Key{}, fmt.Errorf("softkey: reading %s: %w", path, ErrPassphrase)
	case err != nil:
		return Key{}, fmt.Errorf("softkey: reading %s: %w: %w", path, ErrForm, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return Key{}, fmt.Errorf("softkey: reading %s: %w: %w", path, ErrForm, err)
	}
	return parse(path, plain)
}

func (k Key) text() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("softkey: encoding the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

func parse(path string, text []byte) (Key, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(bytes.TrimSpace(rest)) > 0 {
		return Key{}, fmt.Errorf("softkey: reading %s: %w", path, ErrForm)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	p, ok := any.(*ecdsa.PrivateKey)
	if err != nil || !ok || p.Curve != elliptic.P256() {
		return Key{}, fmt.Errorf("softkey: reading %s: %w", path, ErrForm)
	}
	return Key{private: p}, nil
}

// create writes a file in one piece: O_EXCL refuses an existing file or link.
func create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("softkey: saving the key: %s exists and is not overwritten (hint: choose another name, or move the old key away): %w", filepath.Base(path), err)
	}
	if err != nil {
		return fmt.Errorf("softkey: saving the key: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("softkey: saving the key: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// read checks the permissions of the file it has opened, not of a name that
// could be exchanged in between.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("softkey: reading the key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("softkey: reading the key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("softkey: reading %s: %w", path, ErrForm)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("softkey: reading %s: %w (its mode is %04o; hint: chmod 600 %s, and replace the key if somebody else may have read it)", path, ErrPermissions, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("softkey: reading the key: %w", err)
	}
	return text, nil
}
