package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/oidc"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// freshness is how long after proving themselves an owner may change what they
// prove themselves with.
const freshness = 10 * time.Minute

var (
	// errStale asks an owner to prove themselves again.
	errStale = &Fault{"proof_too_old", "prove once more that it is you; that is asked before anything here is changed"}
	// errEnded: whatever opened the session holds no longer.
	errEnded = &Fault{"session_unknown", "your account or the passkey that you signed in with is no longer what it was; sign in again"}
)

// fresh also says no where the clock has gone back behind the proof.
func (o Owner) fresh(at time.Time) bool {
	age := at.Sub(o.Since)
	return !o.Since.IsZero() && age < freshness && age > -time.Minute
}

// shelfShutOut holds until when the sessions of an owner were shut out: what
// was proved no later opens nothing. Key: the person; value: that moment.
const (
	shelfShutOut = "shut_out"
	shutOutKept  = 48 * time.Hour // longer than any session lives
)

// shutOut ends every session that looks after an account of the person.
func shutOut(p identity.PersonID, at time.Time) store.ItemChange {
	return put(shelfShutOut, string(p), string(p), at, store.AnyVersion, at.Add(shutOutKept))
}

func (g *Gate) isShutOut(ctx context.Context, o Owner, at time.Time) (bool, error) {
	item, err := g.store.Item(ctx, shelfShutOut, string(o.Person), at)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	var until time.Time
	if err == nil {
		err = unmarshal(item, &until)
	}
	if err != nil {
		return true, fmt.Errorf("gate: reading whose sessions were ended: %w", err)
	}
	return !o.Since.After(until), nil
}

// own reads the account that a session looks after. The session holds no
// longer when the account is gone, not active or somebody else's by now; it
// ends with the passkey that opened it, and when its owner says of anything
// that it was not them.
func (g *Gate) own(ctx context.Context, o Owner, at time.Time) (directory.Account, error) {
	if out, err := g.isShutOut(ctx, o, at); err != nil {
		return directory.Account{}, err
	} else if out {
		return directory.Account{}, errEnded
	}
	a, err := g.lookup(ctx, o.Account)
	if errors.Is(err, directory.ErrNotFound) || err == nil && !isOwnedBy(a, o.Person) {
		return directory.Account{}, errEnded
	}
	if err != nil || o.By != proof.Passkey {
		return a, err
	}
	index, err := g.store.Item(ctx, shelfPasskey, hashed(string(o.Key)), at)
	if errors.Is(err, store.ErrNotFound) || err == nil && index.Owner != string(o.Person) {
		return directory.Account{}, errEnded
	}
	if err != nil {
		return directory.Account{}, fmt.Errorf("gate: finding a passkey: %w", err)
	}
	return a, nil
}

// freshly is own for somebody who changes something: they have proved
// themselves lately.
func (g *Gate) freshly(ctx context.Context, o Owner, at time.Time) (directory.Account, error) {
	if !o.fresh(at) {
		return directory.Account{}, errStale
	}
	return g.own(ctx, o, at)
}

func isOwnedBy(a directory.Account, p identity.PersonID) bool {
	return a.Status == directory.Active && a.Person == p && p != ""
}

// shelfPasskey finds an enrolment by its credential; key: the hash of the
// credential's id, value: the enrolment's id, owner: the person.
const shelfPasskey = "passkey"

var errNotSignedIn = &Fault{"sign_in_refused", "that sign-in was not accepted; begin again"}

// OwnerByPasskey finds whose passkey signed a challenge: how people sign in to
// look after their own account. Whatever is wrong, the answer is the same.
func (g *Gate) OwnerByPasskey(ctx context.Context, challenge []byte, a passkey.Assertion) (Owner, error) {
	chain, _, err := g.rules(ctx)
	if err != nil {
		return Owner{}, err
	}
	at := g.now()
	index, err := g.store.Item(ctx, shelfPasskey, hashed(string(a.CredentialID)), at)
	if errors.Is(err, store.ErrNotFound) {
		return Owner{}, errNotSignedIn
	}
	if err != nil {
		return Owner{}, fmt.Errorf("gate: finding a passkey: %w", err)
	}
	f, ok, err := g.answering(ctx, string(index.Value), at)
	if reset.CodeOf(err) == reset.MethodLocked || err == nil && (!ok || f.Passkey == nil) {
		return Owner{}, errNotSignedIn
	}
	if err != nil {
		return Owner{}, err
	}
	if passkey.Verify(chain.RelyingParty, *f.Passkey, challenge, a) != nil {
		return Owner{}, errNotSignedIn
	}
	o := Owner{Account: f.Account, Person: identity.PersonID(f.item.Owner), By: proof.Passkey, Since: at, Key: f.Passkey.ID}
	if _, err := g.own(ctx, o, at); errors.Is(err, errEnded) {
		return Owner{}, errNotSignedIn
	} else if err != nil {
		return Owner{}, err
	}
	return o, nil
}

// AsksProvider reports whether a sign-in at the organisation's provider can
// show enough to look after one's own account.
func (g *Gate) AsksProvider() bool { return g.provider != nil && g.cfg.OIDC.looks() }

// OwnerBySignIn finds the owner of an account by what a sign-in at the
// organisation's provider said, once package signin has verified that it is
// the provider's. It has to have happened since they were sent there, with
// another factor than the password, just as when it proves a request.
// Whatever is wrong, the answer is the same.
func (g *Gate) OwnerBySignIn(ctx context.Context, claims oidc.Claims, since time.Time) (Owner, error) {
	at := g.now()
	if !g.AsksProvider() || claims.Issuer != g.provider.Issuer() {
		return Owner{}, errNotSignedIn
	}
	name := claims.Fields[g.cfg.OIDC.Claim]
	want := oidc.Want{ACR: g.cfg.OIDC.ACR, AMR: g.cfg.OIDC.AMR, Claim: g.cfg.OIDC.Claim, Is: []string{name}, Since: since}
	err := oidc.Check(claims, want, at)
	if err == nil {
		err = identity.CheckLine(name, 256)
	}
	if err != nil {
		g.log.Info("a sign-in at the provider does not open an account's security", "error", err)
		return Owner{}, errNotSignedIn
	}
	found, err := g.called(ctx, claims)
	if err != nil {
		return Owner{}, err
	}
	if len(found) != 1 {
		g.log.Info("a sign-in at the provider names no account, or several", "accounts", len(found))
		return Owner{}, errNotSignedIn
	}
	return Owner{Account: found[0].ID, Person: found[0].Person, By: proof.OIDC, Since: at}, nil
}

// called lists the active accounts that the provider's claim names.
func (g *Gate) called(ctx context.Context, claims oidc.Claims) ([]directory.Account, error) {
	var found []directory.Account
	for _, d := range g.order {
		a, err := g.find(ctx, g.dirs[d], claims.Fields[g.cfg.OIDC.Claim])
		if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if isOwnedBy(a, a.Person) && oidc.Account(claims, g.cfg.OIDC.Claim, namesOf(a)...) == nil {
			found = append(found, a)
		}
	}
	return found, nil
}
