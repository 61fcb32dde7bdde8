package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"countersign/internal/client"
	"countersign/internal/identity"
	"countersign/internal/softkey"
)

// loadKey reads a passkey that is a file, asking for its passphrase.
func (e *env) loadKey(path string) (softkey.Key, error) {
	k, err := softkey.Load(path)
	if !errors.Is(err, softkey.ErrEncrypted) {
		return k, err
	}
	pass := os.Getenv("COUNTERSIGN_PASSPHRASE")
	if pass == "" {
		if pass, err = e.secret("Passphrase of " + path + ": "); err != nil {
			return k, hinted(fmt.Errorf("%s is protected by a passphrase: %w", path, err), "set COUNTERSIGN_PASSPHRASE")
		}
	}
	return softkey.LoadEncrypted(path, pass)
}

// makeKey loads the passkey at path, or makes one there.
func (e *env) makeKey(path string) (softkey.Key, error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return e.loadKey(path)
	}
	k, pass := softkey.New(rand.Reader), os.Getenv("COUNTERSIGN_PASSPHRASE")
	if pass == "" && e.asks {
		var again string
		var err error
		if pass, err = e.secret("A passphrase for the new passkey (empty for none): "); err != nil {
			return k, err
		}
		if pass != "" {
			if again, err = e.secret("Once more: "); err != nil {
				return k, err
			}
		}
		if pass != again {
			return k, errors.New("the two passphrases differ")
		}
	}
	if pass != "" {
		return k, k.SaveEncrypted(path, pass)
	}
	e.mention("made %s without a passphrase: whoever can read the file can sign as you", path)
	return k, k.Save(path)
}

// show puts a statement before its signer, exactly as it is signed. One with
// anything in it that a screen could show differently is not shown at all.
func (e *env) show(p client.Paper) error {
	text, ended := strings.CutSuffix(string(p.Statement), "\n")
	for _, line := range strings.Split(text, "\n") {
		if err := identity.CheckLine(line, 1000); err != nil || line == "" || !ended {
			return errors.New("the statement that the server sent has something in it that a screen could show differently; it is not signed")
		}
	}
	e.mention("%s\n%s%s\n", e.dim("--- what you sign ---"), string(p.Statement), e.dim("---------------------"))
	return nil
}

func rolesOf(words []string) ([]identity.Role, error) {
	var roles []identity.Role
	for _, w := range words {
		r, err := identity.ParseRole(w)
		if err != nil {
			return nil, usage{errors.New(strings.TrimPrefix(err.Error(), "identity: "))}
		}
		roles = append(roles, r)
	}
	return roles, nil
}
