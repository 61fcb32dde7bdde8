package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/ledger"
)

// pin keeps the founding entry in a file of its own, beside the store and not
// in it: it is what the hands trust, so whoever changes the store gains
// nothing. It is written once, when the roster is founded.
type pin struct {
	path string
	log  note.Verifier
	gate *gate.Gate

	mu    sync.Mutex
	found ledger.Hash
	set   bool
}

// check compares the pinned entry with the ledger's, pinning it when there is
// none yet. It reports whether the roster stands.
func (p *pin) check(ctx context.Context) (bool, error) {
	g, err := p.gate.Genesis(ctx)
	var fault *gate.Fault
	if errors.As(err, &fault) && fault.Code == "not_founded" {
		return false, p.unfounded()
	}
	if err != nil {
		return false, err
	}
	raw, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return false, fmt.Errorf("app: writing the founding entry: %w", err)
	}
	on, err := evidence.ParseGenesis(raw)
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pinned, err := p.read()
	if errors.Is(err, fs.ErrNotExist) {
		pinned, err = on, replaceFile(p.path, append(raw, '\n'), 0o644)
	}
	if err != nil {
		return false, err
	}
	if pinned != on {
		return false, fmt.Errorf("app: the ledger's roster does not begin with the founding entry in %s: this is another ledger, or somebody has put another in its place; restore the right one from your backup", p.path)
	}
	p.found, p.set = pinned, true
	return true, nil
}

// unfounded refuses a ledger that has lost its beginning.
func (p *pin) unfounded() error {
	if _, err := os.Stat(p.path); err == nil {
		return fmt.Errorf("app: %s is here, but the ledger has no founding entry: the store is empty or another; restore it from your backup", p.path)
	}
	return nil
}

func (p *pin) read() (ledger.Hash, error) {
	raw, err := os.ReadFile(p.path)
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("app: reading the founding entry: %w", err)
	}
	h, err := evidence.ParseGenesis(raw)
	if err != nil {
		return h, fmt.Errorf("app: %s: %w", p.path, err)
	}
	return h, nil
}

// roots is what the hands trust.
func (p *pin) roots() (evidence.Roots, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.set {
		return evidence.Roots{}, errors.New("app: the roster has not been founded")
	}
	return evidence.Roots{Log: p.log, Genesis: p.found}, nil
}
