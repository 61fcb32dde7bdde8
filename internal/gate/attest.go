package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// Attesting is what a witness is told before they sign: for whom, and for
// what.
type Attesting struct {
	Card      Card              `json:"card"`
	Method    proof.Method      `json:"method"` // vouch or in_person
	Name      string            `json:"name"`   // of the account's owner
	Person    identity.PersonID `json:"person"` // the witness
	Until     time.Time         `json:"until"`
	Documents []string          `json:"documents,omitempty"` // in_person: what may have been shown
}

// attestation is one that is under way, with everything it takes to judge it.
type attestation struct {
	state     reset.State
	challenge reset.Challenge
	enrolment string
	person    identity.PersonID
}

// Vouching shows what the link in a voucher's letter is about.
func (g *Gate) Vouching(ctx context.Context, token string) (Attesting, error) {
	t, err := g.vouching(ctx, token)
	if err != nil {
		return Attesting{}, err
	}
	return g.attesting(ctx, t)
}

// VouchPaper puts the statement before the voucher, once they have typed the
// code that the requester told them. A wrong one counts as a wrong answer.
func (g *Gate) VouchPaper(ctx context.Context, token, code string) (p Paper, err error) {
	err = g.again(func() error {
		t, err := g.vouching(ctx, token)
		if err != nil {
			return err
		}
		p, err = g.attestPaper(ctx, t, code, "")
		return err
	})
	return p, err
}

// Vouch records that the person of the link vouches.
func (g *Gate) Vouch(ctx context.Context, token, code string, a passkey.Assertion) error {
	return g.again(func() error {
		t, err := g.vouching(ctx, token)
		if err != nil {
			return err
		}
		return g.attest(ctx, t, code, "", a)
	})
}

// Disclaim is a voucher's "that is not them". The request ends: somebody who
// knows its owner has said so. The link needs no passkey for that.
func (g *Gate) Disclaim(ctx context.Context, token string) error {
	t, err := g.vouching(ctx, token)
	if err != nil {
		return err
	}
	if err := g.warn(ctx, t.state.Person, SignalDisclaimed); err != nil {
		return err
	}
	_, err = g.end(ctx, t.state.ID, string(t.person), "witness")
	return err
}

// Proofing shows a proofing officer the case whose requester stands before
// them.
func (g *Gate) Proofing(ctx context.Context, c Caller, code string) (Attesting, error) {
	t, err := g.proofing(ctx, c, code)
	if err != nil {
		return Attesting{}, err
	}
	return g.attesting(ctx, t)
}

// ProofingPaper puts the statement before the officer, once they have typed
// the code on the requester's screen and said what document they have seen.
func (g *Gate) ProofingPaper(ctx context.Context, c Caller, code, shown, document string) (p Paper, err error) {
	err = g.again(func() error {
		t, err := g.proofing(ctx, c, code)
		if err != nil {
			return err
		}
		p, err = g.attestPaper(ctx, t, shown, document)
		return err
	})
	return p, err
}

// Attest records that the officer has seen the person and the document.
func (g *Gate) Attest(ctx context.Context, c Caller, code, shown, document string, a passkey.Assertion) error {
	return g.again(func() error {
		t, err := g.proofing(ctx, c, code)
		if err == nil {
			err = c.sameKey(a)
		}
		if err != nil {
			return err
		}
		return g.attest(ctx, t, shown, document, a)
	})
}

var errVouchLink = &Fault{"not_found", "this link is not known, was used, or has lapsed"}

// vouching finds what a voucher's link is for.
func (g *Gate) vouching(ctx context.Context, token string) (attestation, error) {
	item, err := g.store.Item(ctx, shelfVouch, tokenKey(token), g.now())
	if errors.Is(err, store.ErrNotFound) {
		return attestation{}, errVouchLink
	}
	var link vouchLink
	if err == nil {
		err = unmarshal(item, &link)
	}
	if err != nil {
		return attestation{}, fmt.Errorf("gate: reading a voucher's link: %w", err)
	}
	s, err := g.load(ctx, link.Request)
	if err != nil {
		return attestation{}, err
	}
	c, err := challengeOf(s, link.Challenge)
	if err == nil && (c.Answered || !s.IsOpen()) {
		err = errVouchLink
	}
	if err == nil {
		err = g.trusted(ctx, link.Person)
	}
	return attestation{s, c, link.Enrolment, link.Person}, err
}

// proofing finds the newest challenge of a case that waits for a proofing
// officer. Who is no proofing officer, or opened the request, sees none.
func (g *Gate) proofing(ctx context.Context, c Caller, code string) (attestation, error) {
	m, _, err := g.member(ctx, c)
	if err != nil {
		return attestation{}, err
	}
	if !m.Has(identity.Proofing) {
		return attestation{}, ErrForbidden
	}
	if err := g.trusted(ctx, m.Person); err != nil {
		return attestation{}, err
	}
	s, err := g.byCase(ctx, code)
	if err != nil {
		return attestation{}, err
	}
	if slices.Contains(s.Barred(), m.Person) {
		return attestation{}, &reset.Refusal{Code: reset.SeparationOfDuties, Msg: "you take part in this request; another proofing officer has to look"}
	}
	at := g.now()
	for _, x := range slices.Backward(s.Challenges) {
		if x.Method == proof.InPerson && !x.Answered && at.Before(x.Until) && s.IsOpen() {
			return attestation{s, x, "", m.Person}, nil
		}
	}
	return attestation{}, &Fault{"not_found", "nobody with this case code has asked to be seen in person; let them choose it on their screen first"}
}

