package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

type beginOutput struct{ Body signin.Ceremony }

type finishInput struct {
	Body struct {
		Ceremony string        `json:"ceremony" maxLength:"100"`
		Response browserAnswer `json:"response"`
		As       string        `json:"as,omitempty" enum:"token,cookie" doc:"how the session is handed over: token (the default) in the answer, cookie to a browser"`
	}
}

type sessionOutput struct {
	Body struct {
		Person identity.PersonID `json:"person"`
		Token  string            `json:"token,omitempty" doc:"for Authorization: Bearer; absent with as=cookie"`
	}
}

type meOutput struct {
	Body struct {
		Person identity.PersonID `json:"person,omitempty"`
		Name   string            `json:"name,omitempty"`
		Roles  []identity.Role   `json:"roles,omitempty" nullable:"false"`
		Desk   string            `json:"desk,omitempty"`
		Token  string            `json:"token,omitempty" doc:"the name of the API token that is calling"`
		Scopes []gate.Scope      `json:"scopes,omitempty" nullable:"false"`
	}
}

func (a *api) signIn(h huma.API) {
	public(a, h, post("/sign-in/begin", "begin-sign-in", "Begin to sign in with a passkey", 200), a.beginSignIn)
	public(a, h, post("/sign-in/finish", "finish-sign-in", "Sign in with the passkey's answer", 200), a.finishSignIn)
	staff(a, h, post("/sign-out", "sign-out", "End this session", 204), a.signOut)
	staff(a, h, get("/me", "me", "Who is calling"), a.me)
}

func (a *api) beginSignIn(ctx context.Context, _ *none) (*beginOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.SignIns); err != nil {
		return nil, err
	}
	c, err := a.signin.Begin(ctx)
	return &beginOutput{c}, err
}

func (a *api) finishSignIn(ctx context.Context, in *finishInput) (*sessionOutput, error) {
	call := callOf(ctx)
	ticket := a.signin.Ticket(call.r)
	if ticket != "" {
		a.signin.ClearTicketCookie(call.w) // it is spent, whatever comes of it
	}
	token, p, err := a.signin.FinishWithTicket(ctx, ticket, in.Body.Ceremony, in.Body.Response)
	if err != nil {
		return nil, err
	}
	out := &sessionOutput{}
	out.Body.Person = p
	if in.Body.As == "cookie" {
		a.signin.SetStaffCookie(call.w, token)
	} else {
		out.Body.Token = token
	}
	return out, nil
}

// signOut ends a session. An API token has none: it is revoked instead.
func (a *api) signOut(ctx context.Context, _ gate.Caller, _ *Keyed) (*none, error) {
	c := callOf(ctx)
	token, err := a.signin.StaffToken(c.r)
	if err != nil {
		return nil, gate.ErrForbidden
	}
	if err := a.signin.SignOut(ctx, token); err != nil {
		return nil, err
	}
	a.signin.ClearStaffCookie(c.w)
	return nil, nil
}

func (a *api) me(ctx context.Context, c gate.Caller, _ *none) (*meOutput, error) {
	out := &meOutput{}
	if c.Token != "" {
		out.Body.Token, out.Body.Scopes = c.Token, c.Scopes
		return out, nil
	}
	m, err := a.gate.Whoami(ctx, c)
	out.Body.Person, out.Body.Name, out.Body.Roles, out.Body.Desk = m.Person, m.Name, m.Roles, m.Desk
	return out, err
}
