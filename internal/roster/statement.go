package roster

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/statement"
)

const stamp = "2006-01-02T15:04:05Z"

// Statement is what the founder signs.
func (f Founded) Statement() (statement.Statement, error) {
	return statement.New("founding", slices.Concat(
		[]statement.Line{
			{Name: "organisation", Value: f.Organisation},
			{Name: "log", Value: f.Log},
			{Name: "relying-party", Value: f.RelyingParty.ID},
			{Name: "origins", Value: strings.Join(f.RelyingParty.Origins, " ")},
		},
		memberLines(f.Person, f.Name, f.Roles, f.Desk, &f.Passkey),
		[]statement.Line{{Name: "policy", Value: f.Policy}},
	))
}

// Statement is what officers sign for a proposal on the roster s.
func (s State) Statement(p Proposed) (statement.Statement, error) {
	lines := []statement.Line{
		{Name: "log", Value: s.Log},
		{Name: "roster", Value: s.Genesis},
		{Name: "proposal", Value: p.Proposal},
		{Name: "change", Value: string(p.Kind)},
	}
	switch p.Kind {
	case PublishPolicy:
		lines = append(lines,
			statement.Line{Name: "policy", Value: p.Policy},
			statement.Line{Name: "replaces", Value: s.Policy})
		if p.Diff != "" {
			lines = append(lines,
				statement.Line{Name: "effect", Value: p.Effect},
				statement.Line{Name: "diff", Value: p.Diff})
		}
	default:
		name := p.Name
		if m, ok := s.Members[p.Person]; ok && name == "" {
			name = m.Name
		}
		lines = append(lines, memberLines(p.Person, name, p.Roles, p.Desk, p.Passkey)...)
	}
	lines = append(lines, statement.Line{Name: "until", Value: p.Until.UTC().Format(stamp)})
	return statement.New("roster-change", lines)
}

func memberLines(person identity.PersonID, name string, roles []identity.Role, desk string, key *passkey.Credential) []statement.Line {
	lines := []statement.Line{{Name: "person", Value: string(person)}, {Name: "name", Value: name}}
	if len(roles) > 0 {
		words := make([]string, len(roles))
		for i, r := range roles {
			words[i] = string(r)
		}
		lines = append(lines, statement.Line{Name: "roles", Value: strings.Join(words, " ")})
	}
	if desk != "" {
		lines = append(lines, statement.Line{Name: "desk", Value: desk})
	}
	if key != nil {
		kind := "hardware or platform (claimed)"
		if key.Software {
			kind = "software file"
		}
		lines = append(lines,
			statement.Line{Name: "passkey", Value: Fingerprint(*key)},
			statement.Line{Name: "passkey-kind", Value: kind})
	}
	return lines
}

// Fingerprint names a passkey's public key for people to compare.
func Fingerprint(c passkey.Credential) string {
	h := sha256.Sum256(c.PublicKey)
	return "SHA256:" + base64.RawURLEncoding.EncodeToString(h[:])
}

// When writes a time the way statements do: UTC, whole seconds.
func When(t time.Time) string { return t.UTC().Format(stamp) }