func (g *Gate) attesting(ctx context.Context, t attestation) (Attesting, error) {
	card, err := g.card(ctx, t.state)
	v := Attesting{Card: card, Method: t.challenge.Method, Name: identity.Line(t.state.Facts.Subject.Name, 100), Person: t.person, Until: t.challenge.Until}
	if v.Method == proof.InPerson {
		v.Documents = reset.Documents
	}
	return v, err
}

// attestPaper checks the code and makes the paper to sign.
func (g *Gate) attestPaper(ctx context.Context, t attestation, code, document string) (Paper, error) {
	right, _, err := g.attestCode(ctx, t, code)
	if err != nil {
		return Paper{}, err
	}
	if !right {
		_, err := g.judge(ctx, t.state, t.challenge, string(t.person), func() (verdict, error) { return verdict{}, nil })
		return Paper{}, err
	}
	text, err := t.state.ProofStatement(t.challenge.ID, t.person, document)
	if err != nil {
		return Paper{}, err
	}
	if document == "" && t.challenge.Method == proof.InPerson || document != "" && !slices.Contains(reset.Documents, document) {
		return Paper{}, invalid("say which kind of document you have seen")
	}
	chain, _, err := g.rules(ctx)
	if err != nil {
		return Paper{}, err
	}
	keys, err := g.keysOfWitness(ctx, chain, t)
	if err != nil {
		return Paper{}, err
	}
	var ids [][]byte
	for _, k := range keys {
		ids = append(ids, k.credential.ID)
	}
	return Paper{Decision: reset.Decision(t.challenge.Method), Statement: string(text), ID: text.ID(), Version: t.state.Version,
		Options: passkey.RequestOptions(chain.RelyingParty, text.Challenge(), ids)}, nil
}

// attestCode learns before any costly check whether an answer could count.
func (g *Gate) attestCode(ctx context.Context, t attestation, code string) (bool, store.Item, error) {
	if _, err := reset.Evolve(t.state, reset.AnswerRefused{Challenge: t.challenge.ID}, g.now()); err != nil {
		return false, store.Item{}, err
	}
	// A code that is only looked at here is a guess all the same.
	if err := g.answerable(ctx, t.state, t.challenge.Method, g.now()); err != nil {
		return false, store.Item{}, err
	}
	return g.codeRight(ctx, t.challenge, code, g.now())
}

func (g *Gate) attest(ctx context.Context, t attestation, code, document string, a passkey.Assertion) error {
	_, err := g.judge(ctx, t.state, t.challenge, string(t.person), func() (verdict, error) {
		right, item, err := g.codeRight(ctx, t.challenge, code, g.now())
		if err != nil || !right {
			return verdict{}, err
		}
		chain, _, err := g.rules(ctx)
		if err != nil {
			return verdict{}, err
		}
		key, err := g.witnessed(ctx, chain, t, document, a)
		return verdict{
			right:   err == nil,
			given:   reset.Proved{Enrolment: t.enrolment, By: t.person, Document: document, Assertion: &a, Key: key},
			besides: besides{items: []store.ItemChange{drop(item)}, rests: footing(chain)},
		}, err
	})
	return err
}

// witnessKey is a passkey that a witness may sign with: one on the roster, or
// one that they have enrolled for themselves.
type witnessKey struct {
	credential passkey.Credential
	enrolment  string // "" on the roster
}

func (g *Gate) keysOfWitness(ctx context.Context, chain roster.State, t attestation) ([]witnessKey, error) {
	var keys []witnessKey
	for _, k := range chain.Members[t.person].Passkeys {
		keys = append(keys, witnessKey{credential: k})
	}
	if t.challenge.Method == proof.InPerson {
		return keys, nil
	}
	own, err := g.factors(ctx, t.person, proof.Passkey, g.now())
	if err != nil {
		return nil, err
	}
	for _, f := range own {
		// As for the owner's own: what was registered today vouches for nobody.
		if !f.young(t.state) {
			keys = append(keys, witnessKey{*f.Passkey, f.id})
		}
	}
	if len(keys) == 0 {
		return nil, &Fault{"forbidden", "you have no passkey here that was registered long enough ago; only with one can you vouch"}
	}
	return keys, nil
}

// witnessed verifies the signature and returns the enrolment of its passkey.
func (g *Gate) witnessed(ctx context.Context, chain roster.State, t attestation, document string, a passkey.Assertion) (string, error) {
	text, err := t.state.ProofStatement(t.challenge.ID, t.person, document)
	if err != nil {
		return "", err
	}
	keys, err := g.keysOfWitness(ctx, chain, t)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if string(k.credential.ID) == string(a.CredentialID) && passkey.Verify(chain.RelyingParty, k.credential, text.Challenge(), a) == nil {
			return k.enrolment, nil
		}
	}
	return "", &Fault{"signature_refused", "the passkey's signature is not yours over this statement"}
}
