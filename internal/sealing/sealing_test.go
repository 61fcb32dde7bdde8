package sealing_test

import (
	"os"
	"path/filepath"
	"testing"

	"countersign/internal/sealing"
)

func TestOnlyTheSessionsTokenOpensWhatIsSealedToIt(t *testing.T) {
	token, recipient, err := sealing.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealing.SealTo(recipient, []byte("new secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sealing.OpenWith(token, sealed); err != nil || string(got) != "new secret" {
		t.Fatalf("OpenWith = %q, %v", got, err)
	}
	other, _, _ := sealing.NewSession()
	if got, err := sealing.OpenWith(other, sealed); err == nil {
		t.Fatalf("another session opened it: %q", got)
	}
	sealed[len(sealed)-1] ^= 1
	if got, err := sealing.OpenWith(token, sealed); err == nil {
		t.Fatalf("a damaged text opened: %q", got)
	}
}

func TestABoxKeepsItsKeyInAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box.key")
	a, err := sealing.LoadBox(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := a.Seal([]byte("seed"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := sealing.LoadBox(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Open(sealed); err != nil || string(got) != "seed" {
		t.Fatalf("after loading again: %q, %v", got, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sealing.LoadBox(path); err == nil {
		t.Fatal("a key file that others may read was accepted")
	}
}
