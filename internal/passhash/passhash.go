// Package passhash hashes what people type (passwords of the local directory,
// recovery codes, one-time codes) with argon2id at OWASP's parameters
// (19 MiB, two passes, one lane), about 30 ms of one core each.
//
// Hashing cannot be used to exhaust the server: a Hasher bounds how many run at
// once, hence its memory (19 MiB for each, and as much again until the garbage
// collector has run), and how many wait, hence the time that anybody waits.
// Those who wait take turns by name (see For); who finds no room is refused
// with ErrBusy at once. Whoever stops waiting leaves their place at once.
package passhash

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	memory  = 19 * 1024 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

var prefix = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, memory, passes, lanes)

// ErrForm: a stored hash is not one this package wrote.
var ErrForm = errors.New("passhash: not a hash of this package's form")

// Hasher hashes and verifies, a bounded number at a time. It is safe for
// concurrent use.
type Hasher struct{ queue *queue }

// New returns a Hasher that runs at most n hashes at once (n < 1 counts as 1)
// and lets 32 strangers wait for each of them.
func New(n int) *Hasher { return &Hasher{newQueue(max(n, 1))} }

// Take waits for the right to do what costs as much as a hash, and counts as
// one that runs until give is called, once. It fails as Hash does.
func (h *Hasher) Take(ctx context.Context) (give func(), err error) {
	if err := h.queue.take(ctx); err != nil {
		return nil, err
	}
	return h.queue.leave, nil
}

// Hash returns a salted hash in PHC string form. It waits for a free slot
// until ctx ends, or fails with ErrBusy when too many wait.
func (h *Hasher) Hash(ctx context.Context, secret string) (string, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails: crypto/rand aborts the program instead
	key, err := h.key(ctx, secret, salt)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return prefix + b64.EncodeToString(salt) + "$" + b64.EncodeToString(key), nil
}

// Verify reports whether secret is the one that hash was made from, in time
// independent of where they differ.
func (h *Hasher) Verify(ctx context.Context, hash, secret string) (bool, error) {
	rest, ok := strings.CutPrefix(hash, prefix)
	if !ok {
		return false, ErrForm
	}
	s, k, _ := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(s)
	want, err2 := base64.RawStdEncoding.DecodeString(k)
	if err1 != nil || err2 != nil || len(salt) != saltLen || len(want) != keyLen {
		return false, ErrForm
	}
	got, err := h.key(ctx, secret, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (h *Hasher) key(ctx context.Context, secret string, salt []byte) ([]byte, error) {
	give, err := h.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer give()
	return argon2.IDKey([]byte(secret), salt, passes, memory, lanes, keyLen), nil
}
