package gate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	record "countersign/internal/enrolment"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// Security is what an owner sees of their own account: by what they can prove
// themselves, where they are told, and what was done.
type Security struct {
	Account  identity.AccountID `json:"account"`
	Login    string             `json:"login"`
	Name     string             `json:"name"`
	Factors  []FactorView       `json:"factors"`
	Contacts []ContactView      `json:"contacts"`
	History  []HistoryView      `json:"history"` // newest first
	// CoolOff is how long something new has to be on record before it counts,
	// in seconds; a rule of the policy may ask for longer.
	CoolOff int64     `json:"cool_off"`
	At      time.Time `json:"at"` // when this was looked up
	// Fresh: changes may be made now, without proving oneself again.
	Fresh bool `json:"fresh"`
	// Adds are the methods that can be registered here.
	Adds []proof.Method `json:"adds"`
	// Actions are what the account's directory can do, for a request of one's own.
	Actions []identity.Action `json:"actions"`
}

// FactorView is one registered factor or destination, as its owner sees it.
type FactorView struct {
	ID       string       `json:"id"`
	Method   proof.Method `json:"method"`
	Label    string       `json:"label,omitempty"`
	Where    string       `json:"where,omitempty"` // a destination, shortened
	Since    time.Time    `json:"since"`
	UsableAt time.Time    `json:"usable_at"` // for requests opened from then on
	SetBy    string       `json:"set_by,omitempty"`
	Closed   bool         `json:"closed"` // after too many wrong answers
	// Here: this session was opened with it, and ends with it.
	Here bool `json:"here,omitempty"`
}

// ContactView is one destination that the directory has.
type ContactView struct {
	Kind      string    `json:"kind"`
	Where     string    `json:"where"` // shortened
	FirstSeen time.Time `json:"first_seen"`
	Source    string    `json:"source"`
	Own       bool      `json:"own"` // opened by the account itself: told, but no proof
}

// HistoryView is one request about the owner's account.
type HistoryView struct {
	Case       string           `json:"case"`
	Action     identity.Action  `json:"action"`
	Status     string           `json:"status"`
	Desk       string           `json:"desk,omitempty"`
	Channel    identity.Channel `json:"channel"`
	At         time.Time        `json:"at"`
	Asked      int              `json:"asked"` // how often a proof was asked for
	Wrong      int              `json:"wrong"` // how many answers were wrong
	Repudiated bool             `json:"repudiated"`
}

// Mine shows an owner the security of their account.
func (g *Gate) Mine(ctx context.Context, o Owner) (Security, error) {
	at := g.now()
	a, err := g.own(ctx, o, at)
	if err != nil {
		return Security{}, err
	}
	_, pol, err := g.rules(ctx)
	if err != nil {
		return Security{}, err
	}
	v := Security{At: at, Account: a.ID, Login: identity.Line(a.Login, 100), Name: identity.Line(a.Name, 100), CoolOff: int64(pol.CoolOff() / time.Second),
		Factors: []FactorView{}, Contacts: []ContactView{}, History: []HistoryView{}, Fresh: o.fresh(at), Adds: g.adds(), Actions: []identity.Action{}}
	if d := g.dirs[a.ID.Directory()]; d != nil {
		v.Actions = d.Can()
	}
	all, err := g.factors(ctx, o.Person, "", at)
	if err != nil {
		return v, err
	}
	slices.SortFunc(all, func(a, b factor) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.id, b.id)) })
	for _, f := range all {
		where, err := g.whereTo(f.enrolment)
		if err != nil {
			return v, err
		}
		v.Factors = append(v.Factors, FactorView{ID: f.id, Method: f.Method, Label: f.Label, Where: where, Since: f.since,
			UsableAt: f.since.Add(pol.CoolOff()), SetBy: f.SetBy, Closed: f.Misses >= maxMisses,
			Here: o.By == proof.Passkey && f.Passkey != nil && bytes.Equal(f.Passkey.ID, o.Key)})
	}
	contacts, err := g.contacts(ctx, a, at)
	if err != nil {
		return v, err
	}
	for _, c := range contacts {
		if c.Source != sourceEnrolment {
			v.Contacts = append(v.Contacts, ContactView{c.Kind, shortened(c.address), c.FirstSeen, c.Source, c.Own})
		}
	}
	v.History, err = g.historyOf(ctx, o.Person)
	return v, err
}

// adds are the methods that owners can register for themselves.
func (g *Gate) adds() []proof.Method {
	out := []proof.Method{proof.Passkey, proof.TOTP, proof.RecoveryCode}
	for _, m := range []proof.Method{proof.EmailCode, proof.SMSCode, proof.RecoveryContact, proof.Vouch} {
		if g.ways[m].find != nil {
			out = append(out, m)
		}
	}
	return out
}

// sourceEnrolment is the source of a destination that its owner registered.
const sourceEnrolment = "enrolment"

func (g *Gate) historyOf(ctx context.Context, p identity.PersonID) ([]HistoryView, error) {
	out := []HistoryView{}
	rows, err := g.store.Rows(ctx, store.RowQuery{Person: p, Limit: 50})
	if err != nil {
		return nil, fmt.Errorf("gate: listing requests: %w", err)
	}
	for _, r := range rows {
		s, err := stateOf(r)
		if err != nil {
			return nil, err
		}
		h := HistoryView{Case: s.Case, Action: s.Action, Status: string(s.Status()), Desk: s.Desk, Channel: s.Channel, At: s.OpenedAt, Asked: len(s.Challenges), Repudiated: s.Repudiated}
		for _, c := range s.Challenges {
			h.Wrong += c.Refused
		}
		out = append(out, h)
	}
	return out, nil
}

