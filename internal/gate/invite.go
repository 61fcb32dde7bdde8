package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

const (
	shelfInvitation = "invitation" // key: hash of the token; value: invitation
	invitationLife  = 7 * 24 * time.Hour
)

// invitation lets one person register one passkey.
type invitation struct {
	Founding   bool                `json:"founding"`
	Another    bool                `json:"another,omitempty"` // a passkey of somebody who is on the roster
	By         identity.PersonID   `json:"by,omitempty"`
	Person     identity.PersonID   `json:"person"`
	Name       string              `json:"name"`
	Roles      []identity.Role     `json:"roles"`
	Desk       string              `json:"desk,omitempty"`
	PolicyText string              `json:"policy_text,omitempty"`
	Challenge  []byte              `json:"challenge,omitempty"`
	Passkey    *passkey.Credential `json:"passkey,omitempty"` // registered; the founder still has to sign
}

// Invitee is whom an invitation is for.
type Invitee struct {
	Person identity.PersonID
	Name   string
	Roles  []identity.Role
	Desk   string
}

func (i Invitee) check() error {
	if err := identity.CheckLine(i.Name, 100); err != nil || i.Name == "" {
		return invalid("name: empty, too long, or with characters that could deceive")
	}
	if err := identity.CheckLine(string(i.Person), 200); err != nil || i.Person == "" {
		return invalid("person: empty or not a plain line")
	}
	if len(i.Roles) == 0 {
		return invalid("name at least one role")
	}
	return nil
}

// joinable says at once what would otherwise be refused only when they have
// come with a passkey.
func joinable(chain roster.State, i Invitee) error {
	if _, known := chain.Members[i.Person]; known {
		return invalid("this person is on the roster already; change their roles, or invite them to register another passkey")
	}
	if slices.Contains(i.Roles, identity.Agent) && (len(i.Roles) > 1 || i.Desk == "") {
		return invalid("an agent holds no other role, and needs a desk")
	}
	return nil
}

