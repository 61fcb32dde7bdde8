package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/signin"
)

type method proof.Method

// Schema lists the words.
func (method) Schema(huma.Registry) *huma.Schema {
	var all []proof.Method
	for _, s := range proof.Specs {
		all = append(all, s.Method)
	}
	return words("a way to prove who one is; which of them count depends on the case", all)
}

type challengeInput struct {
	Body struct {
		Method method `json:"method"`
	}
}

type promptOutput struct{ Body gate.Prompt }

type answerInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Answer    string        `json:"answer,omitempty" maxLength:"16384" doc:"what was typed: a code, a device's signature, or a provider's signed result"`
		Assertion browserAnswer `json:"assertion,omitempty" doc:"for a passkey: what navigator.credentials.get gave"`
	}
}

func (a *api) challenges(h huma.API) {
	requester(a, h, post("/case/challenges", "ask-challenge", "Ask to be challenged by a method", 201), a.askChallenge)
	requester(a, h, post("/case/challenges/{id}/answer", "answer-challenge", "Answer a challenge", 200), a.answerChallenge)
}

func (a *api) askChallenge(ctx context.Context, token string, in *challengeInput) (*promptOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	p, err := a.gate.Challenge(ctx, token, proof.Method(in.Body.Method))
	return &promptOutput{p}, err
}

func (a *api) answerChallenge(ctx context.Context, token string, in *answerInput) (*caseOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	reply := gate.Reply{Text: in.Body.Answer}
	if len(in.Body.Assertion) > 0 {
		assertion, err := passkey.ParseAssertion(in.Body.Assertion)
		if err != nil {
			return nil, errNoAssertion()
		}
		reply.Assertion = &assertion
	}
	v, err := a.gate.Answer(ctx, token, in.ID, reply)
	return &caseOutput{v}, err
}