// whereTo is a registered destination, shortened; "" for other factors.
func (g *Gate) whereTo(e enrolment) (string, error) {
	if len(e.Address) == 0 {
		return "", nil
	}
	plain, err := g.box.Open(e.Address)
	if err != nil {
		return "", fmt.Errorf("gate: opening an address: %w", err)
	}
	return shortened(string(plain)), nil
}

// shortened shows so much of an address that its owner knows it again:
// w…@private.example, …42.
func shortened(address string) string {
	if name, host, ok := strings.Cut(address, "@"); ok {
		first := []rune(name)[:min(1, len([]rune(name)))]
		return string(first) + "…@" + identity.Line(host, 80)
	}
	digits := []rune(address)
	return "…" + string(digits[max(0, len(digits)-2):])
}

// enrolmentLife is how long a first enrolment stays open after it was granted.
const enrolmentLife = 30 * time.Minute

const shelfOpened = "enrolment_opened" // key: request id

// BeginEnrolment turns the session of a first enrolment that was carried out
// into that of the account's owner: once, soon, and only for the session that
// proved itself.
func (g *Gate) BeginEnrolment(ctx context.Context, token string) (Owner, error) {
	s, session, err := g.claimed(ctx, token)
	if err != nil {
		return Owner{}, err
	}
	at := g.now()
	switch {
	case s.Action != identity.InitialEnrolment || s.Status() != reset.Done || s.Claimant != session:
		return Owner{}, &reset.Refusal{Code: reset.IllegalTransition, Msg: "no first enrolment is open for this session"}
	case s.Repudiated || !at.Before(s.Order.MarkedAt.Add(enrolmentLife)):
		return Owner{}, &Fault{"secret_lapsed", "the first enrolment was not begun in time; ask for a new one"}
	}
	err = g.store.Change(ctx, put(shelfOpened, s.ID, s.ID, true, 0, s.ExpiresAt().Add(24*time.Hour)))
	if errors.Is(err, store.ErrConflict) {
		return Owner{}, &reset.Refusal{Code: reset.IllegalTransition, Msg: "the first enrolment has been begun already"}
	}
	if err != nil {
		return Owner{}, fmt.Errorf("gate: opening a first enrolment: %w", err)
	}
	return Owner{Account: s.Subject, Person: s.Person, By: ByEnrolment, Since: at}, nil
}

// Remove takes a factor away. It proves nothing from then on, and everybody on
// record is told.
func (g *Gate) Remove(ctx context.Context, o Owner, id string) error {
	at := g.now()
	if _, err := g.freshly(ctx, o, at); err != nil {
		return err
	}
	f, err := g.ownFactor(ctx, o.Person, id, at)
	if err != nil {
		return err
	}
	counted, err := g.counting(ctx, o)
	if err != nil {
		return err
	}
	return g.unenrol(ctx, ownerActor(o), f, "owner", o.Account, counted)
}

func (g *Gate) ownFactor(ctx context.Context, p identity.PersonID, id string, at time.Time) (factor, error) {
	all, err := g.factors(ctx, p, "", at)
	if err != nil {
		return factor{}, err
	}
	i := slices.IndexFunc(all, func(f factor) bool { return f.id == id })
	if i < 0 {
		return factor{}, &Fault{"not_found", "you have registered nothing of that id"}
	}
	return all[i], nil
}

func ownerActor(o Owner) string { return "owner:" + string(o.Person) }

// unenrol records that a factor was taken away, and tells of it.
func (g *Gate) unenrol(ctx context.Context, actor string, f factor, why string, account identity.AccountID, more ...store.ItemChange) error {
	p := identity.PersonID(f.item.Owner)
	open, private, err := ledger.Seal(record.Removed{Enrolment: f.id, Person: p, Why: why}, salt)
	if err != nil {
		return fmt.Errorf("gate: writing a removal: %w", err)
	}
	items := append(more, drop(f.item))
	if f.Passkey != nil {
		items = append(items, store.ItemChange{Item: store.Item{Shelf: shelfPasskey, Key: hashed(string(f.Passkey.ID))}, Delete: true, Expect: store.AnyVersion})
	}
	letters, jobs, err := g.news(ctx, news{person: p, account: account, enrolment: f.id, what: "removed", method: f.Method, label: f.Label, also: f.enrolment, disowned: why == "disowned"})
	if err != nil {
		return err
	}
	var expect uint64 = 1
	if _, err := g.store.Stream(ctx, f.id); errors.Is(err, store.ErrNotFound) {
		// A recovery code that took another's place has no stream of its own;
		// its removal is noted by itself.
		expect = 0
	}
	c := store.Commit{Stream: f.id, Expect: expect, Actor: actor, At: g.now(), Items: append(items, letters...), Jobs: jobs,
		Events: []store.Draft{{Type: record.Removed{}.Type(), Open: open, Private: private}}}
	if _, err := g.store.Commit(ctx, c); errors.Is(err, store.ErrConflict) {
		return ErrBusy
	} else if err != nil {
		return fmt.Errorf("gate: recording a removal: %w", err)
	}
	return nil
}
