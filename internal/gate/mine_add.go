package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	record "countersign/internal/enrolment"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/notify"
	"countersign/internal/proof"
	"countersign/internal/proof/code"
	"countersign/internal/proof/passkey"
	"countersign/internal/proof/totp"
	"countersign/internal/store"
)

// What an owner registers is begun, then confirmed: a passkey by its first
// answer, an app by a code it shows, an address by a code that was sent there.
// Until then it is on no record.

const (
	shelfBegun = "enrolment_begun" // key: the enrolment's id to be; value: begun
	begunLife  = 24 * time.Hour
	// maxFactors is the most that one person has on record, and maxBegun the
	// most that they have begun.
	maxFactors = 40
	maxBegun   = 10
	// maxTries is how often a code may be typed wrongly while confirming.
	maxTries = 5
)

type begun struct {
	enrolment
	Challenge []byte `json:"challenge,omitempty"` // passkey
	Code      string `json:"code,omitempty"`      // of an address, hashed
	Tries     int    `json:"tries"`
}

// Added is something that was registered.
type Added struct {
	Enrolment string       `json:"enrolment"`
	Method    proof.Method `json:"method"`
	Code      string       `json:"code,omitempty"` // recovery_code: shown once, to print
	Since     time.Time    `json:"since"`
	// UsableAt is when requests opened from then on may be proved by it, unless
	// a rule of the policy asks for longer.
	UsableAt time.Time `json:"usable_at"`
}

// Begun is something that waits to be confirmed.
type Begun struct {
	Enrolment string            `json:"enrolment"`
	Method    proof.Method      `json:"method"`
	URI       string            `json:"uri,omitempty"`     // totp: otpauth, for a QR code
	Options   *passkey.Creation `json:"options,omitempty"` // passkey: for navigator.credentials.create
	Until     time.Time         `json:"until"`
}

// changing checks that the owner may change anything, and how much there is.
func (g *Gate) changing(ctx context.Context, o Owner, label string) (directory.Account, error) {
	if err := identity.CheckLine(label, 60); err != nil {
		return directory.Account{}, invalid("label: " + err.Error())
	}
	return g.roomFor(ctx, o, g.now())
}

// roomFor checks that the owner has proved themselves lately and that there is
// room for one factor more.
func (g *Gate) roomFor(ctx context.Context, o Owner, at time.Time) (directory.Account, error) {
	a, err := g.freshly(ctx, o, at)
	if err != nil {
		return a, err
	}
	all, err := g.factors(ctx, o.Person, "", at)
	if err == nil && len(all) >= maxFactors {
		err = invalid("you have registered as much as there may be; remove something first")
	}
	return a, err
}

// keep puts what was begun aside until it is confirmed.
func (g *Gate) keep(ctx context.Context, o Owner, b begun, more besides) (string, time.Time, error) {
	at := g.now()
	items, err := g.store.Items(ctx, shelfBegun, string(o.Person), at)
	if err != nil {
		return "", at, fmt.Errorf("gate: reading what was begun: %w", err)
	}
	if len(items) >= maxBegun {
		return "", at, &Fault{"too_many", "you have begun to register too much without confirming it; that lapses in a day"}
	}
	id := newID("enr")
	until := at.Add(begunLife)
	change := put(shelfBegun, id, string(o.Person), b, 0, until)
	if len(more.jobs) == 0 {
		err = g.store.Change(ctx, change)
	} else {
		err = g.noteWith(ctx, Caller{Person: o.Person}, addressBegun{Enrolment: id, Person: o.Person, Method: b.Method}, "enrolment_begun", besides{items: append(more.items, change), jobs: more.jobs})
	}
	if err != nil {
		return "", at, fmt.Errorf("gate: keeping what was begun: %w", err)
	}
	return id, until, nil
}

// addressBegun is the ledger's note that a code went to a new address.
type addressBegun struct {
	Enrolment string            `json:"enrolment"`
	Person    identity.PersonID `json:"person"`
	Method    proof.Method      `json:"method"`
}

