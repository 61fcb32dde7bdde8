package gate

import (
	"context"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/code"
	"countersign/internal/reset"
)

// Card is what a person sees before they prove or attest anything, whatever
// the method and the channel: who asks, what would happen to which account,
// and two words that the agent's screen shows too. It is the same for
// everybody who looks at one request, and no secret.
type Card struct {
	Organisation string          `json:"organisation"`
	Agent        string          `json:"agent,omitempty"` // the agent's name; empty in self-service
	Desk         string          `json:"desk,omitempty"`
	Action       identity.Action `json:"action"`
	Login        string          `json:"login"`
	Case         string          `json:"case"`
	// Words are for comparing by voice: both see the same request. They say
	// nothing about who either of them is.
	Words    string    `json:"words"`
	OpenedAt time.Time `json:"opened_at"`
}

// printed is the card as it stands in messages.
func (c Card) printed() code.Card {
	return code.Card{Organisation: c.Organisation, Agent: c.Agent, Desk: c.Desk, Action: c.Action,
		Login: c.Login, Case: c.Case, Words: c.Words, Opened: c.OpenedAt}
}

func (g *Gate) card(ctx context.Context, s reset.State) (Card, error) {
	chain, _, err := g.rules(ctx)
	if err != nil {
		return Card{}, err
	}
	return Card{
		Organisation: g.cfg.Organisation, Agent: chain.Members[s.Agent].Name, Desk: s.Desk, Action: s.Action,
		Login: identity.Line(s.Facts.Subject.Login, 100), Case: s.Case, Words: proof.Words(s.ID), OpenedAt: s.OpenedAt,
	}, nil
}