func tokenKey(token string) string {
	h := sha256.Sum256([]byte("countersign/token/v1\x00" + token))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

func newToken(prefix string) string {
	b := make([]byte, 24)
	_, _ = rand.Read(b)
	return prefix + base64.RawURLEncoding.EncodeToString(b)
}

// InviteFounder makes the invitation that founds the roster: whoever redeems
// it registers the first passkey and signs the founding entry, which names the
// policy too. It is for the operator's command line, and refused once the
// roster stands.
func (g *Gate) InviteFounder(ctx context.Context, i Invitee, policyText []byte) (token string, err error) {
	if _, _, err := g.rules(ctx); !errors.Is(err, errNotFounded) {
		return "", errors.Join(err, &Fault{"founded", "the roster has been founded already; officers invite from now on"})
	}
	if err := i.check(); err != nil {
		return "", err
	}
	if !slices.Contains(i.Roles, identity.Officer) {
		return "", invalid("the founder has to be an officer")
	}
	if _, err := LoadPolicy(policyText); err != nil {
		return "", fmt.Errorf("gate: the policy does not load: %w", err)
	}
	return g.invite(ctx, invitation{Founding: true, Person: i.Person, Name: i.Name, Roles: i.Roles, Desk: i.Desk, PolicyText: string(policyText)})
}

// Invite makes an invitation for a person to join the roster. Redeeming it
// proposes them; officers still have to countersign.
func (g *Gate) Invite(ctx context.Context, c Caller, i Invitee) (token string, err error) {
	_, chain, err := g.governor(ctx, c)
	if err != nil {
		return "", err
	}
	if err := i.check(); err != nil {
		return "", err
	}
	if err := joinable(chain, i); err != nil {
		return "", err
	}
	return g.invite(ctx, invitation{By: c.Person, Person: i.Person, Name: i.Name, Roles: i.Roles, Desk: i.Desk})
}

// invite makes one link for one person at a time: a form that is sent twice, or
// two officers at once, leave no second link that nobody looks after.
func (g *Gate) invite(ctx context.Context, i invitation) (string, error) {
	items, err := g.store.Items(ctx, shelfInvitation, string(i.Person), g.now())
	if err != nil {
		return "", fmt.Errorf("gate: reading invitations: %w", err)
	}
	if len(items) > 0 && !i.Founding {
		return "", invalid("an invitation for this person waits already; withdraw it first if its link is lost")
	}
	token := newToken("inv_")
	if err := g.store.Change(ctx, put(shelfInvitation, tokenKey(token), string(i.Person), i, 0, g.now().Add(invitationLife))); err != nil {
		return "", fmt.Errorf("gate: keeping an invitation: %w", err)
	}
	return token, nil
}

func (g *Gate) invited(ctx context.Context, token string) (invitation, store.Item, error) {
	var i invitation
	item, err := g.store.Item(ctx, shelfInvitation, tokenKey(token), g.now())
	if errors.Is(err, store.ErrNotFound) {
		return i, item, &Fault{"not_found", "this invitation is not known, was used, or has lapsed"}
	}
	if err != nil {
		return i, item, fmt.Errorf("gate: reading an invitation: %w", err)
	}
	return i, item, unmarshal(item, &i)
}

// Joining is what a browser needs to register a passkey.
type Joining struct {
	Name    string           `json:"name"`
	Roles   []identity.Role  `json:"roles"`
	Another bool             `json:"another_passkey,omitempty"` // they are on the roster already
	Options passkey.Creation `json:"options"`                   // for navigator.credentials.create
}

// Join begins redeeming an invitation.
func (g *Gate) Join(ctx context.Context, token string) (Joining, error) {
	i, item, err := g.invited(ctx, token)
	if err != nil {
		return Joining{}, err
	}
	s := salt()
	i.Challenge, i.Passkey = s[:], nil
	if err := g.keepInvitation(ctx, item, i); err != nil {
		return Joining{}, err
	}
	user := sha256.Sum256([]byte(i.Person))
	return Joining{i.Name, i.Roles, i.Another, passkey.CreationOptions(g.cfg.RelyingParty,
		passkey.User{Handle: user[:], Name: string(i.Person), DisplayName: i.Name}, i.Challenge, g.held(i))}, nil
}

// held are the passkeys that an authenticator is not to make a second time.
func (g *Gate) held(i invitation) (ids [][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range g.chain.Members[i.Person].Passkeys {
		ids = append(ids, k.ID)
	}
	return ids
}

func (g *Gate) keepInvitation(ctx context.Context, item store.Item, i invitation) error {
	err := g.store.Change(ctx, put(shelfInvitation, item.Key, item.Owner, i, item.Version, item.Expires))
	if errors.Is(err, store.ErrConflict) {
		return ErrBusy
	}
	if err != nil {
		return fmt.Errorf("gate: keeping an invitation: %w", err)
	}
	return nil
}

// Joined is what came of registering a passkey.
type Joined struct {
	Fingerprint string `json:"fingerprint"` // to compare with whoever countersigns
	Proposal    string `json:"proposal,omitempty"`
	// Sign is set for the founder, who still has to sign the founding entry.
	Sign *Paper `json:"sign,omitempty"`
}

// Register takes the browser's answer to Join. The founder then signs the
// founding statement (see Found); anybody else becomes a proposal.
func (g *Gate) Register(ctx context.Context, token string, response []byte) (Joined, error) {
	i, item, err := g.invited(ctx, token)
	if err != nil {
		return Joined{}, err
	}
	if len(i.Challenge) == 0 {
		return Joined{}, invalid("begin the registration first")
	}
	cred, err := g.newPasskey(g.cfg.RelyingParty, i.Challenge, response)
	if err != nil {
		return Joined{}, err
	}
	i.Passkey, i.Challenge = &cred, nil
	out := Joined{Fingerprint: roster.Fingerprint(cred)}
	if !i.Founding {
		out.Proposal, err = g.propose(ctx, string(i.Person), i.change(&cred), drop(item))
		return out, err
	}
	f := g.founding(i)
	text, err := f.Statement()
	if err != nil {
		return out, err
	}
	out.Sign = &Paper{Decision: "founding", Statement: string(text), ID: text.ID(),
		Options: passkey.RequestOptions(g.cfg.RelyingParty, text.Challenge(), [][]byte{cred.ID})}
	return out, g.keepInvitation(ctx, item, i)
}

// change is what redeeming the invitation proposes.
func (i invitation) change(cred *passkey.Credential) roster.Proposed {
	if i.Another {
		return roster.Proposed{Kind: roster.AddPasskey, Person: i.Person, Passkey: cred}
	}
	return roster.Proposed{Kind: roster.AddMember, Person: i.Person, Name: i.Name, Roles: i.Roles, Desk: i.Desk, Passkey: cred}
}

// newPasskey takes the browser's answer to a creation.
func (g *Gate) newPasskey(rp passkey.RelyingParty, challenge, response []byte) (passkey.Credential, error) {
	cred, err := passkey.Register(rp, challenge, response)
	if err != nil {
		return cred, &Fault{"passkey_refused", "the passkey was not accepted: " + err.Error()}
	}
	if cred.Software && !g.cfg.SoftwareKeys {
		return cred, &Fault{"passkey_refused", "passkeys that are files are not allowed here (signin.software_passkeys)"}
	}
	return cred, nil
}

func (g *Gate) founding(i invitation) roster.Founded {
	return roster.Founded{
		Organisation: g.cfg.Organisation, Log: g.cfg.LogKey, RelyingParty: g.cfg.RelyingParty,
		Person: i.Person, Name: i.Name, Roles: i.Roles, Desk: i.Desk, Passkey: *i.Passkey,
		Policy: roster.HashPolicy(i.PolicyText), PolicyText: i.PolicyText,
	}
}

// Found founds the roster with the founder's signature.
func (g *Gate) Found(ctx context.Context, token string, a passkey.Assertion) error {
	i, item, err := g.invited(ctx, token)
	if err != nil {
		return err
	}
	if !i.Founding || i.Passkey == nil {
		return invalid("register a passkey first")
	}
	f := g.founding(i)
	f.Assertion = a
	if _, err := LoadPolicy([]byte(f.PolicyText)); err != nil {
		return &Fault{"roster_refused", "the policy of the invitation does not load here: " + err.Error()}
	}
	return g.extend(ctx, string(i.Person), f, 0, drop(item))
}

// extend appends one event to the roster after judging it.
func (g *Gate) extend(ctx context.Context, actor string, e roster.Event, expect uint64, items ...store.ItemChange) error {
	open, private, err := ledger.Seal(e, salt)
	if err != nil {
		return fmt.Errorf("gate: writing %s: %w", e.Type(), err)
	}
	at := g.now()
	chain, _, err := g.rules(ctx)
	if err != nil && (expect != 0 || !errors.Is(err, errNotFounded)) {
		return err
	}
	leaf := ledger.Leaf{Stream: roster.Stream, Version: expect + 1, Type: e.Type(), At: at, Actor: actor, Body: open}
	if _, err := roster.Evolve(chain, leaf, private); err != nil {
		return rosterFault(err)
	}
	_, err = g.store.Commit(ctx, store.Commit{
		Stream: roster.Stream, Expect: expect, Actor: actor, At: at, Items: items,
		Events: []store.Draft{{Type: e.Type(), Open: open, Private: private}},
	})
	if errors.Is(err, store.ErrConflict) {
		return ErrBusy
	}
	if err != nil {
		return fmt.Errorf("gate: recording %s: %w", e.Type(), err)
	}
	_, _, err = g.rules(ctx)
	return err
}

func rosterFault(err error) error {
	switch {
	case errors.Is(err, roster.ErrUnsigned):
		return &Fault{"signature_refused", err.Error()}
	case errors.Is(err, roster.ErrIllegal):
		return &Fault{"roster_refused", err.Error()}
	}
	return &reset.Refusal{Code: reset.Malformed, Msg: err.Error()}
}