// begunBy finds what the owner has begun.
func (g *Gate) begunBy(ctx context.Context, o Owner, id string, m proof.Method) (begun, store.Item, error) {
	at := g.now()
	var b begun
	if _, err := g.roomFor(ctx, o, at); err != nil {
		return b, store.Item{}, err
	}
	item, err := g.store.Item(ctx, shelfBegun, id, at)
	if errors.Is(err, store.ErrNotFound) || err == nil && item.Owner != string(o.Person) {
		return b, item, &Fault{"not_found", "you have begun nothing of that id, or it has lapsed; begin again"}
	}
	if err == nil {
		err = unmarshal(item, &b)
	}
	if err != nil {
		return b, item, fmt.Errorf("gate: reading what was begun: %w", err)
	}
	if m != "" && b.Method != m {
		return b, item, invalid("that is not what you have begun")
	}
	return b, item, nil
}

// AddPasskey begins to register a passkey.
func (g *Gate) AddPasskey(ctx context.Context, o Owner, label string) (Begun, error) {
	a, err := g.changing(ctx, o, label)
	if err != nil {
		return Begun{}, err
	}
	chain, _, err := g.rules(ctx)
	if err != nil {
		return Begun{}, err
	}
	have, err := g.factors(ctx, o.Person, proof.Passkey, g.now())
	if err != nil {
		return Begun{}, err
	}
	var exclude [][]byte
	for _, f := range have {
		exclude = append(exclude, f.Passkey.ID)
	}
	s := salt()
	id, until, err := g.keep(ctx, o, begun{enrolment: enrolment{Method: proof.Passkey, Label: label, Account: o.Account}, Challenge: s[:]}, besides{})
	if err != nil {
		return Begun{}, err
	}
	handle := sha256.Sum256([]byte("countersign/owner/v1\x00" + string(o.Person)))
	options := passkey.CreationOptions(chain.RelyingParty, passkey.User{Handle: handle[:], Name: identity.Line(a.Login, 64), DisplayName: identity.Line(a.Name, 64)}, s[:], exclude)
	return Begun{Enrolment: id, Method: proof.Passkey, Options: &options, Until: until}, nil
}

// ConfirmPasskey takes the browser's answer to AddPasskey.
func (g *Gate) ConfirmPasskey(ctx context.Context, o Owner, id string, response []byte) (Added, error) {
	b, item, err := g.begunBy(ctx, o, id, proof.Passkey)
	if err != nil {
		return Added{}, err
	}
	chain, _, err := g.rules(ctx)
	if err != nil {
		return Added{}, err
	}
	cred, err := g.newPasskey(chain.RelyingParty, b.Challenge, response)
	if err != nil {
		return Added{}, err
	}
	b.Passkey = &cred
	return g.registerOwn(ctx, o, id, b.enrolment, drop(item),
		store.ItemChange{Item: store.Item{Shelf: shelfPasskey, Key: hashed(string(cred.ID)), Owner: string(o.Person), Value: []byte(id)}})
}

// AddTOTP begins to register an authenticator app.
func (g *Gate) AddTOTP(ctx context.Context, o Owner, label string) (Begun, error) {
	a, err := g.changing(ctx, o, label)
	if err != nil {
		return Begun{}, err
	}
	f, e, err := g.newFactor(ctx, a.Login, proof.TOTP)
	if err != nil {
		return Begun{}, err
	}
	e.Label, e.Account = label, o.Account
	id, until, err := g.keep(ctx, o, begun{enrolment: e}, besides{})
	return Begun{Enrolment: id, Method: proof.TOTP, URI: f.URI, Until: until}, err
}

