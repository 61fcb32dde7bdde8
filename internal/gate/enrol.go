package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/device"
	"countersign/internal/proof/passkey"
	"countersign/internal/proof/recoverycode"
	"countersign/internal/proof/totp"
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
	// Request is that whose answer used the recovery code up that this replaces.
	Request string `json:"request,omitempty"`
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

// Registering is what an integration registers for somebody.
type Registering struct {
	Directory string
	Login     string
	Method    proof.Method // totp, recovery_code, device or idv
	// Key is a device's: a public key, or a certificate of the configured
	// authority, in PEM.
	Key string
	// Subject is whom the identity-proofing provider knows.
	Subject string
	Label   string
}

// Enrol registers a factor for the owner of an account. It is for on-boarding
// integrations that hand the result to the owner, and for whatever manages
// devices; a fresh factor does not count until the cool-off is over, so nobody
// can register one and use it in the same breath, and the owner is told.
func (g *Gate) Enrol(ctx context.Context, c Caller, w Registering) (Factor, error) {
	if !c.has(ScopeEnrol) {
		return Factor{}, ErrForbidden
	}
	if err := identity.CheckLine(w.Label, 60); err != nil {
		return Factor{}, invalid("label: " + err.Error())
	}
	d, err := g.directory(w.Directory)
	if err != nil {
		return Factor{}, err
	}
	a, err := g.find(ctx, d, w.Login)
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
		return Factor{}, &Fault{"not_found", "there is no such account"}
	}
	if err != nil {
		return Factor{}, err
	}
	f, e, err := g.brought(ctx, a, w)
	if err != nil {
		return Factor{}, err
	}
	e.SetBy, e.Label, e.Account = c.actor(), w.Label, a.ID
	added, err := g.register(ctx, c.actor(), a.Person, a.ID, f.Enrolment, e)
	f.UsableAt = added.UsableAt
	return f, err
}

// brought makes the factor that an integration registers.
func (g *Gate) brought(ctx context.Context, a directory.Account, w Registering) (Factor, enrolment, error) {
	f, e := Factor{Enrolment: newID("enr"), Method: w.Method}, enrolment{Method: w.Method}
	switch w.Method {
	case proof.Device:
		key, err := device.ParseKey([]byte(w.Key), g.cfg.DeviceCAs, g.now())
		if err != nil {
			return f, e, invalid("key: " + err.Error())
		}
		e.DeviceKey = passkey.Bytes(key)
		return f, e, nil
	case proof.IDV:
		if err := identity.CheckLine(w.Subject, 200); err != nil || w.Subject == "" {
			return f, e, invalid("subject: empty, too long, or not a plain line")
		}
		if len(g.proofers) > 1 && !slices.ContainsFunc(g.proofers, func(p Proofer) bool { return strings.HasPrefix(w.Subject, p.Name+" ") }) {
			return f, e, invalid("subject: there are several providers; write the provider's name, a space, and whom it knows")
		}
		var err error
		e.Subject, err = g.box.Seal([]byte(w.Subject))
		return f, e, err
	}
	return g.newFactor(ctx, a.Login, w.Method)
}

// newFactor makes a secret that its owner is told once. Register dates it.
func (g *Gate) newFactor(ctx context.Context, login string, m proof.Method) (Factor, enrolment, error) {
	f, e := Factor{Enrolment: newID("enr"), Method: m}, enrolment{Method: m}
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
		return f, e, invalid(fmt.Sprintf("%s cannot be registered here (totp, recovery_code, device and idv can)", m))
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

// factors lists what a person has registered of a method; of all with "".
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
		if m == "" || f.Method == m {
			f.since, f.setBy = f.Since, f.SetBy
			out = append(out, f)
		}
	}
	return out, nil
}
