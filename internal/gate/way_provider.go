package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/proof"
	"countersign/internal/proof/idv"
	"countersign/internal/proof/oidc"
	"countersign/internal/reset"
)

// Provider is the organisation's OpenID Connect provider, as far as the gate
// has to do with it: package signin leads people there and back.
type Provider interface {
	Issuer() string // exactly as the provider writes it
}

// OIDC is what a sign-in at the provider has to show, in the terms of package
// proof/oidc. Without a claim, and an acr or amr, none is a proof.
type OIDC struct {
	Claim    string
	ACR, AMR []string
}

func (o OIDC) looks() bool { return o.Claim != "" && len(o.ACR)+len(o.AMR) > 0 }

// askOIDC sends the claimant on to where the face begins a sign-in for this
// challenge, in the browser that holds their session.
func (g *Gate) askOIDC(_ context.Context, a *asked) error {
	a.prompt.Go = g.cfg.BaseURL + "/case/oidc/" + a.prompt.Challenge
	return nil
}

// AnswerOIDC takes what a sign-in at the organisation's provider said, once
// package signin has verified that it is the provider's, for the flow that the
// browser began. One that does not count is a wrong answer.
func (g *Gate) AnswerOIDC(ctx context.Context, token, challenge string, claims oidc.Claims) (CaseView, error) {
	return g.answer(ctx, token, challenge, func(s reset.State, c reset.Challenge) (verdict, error) {
		if c.Method != proof.OIDC || g.provider == nil {
			return verdict{}, invalid("this method is not answered here")
		}
		return g.checkOIDC(ctx, s, c, claims, g.now())
	})
}

func (g *Gate) checkOIDC(ctx context.Context, s reset.State, c reset.Challenge, claims oidc.Claims, at time.Time) (verdict, error) {
	a, err := g.lookup(ctx, s.Subject)
	if err != nil {
		return verdict{}, err
	}
	spec, _ := proof.SpecOf(proof.OIDC)
	want := oidc.Want{ACR: g.cfg.OIDC.ACR, AMR: g.cfg.OIDC.AMR, Claim: g.cfg.OIDC.Claim, Is: namesOf(a), Since: c.Until.Add(-spec.Life)}
	err = oidc.Check(claims, want, at)
	if claims.Issuer != g.provider.Issuer() {
		err = errors.New("it is of another issuer")
	}
	if err != nil {
		g.log.Info("a sign-in at the provider does not count", "request", s.ID, "challenge", c.ID, "error", err)
		return verdict{}, nil
	}
	line, err := json.Marshal(signedIn{claims.Issuer, claims.Subject, claims.AuthTime, claims.ACR, claims.AMR})
	return verdict{right: err == nil, given: reset.Proved{Result: string(line)}}, err
}

// signedIn is what stays of a sign-in: never a token.
type signedIn struct {
	Issuer   string    `json:"iss"`
	Subject  string    `json:"sub"`
	AuthTime time.Time `json:"auth_time"`
	ACR      string    `json:"acr,omitempty"`
	AMR      []string  `json:"amr,omitempty"`
}

// namesOf is by what a provider may call an account: its login, and the
// mailboxes that the account itself opens. A private mailbox on record is not
// among them, for whoever reads it could bring it to the provider as a guest.
func namesOf(a directory.Account) []string {
	names := []string{a.Login}
	for _, c := range a.Contacts {
		if c.Kind == directory.ContactEmail && c.Own {
			names = append(names, c.Address)
		}
	}
	return names
}

// Proofer is a provider of identity proofing, and where it begins. The place
// {challenge} in Start stands for what the result has to answer (its nonce),
// {return} for where the person comes back to.
type Proofer struct {
	idv.Issuer
	// Start makes the address that a person is sent to.
	Start func(challenge, back string) string
}

// findIDV offers proofing when a result could be matched with the owner: by
// what the provider calls them, where that is on record, or by their name,
// where a provider is trusted with that.
func (g *Gate) findIDV(ctx context.Context, s reset.State, at time.Time) ([]factor, error) {
	all, err := g.factors(ctx, s.Person, proof.IDV, at)
	if err != nil || len(all) > 0 {
		return all, err
	}
	if slices.ContainsFunc(g.proofers, func(p Proofer) bool { return p.NameMatch }) {
		return g.findNothing(ctx, s, at)
	}
	return nil, nil
}

func (g *Gate) askIDV(_ context.Context, a *asked) error {
	from, _, err := g.proofer(a.factors[0].enrolment)
	if err != nil {
		return err
	}
	a.prompt.Go = from[0].Start(a.prompt.Challenge, g.cfg.BaseURL+"/case")
	return nil
}

// proofer is who may speak of a person, and what they call them. With several
// providers, a registered subject is written as ISSUER, a space, and the id:
// what one calls somebody is somebody else to another.
func (g *Gate) proofer(e enrolment) (from []Proofer, subject string, err error) {
	if len(e.Subject) == 0 {
		from = slices.DeleteFunc(slices.Clone(g.proofers), func(p Proofer) bool { return !p.NameMatch })
	} else {
		plain, err := g.box.Open(e.Subject)
		if err != nil {
			return nil, "", fmt.Errorf("gate: opening a subject: %w", err)
		}
		from, subject = g.proofers, string(plain)
		for i, p := range g.proofers {
			if rest, ok := strings.CutPrefix(subject, p.Name+" "); ok {
				return g.proofers[i : i+1], rest, nil
			}
		}
	}
	if len(from) == 0 || subject != "" && len(from) > 1 {
		return nil, "", errMethod
	}
	return from, subject, nil
}

// checkIDV judges a result that the claimant's browser brought. There is no
// other way in: a result that the provider's server could hand in would count
// for whoever opened the case, when they had talked its owner into following
// the link.
func (g *Gate) checkIDV(ctx context.Context, s reset.State, c reset.Challenge, r Reply, at time.Time) (verdict, error) {
	var e enrolment
	if c.Enrolment != noFactor {
		f, ok, err := g.answering(ctx, c.Enrolment, at)
		if err != nil || !ok {
			return verdict{}, err
		}
		e = f.enrolment
	}
	from, subject, err := g.proofer(e)
	if err != nil {
		return verdict{}, err
	}
	text := strings.TrimSpace(r.Text)
	got, err := idv.Check(issuersOf(from), text, idv.Want{Challenge: c.ID, Subject: subject, Name: s.Facts.Subject.Name}, at)
	if err != nil {
		g.log.Info("a result of identity proofing does not count", "request", s.ID, "challenge", c.ID, "error", err)
		return verdict{}, nil
	}
	g.log.Info("identity proofed", "request", s.ID, "challenge", c.ID, "issuer", got.Issuer, "level", got.Level)
	return verdict{right: true, given: reset.Proved{Enrolment: c.Enrolment, Result: text}}, nil
}

func issuersOf(from []Proofer) []idv.Issuer {
	var out []idv.Issuer
	for _, p := range from {
		out = append(out, p.Issuer)
	}
	return out
}