// AddRecoveryCode makes a recovery code, to be printed and kept; it takes the
// place of the one before.
func (g *Gate) AddRecoveryCode(ctx context.Context, o Owner) (Added, error) {
	a, err := g.changing(ctx, o, "")
	if err != nil {
		return Added{}, err
	}
	f, e, err := g.newFactor(ctx, a.Login, proof.RecoveryCode)
	if err != nil {
		return Added{}, err
	}
	e.Account = o.Account
	added, err := g.registerOwn(ctx, o, f.Enrolment, e)
	added.Code = f.Code
	return added, err
}

// AddAddress begins to register a destination: a mailbox (email_code) or a
// telephone (sms_code) of the owner's, or the mailbox of somebody they trust
// (recovery_contact). A code goes there; nothing is on record before it comes
// back.
func (g *Gate) AddAddress(ctx context.Context, o Owner, m proof.Method, address, label string) (Begun, error) {
	a, err := g.changing(ctx, o, label)
	if err != nil {
		return Begun{}, err
	}
	b := begun{enrolment: enrolment{Method: m, Label: label, Account: o.Account}}
	l := letter{To: address, Notice: "confirm"}
	switch m {
	case proof.EmailCode, proof.RecoveryContact:
		if g.mail == nil || notify.CheckAddress(address) != nil {
			return Begun{}, invalid("address: not of the plain form NAME@DOMAIN, or there is no way to write to it here")
		}
	case proof.SMSCode:
		number, ok := notify.NormalNumber(address)
		if !ok || g.ways[proof.SMSCode].find == nil {
			return Begun{}, invalid("address: not an international telephone number such as +15550100, or there is no way to reach it here")
		}
		l.To, l.Way = number, waySMS
	default:
		return Begun{}, invalid("a code goes to a mailbox or a telephone")
	}
	if b.Address, err = g.box.Seal([]byte(l.To)); err != nil {
		return Begun{}, err
	}
	digits := code.New(rand.Reader)
	if b.Code, err = g.hash.Hash(ctx, digits); err != nil {
		return Begun{}, err
	}
	l.Subject = fmt.Sprintf("%s: confirm this address", identity.Line(g.cfg.Organisation, 60))
	l.Text = g.confirmText(m, identity.Line(a.Login, 80), digits)
	mail, job, err := g.letter(l, g.now().Add(begunLife))
	if err != nil {
		return Begun{}, err
	}
	counted, err := g.confirming(ctx, o, l.To)
	if err != nil {
		return Begun{}, err
	}
	id, until, err := g.keep(ctx, o, b, besides{items: append(counted, mail), jobs: []store.Job{job}})
	return Begun{Enrolment: id, Method: m, Until: until}, err
}

// What is sent to confirm an address goes to whomever somebody names, so it is
// bounded by the address, over all who name it, and by the person who does.
var (
	confirmsOfAddress = bound{5, 24 * time.Hour}
	confirmsOfPerson  = bound{20, 24 * time.Hour}
)

// Each change is told to every address on record, and each login that is named
// is looked up, so owners have bounds of their own for both. What is disowned is
// never bounded.
var (
	changesOfPerson = bound{60, 24 * time.Hour}
	namesOfPerson   = bound{60, 24 * time.Hour}
)

// counting counts a change by an owner, or refuses it.
func (g *Gate) counting(ctx context.Context, o Owner) (store.ItemChange, error) {
	return g.counted(ctx, "changes\x00"+string(o.Person), changesOfPerson, g.now(), "too much was changed here today; try again after %s")
}

