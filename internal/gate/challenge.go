package gate

import (
	"context"
	"time"

	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
)

// Prompt is what the claimant is told about a challenge.
type Prompt struct {
	Challenge string       `json:"challenge"`
	Method    proof.Method `json:"method"`
	Until     time.Time    `json:"until"`
	Card      Card         `json:"card"`
	// Statement is what a passkey or a device signs; Options are for
	// navigator.credentials.get.
	Statement string           `json:"statement,omitempty"`
	Options   *passkey.Request `json:"options,omitempty"`
	// Code is to be handed over to whoever attests: they have to type it.
	Code string `json:"code,omitempty"`
	// Go is where the claimant goes on to, for a provider's sign-in or proofing.
	Go string `json:"go,omitempty"`
}

// Challenge asks the claimant for a proof by a method. Where that means
// sending a code, it goes to the registered destination the server picks.
func (g *Gate) Challenge(ctx context.Context, token string, m proof.Method) (Prompt, error) {
	s, session, err := g.claimed(ctx, token)
	if err != nil {
		return Prompt{}, err
	}
	spec, ok := proof.SpecOf(m)
	if !ok {
		return Prompt{}, invalid("unknown method")
	}
	at := g.now()
	if err := g.askable(ctx, s, at); err != nil {
		return Prompt{}, err
	}
	w, open, withheld, err := g.openWay(ctx, s, m, at)
	if noted := g.withhold(ctx, s, withheld); noted != nil {
		return Prompt{}, noted
	}
	if err != nil {
		return Prompt{}, notOpen(s, m, err)
	}
	event := reset.Challenged{Challenge: newID("chl"), Session: session, Method: m,
		Enrolment: open[0].id, Since: open[0].since, SetBy: open[0].setBy, Until: at.Add(spec.Life)}
	for _, f := range open[1:] {
		event.Also = append(event.Also, reset.Choice{Enrolment: f.id, Since: f.since})
	}
	a := asked{factors: open, prompt: Prompt{Challenge: event.Challenge, Method: m, Until: event.Until}}
	// Preparing may cost; a challenge that would be refused must not pay for it.
	if _, a.state, err = reset.Decide(s, reset.Record{Event: event}, at); err != nil {
		return Prompt{}, notOpen(s, m, err)
	}
	if a.nth, _, err = g.sending(ctx, s, m, at); err != nil {
		return Prompt{}, err
	}
	if a.prompt.Card, err = g.card(ctx, s); err != nil {
		return Prompt{}, err
	}
	if w.ask != nil {
		if err := w.ask(ctx, &a); err != nil {
			return Prompt{}, err
		}
	}
	kept, err := keepPrompt(s, session, a.prompt)
	if err != nil {
		return Prompt{}, err
	}
	a.items = append(a.items, kept)
	_, err = g.change(ctx, s.ID, "session:"+session, func(s reset.State, at time.Time) (reset.Command, besides, error) {
		_, counted, err := g.sending(ctx, s, m, at)
		more := a.besides
		more.items = append(counted, a.items...)
		return reset.Record{Event: event}, more, err
	})
	return a.prompt, err
}
