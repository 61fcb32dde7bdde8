package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

type sessionsOutput struct {
	Body struct {
		Sessions []signin.Session `json:"sessions" nullable:"false"`
		Ended    []gate.Ended     `json:"ended" nullable:"false" doc:"times within the last 30 days at which an officer ended all of them"`
	}
}

type sessionInput struct {
	ID string `path:"id" maxLength:"100" doc:"from the list"`
}

type endedOutput struct {
	Body struct {
		Ended int `json:"ended" doc:"how many were open"`
	}
}

type endSessionsInput struct {
	Keyed
	Body struct {
		Person identity.PersonID `json:"person" minLength:"1" maxLength:"200" doc:"whose sessions"`
		Reason string            `json:"reason" minLength:"1" maxLength:"300" doc:"one line; the member, security and the ledger keep it"`
	}
}

func (a *api) sessions(h huma.API) {
	staff(a, h, get("/sessions", "list-sessions", "Your own sessions"), a.listSessions)
	one := get("/sessions/{id}", "end-session", "End one of your sessions")
	one.Method, one.DefaultStatus = "DELETE", 204
	staff(a, h, one, a.endSession)
	others := get("/sessions", "end-other-sessions", "End all your sessions but the one that asks")
	others.Method = "DELETE"
	staff(a, h, others, a.endOtherSessions)
	staff(a, h, post("/sessions/end", "end-sessions-of", "End all sessions of a member of the roster, whose device is gone perhaps (officers)", 200), a.endSessionsOf)
}

// mine is the session that asks. An API token has none.
func (a *api) mine(ctx context.Context, c gate.Caller) (string, error) {
	if c.Person == "" {
		return "", gate.ErrForbidden
	}
	return a.signin.StaffToken(callOf(ctx).r)
}

func (a *api) listSessions(ctx context.Context, c gate.Caller, _ *none) (*sessionsOutput, error) {
	token, err := a.mine(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &sessionsOutput{}
	if out.Body.Sessions, err = a.signin.Sessions(ctx, c.Person, token); err != nil {
		return nil, err
	}
	out.Body.Ended, err = a.gate.Endings(ctx, c)
	return out, err
}

func (a *api) endSession(ctx context.Context, c gate.Caller, in *sessionInput) (*none, error) {
	return nil, a.signin.EndSession(ctx, c.Person, in.ID)
}

func (a *api) endOtherSessions(ctx context.Context, c gate.Caller, _ *none) (*endedOutput, error) {
	token, err := a.mine(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &endedOutput{}
	out.Body.Ended, err = a.signin.EndOtherSessions(ctx, c.Person, token)
	return out, err
}

func (a *api) endSessionsOf(ctx context.Context, c gate.Caller, in *endSessionsInput) (*endedOutput, error) {
	n, err := a.signin.EndSessionsOf(ctx, c, in.Body.Person, in.Body.Reason)
	out := &endedOutput{}
	out.Body.Ended = n
	return out, err
}
