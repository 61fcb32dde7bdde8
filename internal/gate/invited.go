package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/store"
)

// InvitePasskey makes an invitation for somebody on the roster to register
// another passkey. Redeeming it proposes the passkey; officers still have to
// countersign.
func (g *Gate) InvitePasskey(ctx context.Context, c Caller, p identity.PersonID) (token string, err error) {
	_, chain, err := g.governor(ctx, c)
	if err != nil {
		return "", err
	}
	m, ok := chain.Members[p]
	if !ok {
		return "", invalid("there is nobody of that id on the roster; invite them to join first")
	}
	return g.invite(ctx, invitation{Another: true, Person: m.Person, Name: m.Name, Roles: m.Roles, Desk: m.Desk, By: c.Person})
}

// InvitationView is an invitation that nobody has redeemed yet. The link
// itself was shown once and is not kept.
type InvitationView struct {
	ID       string            `json:"id"` // to withdraw it by; it redeems nothing
	Founding bool              `json:"founding,omitempty"`
	Another  bool              `json:"another_passkey,omitempty"` // of somebody who is on the roster
	Person   identity.PersonID `json:"person"`
	Name     string            `json:"name"`
	Roles    []identity.Role   `json:"roles"`
	Desk     string            `json:"desk,omitempty"`
	By       identity.PersonID `json:"by,omitempty"`
	Until    time.Time         `json:"until"`
}

// maxShown is how many invitations or tokens are listed.
const maxShown = 500

// Invitations lists, for those on the roster, the invitations that wait to be
// redeemed.
func (g *Gate) Invitations(ctx context.Context, c Caller) ([]InvitationView, error) {
	if _, _, err := g.member(ctx, c); err != nil {
		return nil, err
	}
	items, err := g.store.Shelf(ctx, shelfInvitation, g.now(), maxShown)
	if err != nil {
		return nil, fmt.Errorf("gate: reading invitations: %w", err)
	}
	out := []InvitationView{}
	for _, item := range items {
		var i invitation
		if err := unmarshal(item, &i); err != nil {
			return nil, err
		}
		out = append(out, InvitationView{item.Key, i.Founding, i.Another, i.Person, i.Name, i.Roles, i.Desk, i.By, item.Expires})
	}
	slices.SortStableFunc(out, func(a, b InvitationView) int { return a.Until.Compare(b.Until) })
	return out, nil
}

// WithdrawInvitation makes an invitation worthless. Only officers do, and it
// only stops something, so probation does not keep them from it.
func (g *Gate) WithdrawInvitation(ctx context.Context, c Caller, id string) error {
	if err := g.officer(ctx, c); err != nil {
		return err
	}
	item, err := g.store.Item(ctx, shelfInvitation, id, g.now())
	if errors.Is(err, store.ErrNotFound) {
		return &Fault{"not_found", "there is no such invitation: it was redeemed, withdrawn, or has lapsed"}
	}
	if err == nil {
		err = g.store.Change(ctx, drop(item))
	}
	if errors.Is(err, store.ErrConflict) {
		return ErrBusy
	}
	if err != nil {
		return fmt.Errorf("gate: withdrawing an invitation: %w", err)
	}
	return nil
}

// TokenView is an integration that may call the API.
type TokenView struct {
	Name   string    `json:"name"`
	Scopes []Scope   `json:"scopes"`
	Until  time.Time `json:"until"`
	// Used is when it last called since the server began; absent: not since.
	Used *time.Time `json:"used,omitempty"`
	// Ending: it ends within a fortnight, and somebody should make another.
	Ending bool `json:"ending"`
}

const fortnight = 14 * 24 * time.Hour

// Tokens lists, for those on the roster, the integrations that were let in.
func (g *Gate) Tokens(ctx context.Context, c Caller) ([]TokenView, error) {
	if _, _, err := g.member(ctx, c); err != nil {
		return nil, err
	}
	items, err := g.store.Shelf(ctx, shelfToken, g.now(), maxShown)
	if err != nil {
		return nil, fmt.Errorf("gate: reading tokens: %w", err)
	}
	out := []TokenView{}
	for _, item := range items {
		var t token
		if err := unmarshal(item, &t); err != nil {
			return nil, err
		}
		v := TokenView{Name: t.Name, Scopes: t.Scopes, Until: item.Expires, Ending: item.Expires.Sub(g.now()) < fortnight}
		if at, ok := g.used.Load(t.Name); ok {
			v.Used = momentOf(at.(time.Time)) //nolint:errcheck,forcetypeassert // ByToken alone stores there
		}
		out = append(out, v)
	}
	return out, nil
}

// JoinLink is the address at which an invitation is redeemed. The token stands
// in the fragment, which browsers do not send.
func (g *Gate) JoinLink(token string) string { return g.cfg.BaseURL + "/join#" + token }
