package console

import (
	"errors"
	"fmt"
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

// forProof is the purpose of a requester who is sent to the provider.
const forProof = "proof"

// caseProvider sends the requester to the organisation's provider, for a
// challenge of theirs. It is a link and no form, because a form here may lead
// nowhere but here.
func (c *console) caseProvider(w http.ResponseWriter, r *http.Request) error {
	p, err := c.prompted(r, r.PathValue("challenge"))
	if err == nil && p.Method != proof.OIDC {
		err = &reset.Refusal{Code: reset.ChallengeUnknown, Msg: "this challenge is not answered at the provider"}
	}
	if err == nil {
		err = c.toProvider(w, r, forProof, p.Challenge, p.Card.Login)
	}
	if err != nil {
		return c.movedOn(w, r, err)
	}
	return nil
}

// proofReturned takes them back. Whether the sign-in counts as the proof is
// for the gate to say.
func (c *console) proofReturned(w http.ResponseWriter, r *http.Request, back signin.Return) error {
	token, err := c.Signin.CaseToken(r)
	if err == nil {
		_, err = c.Gate.AnswerOIDC(r.Context(), token, back.Data, back.Claims)
	}
	if errors.Is(err, gate.ErrAnswer) {
		err = fmt.Errorf("%w: %w", signin.ErrProviderRefused, err)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/case", http.StatusSeeOther)
	return nil
}
