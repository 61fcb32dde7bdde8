package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/statement"
)

// Key is a passkey that a program can use; softkey.Key is one.
type Key interface {
	RegisterOptions(origin string, options []byte) ([]byte, error)
	AssertOptions(origin string, options []byte) ([]byte, error)
	Assert(rpID, origin string, challenge []byte) ([]byte, error)
}

// Session is a staff session.
type Session struct {
	Person identity.PersonID `json:"person"`
	Token  string            `json:"token"`
}

// SignIn signs in with a passkey that stands on the roster.
func (c Client) SignIn(ctx context.Context, k Key) (Session, error) {
	in, err := c.ceremony(ctx, "/sign-in/begin", k)
	if err != nil {
		return Session{}, err
	}
	return fetch[Session](ctx, c.As(""), http.MethodPost, "/sign-in/finish", in)
}

// ceremony begins a sign-in and answers it with a passkey.
func (c Client) ceremony(ctx context.Context, begin string, k Key) (map[string]any, error) {
	var begun struct {
		Ceremony string          `json:"ceremony"`
		Options  json.RawMessage `json:"options"`
	}
	if err := c.As("").Do(ctx, http.MethodPost, begin, nil, &begun); err != nil {
		return nil, err
	}
	answer, err := k.AssertOptions(c.server, begun.Options)
	if err != nil {
		return nil, fmt.Errorf("client: signing in: %w", err)
	}
	return map[string]any{"ceremony": begun.Ceremony, "response": json.RawMessage(answer)}, nil
}

// SignOut ends the session.
func (c Client) SignOut(ctx context.Context) error {
	return c.Do(ctx, http.MethodPost, "/sign-out", nil, nil)
}

// Me is who is calling.
type Me struct {
	Person identity.PersonID `json:"person,omitempty"`
	Name   string            `json:"name,omitempty"`
	Roles  []identity.Role   `json:"roles,omitempty"`
	Desk   string            `json:"desk,omitempty"`
	Token  string            `json:"token,omitempty"` // an integration's name
	Scopes []string          `json:"scopes,omitempty"`
}

// Me says who is calling.
func (c Client) Me(ctx context.Context) (Me, error) {
	return fetch[Me](ctx, c, http.MethodGet, "/me", nil)
}

// Invitee is whom an invitation is for.
type Invitee struct {
	Person identity.PersonID `json:"person"`
	Name   string            `json:"name"`
	Roles  []identity.Role   `json:"roles"`
	Desk   string            `json:"desk,omitempty"`
}

// InvitePasskey makes an invitation for somebody on the roster to register
// another passkey.
func (c Client) InvitePasskey(ctx context.Context, person identity.PersonID) (token string, err error) {
	out, err := fetch[tokenAnswer](ctx, c, http.MethodPost, "/roster/passkey-invitations", map[string]any{"person": person})
	return out.Token, err
}

// WithdrawInvitation makes an invitation worthless.
func (c Client) WithdrawInvitation(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/roster/invitations/"+url.PathEscape(id), nil, nil)
}

// Waiting is an invitation that nobody has redeemed yet.
type Waiting struct {
	ID      string            `json:"id"`
	Another bool              `json:"another_passkey"`
	Person  identity.PersonID `json:"person"`
	Name    string            `json:"name"`
	Roles   []identity.Role   `json:"roles"`
	Until   time.Time         `json:"until"`
}

// Invitations lists the invitations that wait to be redeemed.
func (c Client) Invitations(ctx context.Context) ([]Waiting, error) {
	out, err := fetch[struct {
		Invitations []Waiting `json:"invitations"`
	}](ctx, c, http.MethodGet, "/roster/invitations", nil)
	return out.Invitations, err
}

type tokenAnswer struct {
	Token string `json:"token"`
}

// Invite makes an invitation to the roster.
func (c Client) Invite(ctx context.Context, i Invitee) (token string, err error) {
	out, err := fetch[tokenAnswer](ctx, c, http.MethodPost, "/roster/invitations", i)
	return out.Token, err
}

