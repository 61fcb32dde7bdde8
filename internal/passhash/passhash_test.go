package passhash_test

import (
	"context"
	"errors"
	"testing"

	"countersign/internal/passhash"
)

func TestAHashAcceptsOnlyItsOwnSecret(t *testing.T) {
	h := passhash.New(2)
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false, "correct horse ": false} {
		if got, err := h.Verify(t.Context(), hash, secret); got != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v; want %v", secret, got, err, want)
		}
	}
	again, err := h.Hash(t.Context(), "correct horse")
	if err != nil || again == hash {
		t.Errorf("two hashes of one secret are the same (%v): the salt is missing", err)
	}
}

func TestAForeignHashIsAnErrorNotANo(t *testing.T) {
	for _, bad := range []string{"", "plain", "$argon2id$v=19$m=1024,t=1,p=1$AAAA$BBBB", "$argon2id$v=19$m=19456,t=2,p=1$short$short"} {
		if ok, err := passhash.New(1).Verify(t.Context(), bad, "x"); ok || !errors.Is(err, passhash.ErrForm) {
			t.Errorf("Verify(%q) = %v, %v; want ErrForm", bad, ok, err)
		}
	}
}

func TestHashingWaitsNoLongerThanItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := passhash.New(1).Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("hashing for a caller who has gone: %v; want context.Canceled", err)
	}
}