// confirming counts a code that goes to a new address, or refuses it.
func (g *Gate) confirming(ctx context.Context, o Owner, address string) ([]store.ItemChange, error) {
	at := g.now()
	var items []store.ItemChange
	for what, most := range map[string]bound{"confirm\x00" + inbox(address): confirmsOfAddress, "confirms\x00" + string(o.Person): confirmsOfPerson} {
		item, err := g.counted(ctx, what, most, at, "too many codes were sent to confirm addresses; try again after %s")
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// inbox is what a mailbox is counted as: one that differs by capitals or by a
// tag after a plus is read by the same person.
func inbox(address string) string {
	name, host, mail := strings.Cut(strings.ToLower(address), "@")
	if !mail {
		return address
	}
	name, _, _ = strings.Cut(name, "+")
	return name + "@" + host
}

func (g *Gate) confirmText(m proof.Method, login, digits string) string {
	if m == proof.SMSCode {
		return fmt.Sprintf("%s: %s. This code confirms this number for the account %s. Not you? Ignore it.", identity.Line(g.cfg.Organisation, 60), code.Show(digits), login)
	}
	what := "as a mailbox of its own"
	if m == proof.RecoveryContact {
		what = "as that of somebody they trust to help them when they are locked out"
	}
	return fmt.Sprintf("The owner of the account %s wants to register this address %s.\n\nThe code to confirm it:\n\n    %s\n\nIt counts for a day. If you do not know them, ignore this message: without the code nothing is registered.\n", login, what, code.Show(digits))
}

// Confirm takes the code that an app shows or that came to an address.
func (g *Gate) Confirm(ctx context.Context, o Owner, id, typed string) (Added, error) {
	b, item, err := g.begunBy(ctx, o, id, "")
	if err == nil {
		err = short(typed)
	}
	if err != nil {
		return Added{}, err
	}
	// The try is counted before it is looked at, so that many at once are no
	// more than one after the other.
	if item, err = g.tried(ctx, &b, item); err != nil {
		return Added{}, err
	}
	right, err := g.confirms(ctx, &b, typed)
	if err != nil {
		return Added{}, err
	}
	if !right {
		return Added{}, ErrAnswer
	}
	return g.registerOwn(ctx, o, id, b.enrolment, drop(item))
}

func (g *Gate) confirms(ctx context.Context, b *begun, typed string) (bool, error) {
	if b.Method == proof.TOTP {
		seed, err := g.box.Open(b.Seed)
		if err != nil {
			return false, fmt.Errorf("gate: opening a TOTP seed: %w", err)
		}
		step, right := totp.Check(seed, typed, g.now(), 0)
		b.LastStep = step
		return right, nil
	}
	digits, err := code.Normalize(typed)
	if err != nil || b.Code == "" {
		return false, nil //nolint:nilerr // what is no code at all is a wrong one
	}
	return g.hash.Verify(ctx, b.Code, digits)
}

// tried counts one more code that is typed; after a few, one has to begin
// again.
func (g *Gate) tried(ctx context.Context, b *begun, item store.Item) (store.Item, error) {
	if b.Tries++; b.Tries > maxTries {
		return item, &Fault{"not_found", "too many wrong codes were typed for that; begin again"}
	}
	err := g.store.Change(ctx, put(shelfBegun, item.Key, item.Owner, b, item.Version, item.Expires))
	if errors.Is(err, store.ErrConflict) {
		return item, ErrBusy
	}
	if err == nil {
		item, err = g.store.Item(ctx, shelfBegun, item.Key, g.now())
	}
	if err != nil {
		return item, fmt.Errorf("gate: counting a code: %w", err)
	}
	return item, nil
}

// AddColleague registers somebody who may vouch, by their login.
func (g *Gate) AddColleague(ctx context.Context, o Owner, login string) (Added, error) {
	a, err := g.changing(ctx, o, "")
	if err != nil {
		return Added{}, err
	}
	if err := identity.CheckLine(login, 256); err != nil || login == "" {
		return Added{}, invalid("login: empty, too long, or with characters that no login has")
	}
	if err := g.naming(ctx, o); err != nil {
		return Added{}, err
	}
	c, err := g.find(ctx, g.dirs[o.Account.Directory()], login)
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) || err == nil && (c.Person == a.Person || c.Status != directory.Active || c.Service) {
		return Added{}, &Fault{"not_found", "nobody of that login can vouch for you"}
	}
	if err != nil {
		return Added{}, err
	}
	e := enrolment{Method: proof.Vouch, Label: identity.Line(c.Name, 60), Colleague: c.Person, Account: c.ID}
	return g.registerOwn(ctx, o, newID("enr"), e)
}

// naming counts a login that an owner names, whether there is one or not.
func (g *Gate) naming(ctx context.Context, o Owner) error {
	item, err := g.counted(ctx, "names\x00"+string(o.Person), namesOfPerson, g.now(), "too many colleagues were named; try again after %s")
	if err != nil {
		return err
	}
	if err := g.store.Change(ctx, item); errors.Is(err, store.ErrConflict) {
		return ErrBusy
	} else if err != nil {
		return fmt.Errorf("gate: counting who is named: %w", err)
	}
	return nil
}

// registerOwn is register for somebody who looks after their own account.
func (g *Gate) registerOwn(ctx context.Context, o Owner, id string, e enrolment, more ...store.ItemChange) (Added, error) {
	item, err := g.counting(ctx, o)
	if err != nil {
		return Added{}, err
	}
	return g.register(ctx, ownerActor(o), o.Person, o.Account, id, e, append(more, item)...)
}

// register puts a factor on record and tells everybody of it. One of those
// methods of which a person has only one takes the place of the one before.
func (g *Gate) register(ctx context.Context, actor string, p identity.PersonID, account identity.AccountID, id string, e enrolment, more ...store.ItemChange) (Added, error) {
	_, pol, err := g.rules(ctx)
	if err != nil {
		return Added{}, err
	}
	e.Since = g.now()
	event, err := g.registration(id, p, e)
	if err != nil {
		return Added{}, err
	}
	items := append(more, put(shelfEnrolment, id, string(p), e, 0, time.Time{}))
	if slices.Contains(single, e.Method) {
		have, err := g.factors(ctx, p, e.Method, e.Since)
		if err != nil {
			return Added{}, err
		}
		for _, f := range have {
			event.Replaces = f.id
			items = append(items, drop(f.item))
		}
	}
	letters, jobs, err := g.news(ctx, news{person: p, account: account, enrolment: id, what: "added", method: e.Method, label: e.Label, usable: e.Since.Add(pol.CoolOff()), also: e})
	if err != nil {
		return Added{}, err
	}
	open, private, err := ledger.Seal(event, salt)
	if err != nil {
		return Added{}, fmt.Errorf("gate: writing an enrolment: %w", err)
	}
	_, err = g.store.Commit(ctx, store.Commit{Stream: id, Actor: actor, At: e.Since, Items: append(items, letters...), Jobs: jobs,
		Events: []store.Draft{{Type: event.Type(), Open: open, Private: private}}})
	if errors.Is(err, store.ErrConflict) {
		return Added{}, ErrBusy
	}
	if err != nil {
		return Added{}, fmt.Errorf("gate: recording an enrolment: %w", err)
	}
	return Added{Enrolment: id, Method: e.Method, Since: e.Since, UsableAt: e.Since.Add(pol.CoolOff())}, nil
}

// single are the methods of which a person has one at a time.
var single = []proof.Method{proof.TOTP, proof.RecoveryCode, proof.IDV}

// registration is the ledger's entry of a factor: public keys in the open,
// addresses and names only committed to.
func (g *Gate) registration(id string, p identity.PersonID, e enrolment) (record.Enrolled, error) {
	event := record.Enrolled{Enrolment: id, Person: p, Method: e.Method, Passkey: e.Passkey, DeviceKey: e.DeviceKey, Colleague: e.Colleague, Label: e.Label}
	for _, sealed := range []struct {
		from []byte
		to   *string
	}{{e.Address, &event.Address}, {e.Subject, &event.Subject}} {
		if len(sealed.from) == 0 {
			continue
		}
		plain, err := g.box.Open(sealed.from)
		if err != nil {
			return event, fmt.Errorf("gate: opening an enrolment: %w", err)
		}
		*sealed.to = string(plain)
	}
	return event, nil
}