// Paper is a statement to be signed.
type Paper struct {
	Decision  string              `json:"decision"`
	Statement statement.Statement `json:"statement"` // exactly these bytes are signed
	ID        string              `json:"statement_id"`
	Options   passkey.Request     `json:"options"`
	Version   uint64              `json:"version"`
	Policy    *PolicyChange       `json:"policy,omitempty"` // of the proposal of a policy
	// Look is for how many seconds the statement has to have been shown before
	// it can be approved.
	Look int `json:"look_seconds"`
}

// PolicyChange is what a signer of a new policy has to look at: both texts and
// what the server found. The statement names all three by their hashes.
type PolicyChange struct {
	Old    string `json:"old"`
	New    string `json:"new"`
	Effect string `json:"effect,omitempty"`
	Diff   string `json:"diff,omitempty"`
}

// sign signs what the paper says, not what the server would have signed: the
// challenge is computed here from the bytes that were read.
func (p Paper) sign(k Key, origin string) (json.RawMessage, error) {
	answer, err := k.Assert(p.Options.RPID, origin, p.Statement.Challenge())
	if err != nil {
		return nil, fmt.Errorf("client: signing: %w", err)
	}
	return answer, nil
}

// Joined is what came of redeeming an invitation.
type Joined struct {
	Name        string          `json:"name"`
	Roles       []identity.Role `json:"roles"`
	Fingerprint string          `json:"fingerprint"`
	Proposal    string          `json:"proposal,omitempty"`
	Sign        *Paper          `json:"sign,omitempty"` // the founder's statement
}

// Join redeems an invitation with a passkey. The founder still has to sign
// (Found); anybody else has to be countersigned by officers.
func (c Client) Join(ctx context.Context, invitation string, k Key) (Joined, error) {
	var begun struct {
		Joined
		Options json.RawMessage `json:"options"`
	}
	if err := c.As("").Do(ctx, http.MethodPost, "/join/begin", map[string]any{"token": invitation}, &begun); err != nil {
		return begun.Joined, err
	}
	made, err := k.RegisterOptions(c.server, begun.Options)
	if err != nil {
		return begun.Joined, fmt.Errorf("client: registering the passkey: %w", err)
	}
	in := map[string]any{"token": invitation, "response": json.RawMessage(made)}
	err = c.As("").Do(ctx, http.MethodPost, "/join/register", in, &begun.Joined)
	return begun.Joined, err
}

// Found signs the founding entry.
func (c Client) Found(ctx context.Context, invitation string, p Paper, k Key) error {
	signed, err := p.sign(k, c.server)
	if err != nil {
		return err
	}
	return c.As("").Do(ctx, http.MethodPost, "/join/found", map[string]any{"token": invitation, "assertion": signed}, nil)
}

// Roster is who may sign.
type Roster struct {
	Organisation string     `json:"organisation"`
	Genesis      string     `json:"genesis"`
	Policy       string     `json:"policy"`
	Members      []Member   `json:"members"`
	Proposals    []Proposal `json:"proposals"`
	Officers     int        `json:"officers"`
	Version      uint64     `json:"version"`
}

// Member is one person on the roster.
type Member struct {
	Person   identity.PersonID `json:"person"`
	Name     string            `json:"name"`
	Roles    []identity.Role   `json:"roles"`
	Desk     string            `json:"desk,omitempty"`
	Passkeys []struct {
		Fingerprint string `json:"fingerprint"`
		Software    bool   `json:"software"`
		Synced      bool   `json:"synced"` // it may be on several devices
	} `json:"passkeys"`
	Since     time.Time  `json:"since"`
	Probation *time.Time `json:"probation_until,omitempty"`
}

