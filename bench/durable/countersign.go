package durable

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"countersign/internal/identity"
	"countersign/internal/store"
	"countersign/internal/store/sqlite"
)

// newCountersign opens the product's store. Each event opens a stream of its
// own and comes with a read row, as opening a request does.
func newCountersign(ctx context.Context, dir string) (add, func() error, error) {
	secret, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, nil, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, nil, err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, nil, err
	}
	s, err := sqlite.Open(ctx, sqlite.Options{
		Path: filepath.Join(dir, "bench.db"), Origin: origin, Signer: signer, Verifier: verifier,
	})
	if err != nil {
		return nil, nil, err
	}
	write := func(_ int64, data []byte) error {
		c, err := commitOf(data, time.Now().UTC().Truncate(time.Millisecond))
		if err != nil {
			return err
		}
		_, err = s.Commit(ctx, c)
		return err
	}
	return write, s.Close, nil
}

func commitOf(data []byte, at time.Time) (store.Commit, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return store.Commit{}, err
	}
	body, err := json.Marshal(map[string]string{"note": string(data)})
	if err != nil {
		return store.Commit{}, err
	}
	stream := "req_" + id.String()
	return store.Commit{
		Stream: stream, Actor: "system", At: at,
		Events: []store.Draft{{Type: "bench.happened", Open: body}},
		Row: &store.Row{
			ID: stream, Subject: "corp/1", Person: "p", Action: identity.PasswordReset, Status: "open",
			Tier: identity.Low, Opened: at, Changed: at, Version: 1, State: json.RawMessage(`{}`),
		},
	}, nil
}
