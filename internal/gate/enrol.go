package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"countersign/internal/directory"
	record "countersign/internal/enrolment"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/proof/recoverycode"
	"countersign/internal/proof/totp"
	"countersign/internal/store"
)

const shelfEnrolment = "enrolment"

// maxMisses is how often a factor may be answered wrongly in a row, over all
// requests, before it is disabled (SP 800-63B-4 §3.2.2 allows 100).
const maxMisses = 50

// enrolment is a registered factor or destination: its key is the enrolment
// id, its owner the person. What is secret or personal is sealed, or hashed.
type enrolment struct {
	Method   proof.Method `json:"method"`
	Since    time.Time    `json:"since"`
	SetBy    string       `json:"set_by,omitempty"`  // who registered it, where that was not its owner
	Label    string       `json:"label,omitempty"`   // what its owner calls it
	Seed     []byte       `json:"seed,omitempty"`    // totp, sealed
	Hash     string       `json:"hash,omitempty"`    // recovery_code
	Address  []byte       `json:"address,omitempty"` // where a code goes, sealed
	Subject  []byte       `json:"subject,omitempty"` // whom an identity provider knows (idv), sealed
	LastStep int64        `json:"last_step,omitempty"`
	Misses   int          `json:"misses,omitempty"`
	// Passkey, DeviceKey: the public halves.
	Passkey   *passkey.Credential `json:"passkey,omitempty"`
	DeviceKey passkey.Bytes       `json:"device_key,omitempty"`
	// Colleague may vouch, and is written to at the mailbox of Account.
	Colleague identity.PersonID  `json:"colleague,omitempty"`
	Account   identity.AccountID `json:"account,omitempty"`
}

// Factor is a newly registered factor, told once to whoever registers it.
type Factor struct {
	Enrolment string       `json:"enrolment"`
	Method    proof.Method `json:"method"`
	URI       string       `json:"uri,omitempty"`  // otpauth, for totp
	Code      string       `json:"code,omitempty"` // for recovery_code
	// UsableAt is when requests opened from then on may be proved by it, unless
	// a rule of the policy asks for longer.
	UsableAt time.Time `json:"usable_at"`
}

// Enrol registers a factor for the owner of an account, replacing an earlier
// one of the same method. It is for on-boarding integrations that hand the
// result to the owner; a fresh factor does not count until the cool-off is
// over, so nobody can register one and use it in the same breath.
func (g *Gate) Enrol(ctx context.Context, c Caller, dir, login string, m proof.Method) (Factor, error) {
	if !c.has(ScopeEnrol) {
		return Factor{}, ErrForbidden
	}
	d, err := g.directory(dir)
	if err != nil {
		return Factor{}, err
	}
	a, err := g.find(ctx, d, login)
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
		return Factor{}, &Fault{"not_found", "there is no such account"}
	}
	if err != nil {
		return Factor{}, err
	}
	_, pol, err := g.rules(ctx)
	if err != nil {
		return Factor{}, err
	}
	since := g.now()
	f, err := g.enrol(ctx, c.actor(), a, m, since)
	f.UsableAt = since.Add(pol.CoolOff())
	return f, err
}

func (g *Gate) enrol(ctx context.Context, actor string, a directory.Account, m proof.Method, since time.Time) (Factor, error) {
	f, e, err := g.newFactor(ctx, a.Login, m, since)
	if err != nil {
		return f, err
	}
	items, err := g.store.Items(ctx, shelfEnrolment, string(a.Person), g.now())
	if err != nil {
		return f, fmt.Errorf("gate: reading enrolments: %w", err)
	}
	changes := []store.ItemChange{put(shelfEnrolment, f.Enrolment, string(a.Person), e, 0, time.Time{})}
	event := record.Enrolled{Enrolment: f.Enrolment, Person: a.Person, Method: m}
	for _, i := range items {
		var old enrolment
		if err := unmarshal(i, &old); err != nil {
			return f, err
		}
		if old.Method == m {
			event.Replaces = i.Key
			changes = append(changes, drop(i))
		}
	}
	open, private, err := ledger.Seal(event, salt)
	if err != nil {
		return f, fmt.Errorf("gate: writing an enrolment: %w", err)
	}
	_, err = g.store.Commit(ctx, store.Commit{
		Stream: f.Enrolment, Actor: actor, At: g.now(), Items: changes,
		Events: []store.Draft{{Type: event.Type(), Open: open, Private: private}},
	})
	if errors.Is(err, store.ErrConflict) {
		return f, ErrBusy
	}
	if err != nil {
		return f, fmt.Errorf("gate: recording an enrolment: %w", err)
	}
	return f, nil
}

func (g *Gate) newFactor(ctx context.Context, login string, m proof.Method, since time.Time) (Factor, enrolment, error) {
	f := Factor{Enrolment: newID("enr"), Method: m}
	e := enrolment{Method: m, Since: since}
	var err error
	switch m {
	case proof.TOTP:
		seed := totp.NewSecret(rand.Reader)
		f.URI = totp.URI(g.cfg.Organisation, identity.Line(login, 64), seed)
		e.Seed, err = g.box.Seal(seed)
	case proof.RecoveryCode:
		f.Code = recoverycode.New(rand.Reader)
		e.Hash, err = g.hashRecovery(ctx, f.Code)
	default:
		return f, e, invalid(fmt.Sprintf("%s cannot be enrolled here (totp and recovery_code can)", m))
	}
	return f, e, err
}

func (g *Gate) hashRecovery(ctx context.Context, code string) (string, error) {
	plain, err := recoverycode.Normalize(code)
	if err != nil {
		return "", fmt.Errorf("gate: hashing a recovery code: %w", err)
	}
	return g.hash.Hash(ctx, plain)
}

// factors lists what a person has registered of a method.
func (g *Gate) factors(ctx context.Context, p identity.PersonID, m proof.Method, at time.Time) ([]factor, error) {
	items, err := g.store.Items(ctx, shelfEnrolment, string(p), at)
	if err != nil {
		return nil, fmt.Errorf("gate: reading enrolments: %w", err)
	}
	var out []factor
	for _, i := range items {
		f := factor{id: i.Key, item: i}
		if err := unmarshal(i, &f.enrolment); err != nil {
			return nil, err
		}
		if f.Method == m {
			f.since, f.setBy = f.Since, f.SetBy
			out = append(out, f)
		}
	}
	return out, nil
}
