package sqlite_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/store"
	"countersign/internal/store/sqlite"
	"countersign/internal/store/storetest"
)

const origin = "ledger.example.test/main"

func options(t testing.TB, path string) sqlite.Options {
	signer, verifier := storetest.Keys(t, origin)
	return sqlite.Options{Path: path, Origin: origin, Signer: signer, Verifier: verifier}
}

// open opens a store that is closed when the test ends.
func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), options(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func verifiers(t testing.TB) note.Verifiers {
	_, verifier := storetest.Keys(t, origin)
	return note.VerifierList(verifier)
}

func TestTheEmbeddedStoreDoesWhatTheSuiteAsks(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		path := filepath.Join(t.TempDir(), "it's a #1 ledger?.db")
		return storetest.Fixture{
			Open:      func() store.Store { return open(t, path) },
			Origin:    origin,
			Verifiers: verifiers(t),
		}
	})
}