// Proposal is a change that waits for signatures.
type Proposal struct {
	ID      string              `json:"id"`
	Kind    string              `json:"kind"`
	Person  identity.PersonID   `json:"person,omitempty"`
	Name    string              `json:"name,omitempty"`
	Roles   []identity.Role     `json:"roles,omitempty"`
	Desk    string              `json:"desk,omitempty"`
	Passkey string              `json:"passkey,omitempty"` // its fingerprint, where one is added
	Policy  string              `json:"policy,omitempty"`
	Effect  string              `json:"effect,omitempty"` // of a policy
	Signers []identity.PersonID `json:"signers"`
	Needs   int                 `json:"needs"`
	Until   time.Time           `json:"until"`
	// MaySign: the caller may; else WhyNot is role, concerned, signed or probation.
	MaySign bool   `json:"may_sign"`
	WhyNot  string `json:"why_not,omitempty"`
}

// Roster shows the roster.
func (c Client) Roster(ctx context.Context) (Roster, error) {
	return fetch[Roster](ctx, c, http.MethodGet, "/roster", nil)
}

// Change is a change of the roster to be proposed.
type Change struct {
	Kind       string            `json:"kind"` // set_roles, remove_member, publish_policy
	Person     identity.PersonID `json:"person,omitempty"`
	Roles      []identity.Role   `json:"roles,omitempty"`
	Desk       string            `json:"desk,omitempty"`
	PolicyText string            `json:"policy_text,omitempty"`
}

// Propose puts a change up for countersignature.
func (c Client) Propose(ctx context.Context, ch Change) (proposal string, err error) {
	var out struct {
		Proposal string `json:"proposal"`
	}
	err = c.Do(ctx, http.MethodPost, "/roster/proposals", ch, &out)
	return out.Proposal, err
}

// ProposalPaper is what countersigning a proposal signs.
func (c Client) ProposalPaper(ctx context.Context, id string) (Paper, error) {
	return fetch[Paper](ctx, c, http.MethodGet, "/roster/proposals/"+url.PathEscape(id)+"/statement", nil)
}

// Countersign signs a proposal.
func (c Client) Countersign(ctx context.Context, id string, p Paper, k Key) (Roster, error) {
	signed, err := p.sign(k, c.server)
	if err != nil {
		return Roster{}, err
	}
	return fetch[Roster](ctx, c, http.MethodPost, "/roster/proposals/"+url.PathEscape(id)+"/signatures", map[string]any{"assertion": signed})
}

// TokenPaper is what letting an integration in signs.
func (c Client) TokenPaper(ctx context.Context, name string, scopes []string, days int) (Paper, error) {
	in := map[string]any{"name": name, "scopes": scopes, "days": days}
	return fetch[Paper](ctx, c, http.MethodPost, "/tokens/statement", in)
}

// CreateToken lets the integration of a statement in.
func (c Client) CreateToken(ctx context.Context, p Paper, k Key) (token string, err error) {
	signed, err := p.sign(k, c.server)
	if err != nil {
		return "", err
	}
	out, err := fetch[tokenAnswer](ctx, c, http.MethodPost, "/tokens", map[string]any{"statement_id": p.ID, "assertion": signed})
	return out.Token, err
}

// Token is an integration that was let in.
type Token struct {
	Name   string     `json:"name"`
	Scopes []string   `json:"scopes"`
	Until  time.Time  `json:"until"`
	Used   *time.Time `json:"used,omitempty"` // since the server began
}

// Tokens lists the integrations that were let in.
func (c Client) Tokens(ctx context.Context) ([]Token, error) {
	out, err := fetch[struct {
		Tokens []Token `json:"tokens"`
	}](ctx, c, http.MethodGet, "/tokens", nil)
	return out.Tokens, err
}

// RevokeToken shuts it out.
func (c Client) RevokeToken(ctx context.Context, name string) error {
	return c.Do(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(name), nil, nil)
}

// Factor is a newly registered factor, told once.
type Factor struct {
	Enrolment string    `json:"enrolment"`
	Method    string    `json:"method"`
	URI       string    `json:"uri,omitempty"`
	Code      string    `json:"code,omitempty"`
	UsableAt  time.Time `json:"usable_at"`
}

// Enrol registers a factor for an account's owner.
func (c Client) Enrol(ctx context.Context, directory, login, method string) (Factor, error) {
	in := map[string]any{"directory": directory, "login": login, "method": method}
	return fetch[Factor](ctx, c, http.MethodPost, "/enrolments", in)
}
