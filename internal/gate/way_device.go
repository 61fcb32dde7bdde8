package gate

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"countersign/internal/proof/device"
	"countersign/internal/reset"
)

// maxSignature is more than the text of an RSA signature of 8192 bits.
const maxSignature = 2048

// askDevice puts the statement before the claimant that their device signs.
func (g *Gate) askDevice(_ context.Context, a *asked) error {
	text, err := a.state.ProofStatement(a.prompt.Challenge, "", "")
	a.prompt.Statement = string(text)
	return err
}

// checkDevice verifies the signature with the keys of those devices that were
// asked. Which of them signed, a signature does not say.
func (g *Gate) checkDevice(ctx context.Context, s reset.State, c reset.Challenge, r Reply, at time.Time) (verdict, error) {
	answer := strings.TrimSpace(r.Text)
	if len(answer) > maxSignature {
		return verdict{}, invalid("the answer is too long")
	}
	text, err := s.ProofStatement(c.ID, "", "")
	if err != nil {
		return verdict{}, err
	}
	for _, choice := range c.Choices() {
		f, ok, err := g.answering(ctx, choice.Enrolment, at)
		if err != nil {
			return verdict{}, err
		}
		if !ok || device.Verify(device.Key(f.DeviceKey), []byte(text), answer) != nil {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(answer)
		e := f.enrolment
		e.Misses = 0
		more := verdict{right: err == nil, given: reset.Proved{Enrolment: f.id, Signature: raw}}
		more.items = append(more.items, f.as(e))
		return more, err
	}
	return verdict{}, nil
}
