package app

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/sealing"
)

// The files of the data folder.
const (
	fileStore   = "countersign.db"
	fileLogKey  = "log.key"      // signs checkpoints
	fileLogVkey = "log.vkey"     // what others check them with; derived, not secret
	fileBoxKey  = "box.key"      // opens what is sealed in the store
	fileGenesis = "genesis.json" // the roster's founding entry, as the hands trust it
)

// keys is what a server holds of its own.
type keys struct {
	signer   note.Signer
	verifier note.Verifier
	vkey     string // the verifier's key, in signed-note form
	box      *sealing.Box
}

func (k keys) verifiers() note.Verifiers { return note.VerifierList(k.verifier) }

// openKeys reads the keys of a data folder, making what a new one lacks. A
// ledger without its keys is refused: new ones would not fit it.
func openKeys(c Config) (keys, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return keys{}, fmt.Errorf("app: making the data folder: %w", err)
	}
	_, err := os.Stat(filepath.Join(c.Data, fileStore))
	for _, name := range []string{fileLogKey, fileBoxKey} {
		if _, missing := os.Stat(filepath.Join(c.Data, name)); err == nil && errors.Is(missing, fs.ErrNotExist) {
			return keys{}, fmt.Errorf("app: %s holds a ledger but not its %s; bring the key back from your backup", c.Data, name)
		}
	}
	k, err := openLogKey(filepath.Join(c.Data, fileLogKey), c.Ledger.Origin)
	if err != nil {
		return k, err
	}
	if k.box, err = sealing.LoadBox(filepath.Join(c.Data, fileBoxKey)); err != nil {
		return k, fmt.Errorf("app: %w", err)
	}
	return k, replaceFile(filepath.Join(c.Data, fileLogVkey), []byte(k.vkey+"\n"), 0o644)
}

func openLogKey(path, origin string) (keys, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret, _, err := note.GenerateKey(rand.Reader, origin)
		if err == nil {
			err = replaceFile(path, []byte(secret+"\n"), 0o600)
		}
		if err != nil {
			return keys{}, fmt.Errorf("app: making the ledger's key: %w", err)
		}
		return parseLogKey(path, secret, origin)
	}
	if err != nil {
		return keys{}, fmt.Errorf("app: reading the ledger's key: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return keys{}, fmt.Errorf("app: %s may be read by others; run chmod 600 on it, and think about who has read it", path)
	}
	return parseLogKey(path, strings.TrimSpace(string(raw)), origin)
}

// parseLogKey never repeats the key in an error.
func parseLogKey(path, secret, origin string) (k keys, err error) {
	if k.signer, err = note.NewSigner(secret); err != nil {
		return k, fmt.Errorf("app: %s does not hold a signing key", path)
	}
	if k.signer.Name() != origin {
		return k, fmt.Errorf("app: %s is the key of the ledger %q, but ledger.origin is %q; a ledger keeps its name", path, k.signer.Name(), origin)
	}
	parts := strings.SplitN(secret, "+", 5) // PRIVATE+KEY+<name>+<hash>+<key>
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return k, fmt.Errorf("app: %s does not hold an Ed25519 key", path)
	}
	public, _ := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if k.vkey, err = note.NewEd25519VerifierKey(origin, public); err != nil {
		return k, fmt.Errorf("app: %s: %w", path, err)
	}
	k.verifier, err = note.NewVerifier(k.vkey)
	return k, err
}

// replaceFile writes a file so that after a crash either the old or the new
// one is there, whole.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("app: writing %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("app: writing %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
