package reset

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof"
	"countersign/internal/statement"
)

// Decision is what a signer of a request's statement decides.
type Decision string

// The decisions, as they stand in the statement's first line.
const (
	Approve Decision = "approval"
	Deny    Decision = "denial"
	InOrder Decision = "review-in-order"
	Suspect Decision = "review-suspicious"
)

const stamp = "2006-01-02T15:04:05Z"

// Statement is what an approver, denier or reviewer signs: everything the
// decision rests on. Any change to it yields other bytes and voids what was
// signed before.
func (s State) Statement(d Decision) (statement.Statement, error) {
	plan, err := s.planHash()
	if err != nil {
		return "", err
	}
	lines := slices.Concat(
		s.about(),
		[]statement.Line{
			{Name: "class", Value: string(s.Plan.Class)},
			{Name: "tier", Value: string(s.Plan.Tier)},
			{Name: "channel", Value: string(s.Channel)},
			{Name: "requester", Value: string(s.Requester)},
		},
		optional("agent", string(s.Agent)),
		optional("desk", s.Desk),
		optional("ticket", identity.Line(s.Facts.Request.Ticket, 200)),
		s.proofLines(),
		s.recipientLine(),
		[]statement.Line{
			{Name: "opened", Value: s.OpenedAt.UTC().Format(stamp)},
			{Name: "policy", Value: s.Policy},
			{Name: "plan", Value: plan},
		},
		s.outcomeLines(d),
	)
	return statement.New(string(d), lines)
}

// about names the request and the account, as every statement begins.
func (s State) about() []statement.Line {
	return slices.Concat(
		[]statement.Line{
			{Name: "request", Value: s.ID},
			{Name: "case", Value: s.Case},
			{Name: "action", Value: string(s.Action)},
			{Name: "account", Value: string(s.Subject)},
		},
		optional("login", identity.Line(s.Facts.Subject.Login, 200)),
		optional("name", identity.Line(s.Facts.Subject.Name, 200)),
	)
}

func optional(name, value string) []statement.Line {
	if value == "" {
		return nil
	}
	return []statement.Line{{Name: name, Value: value}}
}

func (s State) proofLines() []statement.Line {
	if len(s.Proofs) == 0 {
		return []statement.Line{{Name: "proof", Value: "none yet"}}
	}
	var lines []statement.Line
	for _, p := range s.Proofs {
		lines = append(lines, statement.Line{Name: "proof", Value: fmt.Sprintf(
			"%s at %s, %s", p.Method, p.At.UTC().Format(stamp), registered(p.Since))})
		lines = append(lines, optional("attested-by", string(p.By))...)
	}
	return lines
}

func registered(since time.Time) string {
	if since.IsZero() {
		return "nothing registered before"
	}
	return "registered " + since.UTC().Format(time.DateOnly)
}

// statementKinds are the first lines of what is signed as a proof.
var statementKinds = map[proof.Method]string{
	proof.Passkey: "proof", proof.Device: "proof", proof.Vouch: "vouch", proof.InPerson: "in-person",
}

// ProofStatement is what is signed to answer a challenge of this request: by
// the requester's own passkey or device, or by a witness, who is named, with
// the kind of document a proofing officer saw. It says for whom, for what and
// where a new secret would go, so it answers nothing else.
func (s State) ProofStatement(challenge string, by identity.PersonID, document string) (statement.Statement, error) {
	i := s.challenge(challenge)
	if i < 0 {
		return "", refuse(ChallengeUnknown, "this request has no such challenge")
	}
	c := s.Challenges[i]
	kind, ok := statementKinds[c.Method]
	if !ok {
		return "", refuse(MethodNotWanted, "%s is not answered by a signature", c.Method)
	}
	return statement.New(kind, slices.Concat(
		s.about(),
		[]statement.Line{
			{Name: "channel", Value: string(s.Channel)},
			{Name: "requester", Value: string(s.Requester)},
		},
		optional("agent", string(s.Agent)),
		optional("desk", s.Desk),
		[]statement.Line{
			{Name: "opened", Value: s.OpenedAt.UTC().Format(stamp)},
			{Name: "method", Value: string(c.Method)},
			{Name: "challenge", Value: c.ID},
			{Name: "secret-goes-to", Value: s.Recipient(c.Session)},
		},
		optional("attested-by", string(by)),
		optional("document", document),
	))
}

func (s State) recipientLine() []statement.Line {
	c, ok := s.session(s.Claimant)
	if !ok {
		return nil
	}
	return []statement.Line{{Name: "secret-goes-to", Value: c.Recipient}}
}

// outcomeLines stand only in what a reviewer signs.
func (s State) outcomeLines(d Decision) []statement.Line {
	if !strings.HasPrefix(string(d), "review") {
		return nil
	}
	return []statement.Line{
		{Name: "status", Value: string(s.Status())},
		{Name: "repudiated", Value: map[bool]string{true: "yes", false: "no"}[s.Repudiated]},
		{Name: "signatures", Value: fmt.Sprint(len(s.Votes))},
	}
}

func (s State) planHash() (string, error) {
	b, err := ledger.Marshal(s.Plan)
	if err != nil {
		return "", fmt.Errorf("reset: writing the plan: %w", err)
	}
	h := sha256.Sum256(b)
	return "sha256:" + base64.RawURLEncoding.EncodeToString(h[:]), nil
}
