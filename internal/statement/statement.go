// Package statement builds the exact bytes that somebody signs. A statement is
// plain lines: first its kind, then "name: value" pairs in a fixed order, each
// ended by LF. UTF-8, NFC, no blank line, nothing that could mimic a line.
// What is signed is the SHA-256 of these bytes, as a passkey's challenge; the
// signer's screen shows the bytes themselves.
package statement

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"countersign/internal/identity"
)

// maxLine bounds one value, in bytes.
const maxLine = 512

// Line is one "name: value" pair.
type Line struct{ Name, Value string }

// Statement is the text, in the form that is signed.
type Statement string

// New builds a statement of the kind "countersign/<kind>/v1". Values come from
// code and from sanitised facts; one that cannot stand on a line is an error,
// because a statement must show exactly what it means.
func New(kind string, lines []Line) (Statement, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "countersign/%s/v1\n", kind)
	for _, l := range lines {
		if l.Value == "" {
			return "", fmt.Errorf("statement: line %q has no value", l.Name)
		}
		if err := identity.CheckLine(l.Value, maxLine); err != nil {
			return "", fmt.Errorf("statement: line %q: %w", l.Name, err)
		}
		b.WriteString(l.Name)
		b.WriteString(": ")
		b.WriteString(l.Value)
		b.WriteByte('\n')
	}
	return Statement(b.String()), nil
}

// Challenge is the SHA-256 of the statement's bytes: what a passkey signs.
func (s Statement) Challenge() []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// ID is the challenge as unpadded base64url, the name votes carry.
func (s Statement) ID() string { return base64.RawURLEncoding.EncodeToString(s.Challenge()) }
