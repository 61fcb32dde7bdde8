package gatetest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/store/sqlite"
)

// ground is what every new house is built on: a key for the ledger and an
// empty database that has all its tables. Making the tables is most of the
// work of a house, so it is done once for all tests of a package.
type ground struct {
	skey, vkey string
	database   []byte
}

var brokenGround = sync.OnceValues(func() (g ground, err error) {
	if g.skey, g.vkey, err = note.GenerateKey(rand.Reader, "house.example/ledger"); err != nil {
		return g, err
	}
	dir, err := os.MkdirTemp("", "ground")
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	signer, err1 := note.NewSigner(g.skey)
	verifier, err2 := note.NewVerifier(g.vkey)
	if err := errors.Join(err1, err2); err != nil {
		return g, err
	}
	path := filepath.Join(dir, "empty.db")
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path, Origin: signer.Name(), Signer: signer, Verifier: verifier,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return g, err
	}
	if err := s.Close(); err != nil {
		return g, err
	}
	g.database, err = os.ReadFile(path)
	return g, err
})
