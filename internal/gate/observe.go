package gate

import (
	"context"
	"slices"
)

// Observation is something that staff take for a sign of who is asking. It has
// a kind and nothing else: no answer, no number and no name is ever taken down.
type Observation struct {
	Kind string
}

// Observed is the ledger's note that something which proves nothing was offered
// as proof.
type Observed struct {
	Request string `json:"request"`
	Kind    string `json:"kind"`
	Desk    string `json:"desk,omitempty"`
}

// Observations are the kinds that there are.
var Observations = []string{"knowledge", "voice_recognition", "caller_id", "colleague_word", "manual_callback", "document_by_mail"}

// noProof says of each kind why it counts for nothing, and what does.
var noProof = map[string]string{
	"knowledge": "answers to questions prove nothing, right or wrong: they can be bought, found and overheard (SP 800-63A-4 §2.5.1, SP 800-63B-4 §3.1.1.2)",
	"voice_recognition": "a voice proves nothing, however well you know it: it can be imitated in real time " +
		"(SP 800-63B-4 §3.2.3)",
	"caller_id":        "the number a call seems to come from proves nothing: callers choose what is shown",
	"colleague_word":   "a colleague's word proves nothing by itself: whoever vouches is asked by this server, and signs with a passkey",
	"manual_callback":  "a call that you made yourself proves nothing: the number must be chosen by this server, and a code must come back over that call (SP 800-63B-4 §3.1.3.2)",
	"document_by_mail": "the picture of a document proves nothing: a proofing officer looks at the document and at the person, side by side",
}

// Observe is where staff try to put down something that is no proof. It is
// always refused, with the reason. That it was tried is noted on the ledger and
// as a signal about the person: whoever asks may have offered it. The refusal
// never says what the policy wants or what is on record.
func (g *Gate) Observe(ctx context.Context, c Caller, request string, o Observation) error {
	if !slices.Contains(Observations, o.Kind) {
		return invalid("kind: there is no such observation")
	}
	s, err := g.load(ctx, request)
	if err != nil {
		return err
	}
	ok, err := g.sees(ctx, c, s)
	if err != nil {
		return err
	}
	if !ok {
		return ErrNoRequest
	}
	if err := g.note(ctx, c, Observed{s.ID, o.Kind, s.Desk}, "observed"); err != nil {
		return err
	}
	if err := g.warn(ctx, s.Person, SignalNotProof); err != nil {
		return err
	}
	return &Fault{"not_a_proof", noProof[o.Kind] + ". Nothing was recorded as proof. Ask the requester to come forward with the case code on their own device."}
}
