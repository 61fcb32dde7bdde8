package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is the head of a ledger: which ledger, how many leaves, and the
// root hash over them.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
}

// Text is the body of a C2SP tlog-checkpoint without extension lines: origin,
// size in decimal and root in base64, a line each. It is what gets signed.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// Sign makes a C2SP signed note of the checkpoint. The signer's name must be
// the origin, for that is the name readers look for.
func Sign(c Checkpoint, signer note.Signer) ([]byte, error) {
	if signer.Name() != c.Origin {
		return nil, fmt.Errorf("ledger: signing a checkpoint: the key is %q's, the ledger is %q", signer.Name(), c.Origin)
	}
	if back, err := parseText(c.Text()); err != nil || back != c {
		return nil, fmt.Errorf("ledger: signing a checkpoint: the origin %q or the size %d cannot be written", c.Origin, c.Size)
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("ledger: signing a checkpoint: %w", err)
	}
	return signed, nil
}

// ParseCheckpoint reads a signed checkpoint of the ledger with this origin. One
// of its signatures must be by a verifier of that name; a known verifier's
// signature that is wrong is an error, an unknown one (a witness, say) is not.
// Extension lines, which no ledger of ours writes, are refused.
func ParseCheckpoint(origin string, signed []byte, verifiers note.Verifiers) (Checkpoint, error) {
	n, err := note.Open(signed, verifiers)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: checking a checkpoint: %w", err)
	}
	byOrigin := false
	for _, sig := range n.Sigs {
		byOrigin = byOrigin || sig.Name == origin
	}
	if !byOrigin {
		return Checkpoint{}, fmt.Errorf("ledger: checking a checkpoint: not signed by %q", origin)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: checking a checkpoint: %w", err)
	}
	if c.Origin != origin {
		return Checkpoint{}, fmt.Errorf("ledger: checking a checkpoint: it is of ledger %q, not %q", c.Origin, origin)
	}
	return c, nil
}

func parseText(text string) (Checkpoint, error) {
	lines := strings.SplitAfter(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, errors.New("a checkpoint has exactly three lines")
	}
	size, err := strconv.ParseUint(strings.TrimSuffix(lines[1], "\n"), 10, 64)
	if err != nil || size > maxInteger {
		return Checkpoint{}, errors.New("the size is not a number in range")
	}
	root, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(lines[2], "\n"))
	if err != nil || len(root) != len(Hash{}) {
		return Checkpoint{}, errors.New("the root is not a hash")
	}
	c := Checkpoint{Origin: strings.TrimSuffix(lines[0], "\n"), Size: size, Root: Hash(root)}
	if c.Origin == "" || c.Text() != text {
		return Checkpoint{}, errors.New("not in canonical form")
	}
	return c, nil
}
