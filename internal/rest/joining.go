package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/signin"
)

type inviteInput struct {
	Keyed
	Body struct {
		Person identity.PersonID `json:"person" minLength:"1" maxLength:"200"`
		Name   string            `json:"name" minLength:"1" maxLength:"100"`
		Roles  []role            `json:"roles" minItems:"1" maxItems:"10" nullable:"false"`
		Desk   string            `json:"desk,omitempty" maxLength:"60" doc:"agents need one"`
	}
}

type invitedOutput struct {
	Body struct {
		Token string `json:"token" doc:"hand it to that person alone; it works once, for a week"`
	}
}

type invitePasskeyInput struct {
	Keyed
	Body struct {
		Person identity.PersonID `json:"person" minLength:"1" maxLength:"200" doc:"somebody on the roster"`
	}
}

type invitationsOutput struct {
	Body struct {
		Invitations []gate.InvitationView `json:"invitations" nullable:"false"`
	}
}

type invitationID struct {
	ID string `path:"id" maxLength:"100"`
}

type joinInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200"`
	}
}

type joiningOutput struct{ Body gate.Joining }

type registerInput struct {
	Body struct {
		Token    string        `json:"token" minLength:"1" maxLength:"200"`
		Response browserAnswer `json:"response"`
	}
}

type joinedOutput struct{ Body gate.Joined }

type foundInput struct {
	Body struct {
		Token     string        `json:"token" minLength:"1" maxLength:"200"`
		Assertion browserAnswer `json:"assertion"`
	}
}

func (a *api) joining(h huma.API) {
	staff(a, h, post("/roster/invitations", "invite", "Invite a person to the roster", 201).withSecret(), a.invite)
	staff(a, h, post("/roster/passkey-invitations", "invite-passkey", "Invite somebody on the roster to register another passkey", 201).withSecret(), a.invitePasskey)
	staff(a, h, get("/roster/invitations", "list-invitations", "Which invitations wait to be redeemed"), a.listInvitations)
	withdraw := get("/roster/invitations/{id}", "withdraw-invitation", "Make an invitation worthless")
	withdraw.Method, withdraw.DefaultStatus = "DELETE", 204
	staff(a, h, withdraw, a.withdrawInvitation)
	public(a, h, post("/join/begin", "begin-joining", "Redeem an invitation", 200), a.join)
	public(a, h, post("/join/register", "register-passkey", "Register a passkey with an invitation", 200), a.registerPasskey)
	public(a, h, post("/join/found", "found-roster", "Sign the founding entry with the founder's invitation", 204), a.found)
}

func (a *api) invite(ctx context.Context, c gate.Caller, in *inviteInput) (*invitedOutput, error) {
	token, err := a.gate.Invite(ctx, c, gate.Invitee{Person: in.Body.Person, Name: in.Body.Name, Roles: rolesOf(in.Body.Roles), Desk: in.Body.Desk})
	out := &invitedOutput{}
	out.Body.Token = token
	return out, err
}

func (a *api) invitePasskey(ctx context.Context, c gate.Caller, in *invitePasskeyInput) (*invitedOutput, error) {
	token, err := a.gate.InvitePasskey(ctx, c, in.Body.Person)
	out := &invitedOutput{}
	out.Body.Token = token
	return out, err
}

func (a *api) listInvitations(ctx context.Context, c gate.Caller, _ *none) (*invitationsOutput, error) {
	list, err := a.gate.Invitations(ctx, c)
	out := &invitationsOutput{}
	out.Body.Invitations = list
	return out, err
}

func (a *api) withdrawInvitation(ctx context.Context, c gate.Caller, in *invitationID) (*none, error) {
	return nil, a.gate.WithdrawInvitation(ctx, c, in.ID)
}

func (a *api) join(ctx context.Context, in *joinInput) (*joiningOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.SignIns); err != nil {
		return nil, err
	}
	j, err := a.gate.Join(ctx, in.Body.Token)
	return &joiningOutput{j}, err
}

func (a *api) registerPasskey(ctx context.Context, in *registerInput) (*joinedOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.SignIns); err != nil {
		return nil, err
	}
	j, err := a.gate.Register(ctx, in.Body.Token, in.Body.Response)
	return &joinedOutput{j}, err
}

func (a *api) found(ctx context.Context, in *foundInput) (*none, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.SignIns); err != nil {
		return nil, err
	}
	s, err := passkey.ParseAssertion(in.Body.Assertion)
	if err != nil {
		return nil, errNoAssertion()
	}
	return nil, a.gate.Found(ctx, in.Body.Token, s)
}
