package app

import (
	"os"
	"path/filepath"
	"sync"

	"countersign/internal/gate"
)

// wish is the policy file: what the operator would like to be in force. What
// is in force is on the ledger, signed.
type wish struct {
	file string

	mu   sync.Mutex
	hash string
	err  error
}

// read reads the file again.
func (w *wish) read() {
	hash, err := policyHash(w.file)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hash, w.err = hash, err
}

func policyHash(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	p, err := gate.LoadPolicy(text)
	if err != nil {
		return "", err
	}
	return p.Hash(), nil
}

// check says how the file stands to the policy in force ("" before the roster
// is founded).
func (w *wish) check(inForce string) Check {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := filepath.Base(w.file)
	switch {
	case w.err != nil && inForce == "":
		return Check{"policy", Warning, name + " does not load; mend it before you found the roster (countersign policy check " + name + " says where)"}
	case w.err != nil:
		return Check{"policy", Warning, name + " does not load; " + inForce + " stays in force (countersign policy check " + name + " says where)"}
	case inForce != "" && w.hash != inForce:
		return Check{"policy", Warning, name + " (" + w.hash + ") is not what is in force (" + inForce + "); put it up for signature with countersign policy publish " + name}
	}
	return Check{"policy", OK, inForce}
}
