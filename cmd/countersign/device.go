package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"countersign/internal/client"
	"countersign/internal/proof/device"
	"countersign/internal/statement"
)

type deviceVerb struct {
	Key  deviceKey  `cmd:"" help:"Make a key for this device."`
	Sign deviceSign `cmd:"" help:"Answer a challenge with this device's key."`
}

// Help is kong's long text.
func (deviceVerb) Help() string {
	return "For managed devices: whoever manages them hands out a key each and registers its public half; the device then answers for its owner. A key in a file proves no more than that somebody can read the file."
}

const (
	maxStatement = 64 << 10
	maxDeviceKey = 64 << 10
)

type deviceKey struct {
	Out string `required:"" placeholder:"FILE" help:"Where the private key goes. The file must not exist yet."`
}

// Run makes a key and prints its public half.
func (v deviceKey) Run(e *env) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	k, err := device.ParseKey(text, nil, time.Time{})
	if err != nil {
		return err
	}
	if err := writeNew(v.Out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return err
	}
	e.mention("made %s; whoever can read the file can answer for this device", safe(v.Out))
	return e.answer(map[string]string{"public_key": string(text), "fingerprint": k.Fingerprint()}, func() {
		e.say("%s", strings.TrimRight(string(text), "\n"))
		e.mention("hand this public key to your administrator, who compares %s", k.Fingerprint())
	})
}

// writeNew writes a file for its owner only, and never over another.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the key: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

type deviceSign struct {
	Key       string `required:"" placeholder:"FILE" help:"The device's private key, in PEM."`
	Statement string `arg:"" optional:"" default:"-" placeholder:"FILE" help:"The statement of the challenge; - or nothing for standard input."`
}

// Run shows the statement and prints the answer to it.
func (v deviceSign) Run(e *env) error {
	signer, err := loadDeviceKey(v.Key)
	if err != nil {
		return err
	}
	text, err := e.readStatement(v.Statement)
	if err != nil {
		return err
	}
	if err := e.show(client.Paper{Statement: statement.Statement(text)}); err != nil {
		return err
	}
	answer, err := device.Sign(rand.Reader, signer, text)
	if err != nil {
		return err
	}
	return e.answer(map[string]string{"answer": answer}, func() { e.say("%s", answer) })
}

// readStatement takes exactly the bytes: what is signed must be what is shown.
func (e *env) readStatement(path string) ([]byte, error) {
	from := e.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading the statement: %w", err)
		}
		defer f.Close()
		from = f
	} else if e.asks {
		e.mention("Paste the statement, then end it with Ctrl-D:")
	}
	text, err := io.ReadAll(io.LimitReader(from, maxStatement+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the statement: %w", err)
	case len(text) > maxStatement:
		return nil, fmt.Errorf("the statement is longer than %d bytes", maxStatement)
	case !strings.HasPrefix(string(text), "countersign/"):
		return nil, hinted(errors.New("this is not a statement of Countersign; it is not signed"), "copy it whole: its first line begins with countersign/")
	}
	return text, nil
}

// loadDeviceKey never repeats the file in an error.
func loadDeviceKey(path string) (crypto.Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxDeviceKey {
		return nil, fmt.Errorf("%s is not a key", safe(path))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, hinted(fmt.Errorf("%s may be read by others", safe(path)), "chmod 600 it, and think about who has read it")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	if block, _ := pem.Decode(text); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if s, ok := key.(crypto.Signer); ok {
				return s, nil
			}
		}
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key, nil
		}
	}
	return nil, hinted(fmt.Errorf("%s does not hold a private key in PEM", safe(path)), "make one with countersign device key --out FILE")
}
