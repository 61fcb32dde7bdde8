package gate

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// historyReach is how far back earlier requests are facts.
const historyReach = 30 * 24 * time.Hour

// directory finds one by its name. With no name, the only one is meant.
func (g *Gate) directory(name string) (directory.Directory, error) {
	if name == "" && len(g.order) == 1 {
		name = g.order[0]
	}
	d, ok := g.dirs[name]
	if !ok {
		return nil, invalid(fmt.Sprintf("name one of the directories: %v", g.order))
	}
	return d, nil
}

func (g *Gate) find(ctx context.Context, d directory.Directory, login string) (directory.Account, error) {
	a, err := d.Find(ctx, login)
	return a, g.looked(d.Name(), err)
}

func (g *Gate) lookup(ctx context.Context, id identity.AccountID) (directory.Account, error) {
	d, ok := g.dirs[id.Directory()]
	if !ok {
		return directory.Account{}, ErrDirectory
	}
	a, err := d.Lookup(ctx, id)
	return a, g.looked(d.Name(), err)
}

// looked keeps a directory's own words for the log and gives the caller ours.
func (g *Gate) looked(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, directory.ErrNotFound), errors.Is(err, directory.ErrAmbiguous):
		return err
	}
	g.log.Error("directory read failed", "directory", dir, "error", err)
	return fmt.Errorf("%w (%w)", ErrDirectory, err)
}

// asking is the part of the facts that does not come from the directory.
type asking struct {
	action    identity.Action
	requester identity.PersonID
	agent     identity.PersonID
	desk      string
	channel   identity.Channel
	ticket    string
	except    string // the request itself, not part of its own history
}

// facts gathers what the policy decides on, all at one moment.
func (g *Gate) facts(ctx context.Context, a directory.Account, ask asking, chain roster.State, pol *policy.Policy, at time.Time) (policy.Facts, error) {
	f := policy.Facts{
		At: at, Action: ask.action, Subject: a.Facts(), Requester: policy.Requester{Person: ask.requester},
		Agent:    policy.Agent{Person: ask.agent, Desk: ask.desk},
		Request:  policy.Request{Channel: ask.channel, Ticket: ask.ticket},
		Contacts: []policy.Contact{}, History: []policy.Past{}, Signals: []policy.Signal{},
	}
	f.Subject.Staff = chain.StaffRoles(a.Person)
	if f.Requester.Person == "" {
		f.Requester.Person = a.Person
	}
	contacts, err := g.contacts(ctx, a, at)
	if err != nil {
		return f, err
	}
	if looksAtSIMs(pol) {
		g.dateSIMs(ctx, contacts)
	}
	for _, c := range contacts {
		f.Contacts = append(f.Contacts, c.Contact)
	}
	if f.Subject.Enrolled, err = g.enrolled(ctx, a.Person, contacts, at); err != nil {
		return f, err
	}
	if err := (zones{}).localTime(&f, pol); err != nil {
		return f, err
	}
	if err := g.reported(ctx, &f); err != nil {
		return f, err
	}
	return f, g.past(ctx, &f, ask.except)
}

// past adds earlier requests about the same person, the fence, and probation.
// A fence stands until it is reviewed, however long ago it went up.
func (g *Gate) past(ctx context.Context, f *policy.Facts, except string) error {
	return g.eachRow(ctx, store.RowQuery{Person: f.Subject.Person}, func(r store.Row) error {
		s, err := stateOf(r)
		if err != nil {
			return err
		}
		f.Subject.Fenced = f.Subject.Fenced || s.Fences()
		f.Subject.OnProbation = f.Subject.OnProbation || s.OnProbation(f.At)
		if r.ID != except && r.Opened.After(f.At.Add(-historyReach)) {
			f.History = append(f.History, policy.Past{Request: r.ID, Action: r.Action, Outcome: r.Status, Desk: r.Desk, At: r.Opened})
		}
		return nil
	})
}

// stateOf is a request as its row has it.
func stateOf(r store.Row) (s reset.State, err error) {
	if err := json.Unmarshal(r.State, &s); err != nil {
		return s, fmt.Errorf("gate: reading the row of %s: %w", r.ID, err)
	}
	return s, nil
}

// eachRow visits every row of a query, however many there are: a flood of
// requests must not push an older one out of sight.
func (g *Gate) eachRow(ctx context.Context, q store.RowQuery, visit func(store.Row) error) error {
	for q.Limit = 500; ; {
		rows, err := g.store.Rows(ctx, q)
		if err != nil {
			return fmt.Errorf("gate: listing requests: %w", err)
		}
		for _, r := range rows {
			if err := visit(r); err != nil {
				return err
			}
		}
		if len(rows) < q.Limit {
			return nil
		}
		q.Before = rows[len(rows)-1].ID
	}
}

// contact is a registered destination with what the facts may not hold: where
// it leads.
type contact struct {
	policy.Contact
	address string
	setBy   string // who put it on record, where that was not its owner
}

const shelfContact = "contact"

// seen is when Countersign first saw a destination on an account, and the id
// it gave it. The id is random, so that it tells nothing about the address.
type seen struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// contacts lists the destinations on record: those of the directory, noting
// the ones not seen before, and those that the owner has registered. A
// destination that the directory itself dates earlier counts from then.
func (g *Gate) contacts(ctx context.Context, a directory.Account, at time.Time) ([]contact, error) {
	var out []contact
	for _, c := range a.Contacts {
		if c.Kind == directory.ContactPhone {
			number, ok := notify.NormalNumber(c.Address)
			if !ok {
				continue // it reaches nobody without guessing a country
			}
			c.Address = number
		}
		s, err := g.seen(ctx, a.ID, c, at)
		if err != nil {
			return nil, err
		}
		first := s.At
		if !c.FirstSeen.IsZero() && c.FirstSeen.Before(first) {
			first = c.FirstSeen.UTC().Truncate(time.Millisecond)
		}
		out = merged(out, contact{
			Contact: policy.Contact{ID: s.ID, Kind: string(c.Kind), FirstSeen: first, Source: a.ID.Directory(), Own: c.Own},
			address: c.Address,
		})
	}
	own, err := g.registeredContacts(ctx, a.Person, at)
	for _, c := range own {
		out = merged(out, c)
	}
	return out, err
}

// registeredContacts are the mailboxes and telephones that a person has
// registered as their own.
func (g *Gate) registeredContacts(ctx context.Context, p identity.PersonID, at time.Time) ([]contact, error) {
	if p == "" {
		return nil, nil
	}
	all, err := g.factors(ctx, p, "", at)
	if err != nil {
		return nil, err
	}
	kinds := map[proof.Method]directory.ContactKind{proof.EmailCode: directory.ContactEmail, proof.SMSCode: directory.ContactPhone}
	var out []contact
	for _, f := range all {
		kind, ok := kinds[f.Method]
		if !ok {
			continue
		}
		address, err := g.box.Open(f.Address)
		if err != nil {
			return nil, fmt.Errorf("gate: opening an address: %w", err)
		}
		out = append(out, contact{
			Contact: policy.Contact{ID: f.id, Kind: string(kind), FirstSeen: f.since, Source: sourceEnrolment},
			address: string(address), setBy: f.setBy,
		})
	}
	return out, nil
}

// merged adds a destination. Two of one address are one: the one longer on
// record, opened by the account itself if either of them is.
func merged(all []contact, c contact) []contact {
	i := slices.IndexFunc(all, c.same)
	if i < 0 {
		return append(all, c)
	}
	own := all[i].Own || c.Own
	if c.FirstSeen.Before(all[i].FirstSeen) {
		all[i] = c
	}
	all[i].Own = own
	return all
}

// same reports whether two destinations lead to one place.
func (c contact) same(other contact) bool {
	return c.Kind == other.Kind && (c.address == other.address || isMail(c) && strings.EqualFold(c.address, other.address))
}

func (g *Gate) seen(ctx context.Context, id identity.AccountID, c directory.Contact, at time.Time) (seen, error) {
	h := sha256.Sum256([]byte(string(id) + "\x00" + string(c.Kind) + "\x00" + c.Address))
	key := base64.RawURLEncoding.EncodeToString(h[:])
	for {
		var s seen
		item, err := g.store.Item(ctx, shelfContact, key, at)
		if err == nil {
			return s, unmarshal(item, &s)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return s, fmt.Errorf("gate: reading a contact's first date: %w", err)
		}
		s = seen{newID("con"), at}
		err = g.store.Change(ctx, put(shelfContact, key, string(id), s, 0, time.Time{}))
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return s, fmt.Errorf("gate: noting a contact's first date: %w", err)
		}
	}
}

// enrolled lists the methods the person has, sorted.
func (g *Gate) enrolled(ctx context.Context, p identity.PersonID, contacts []contact, at time.Time) ([]string, error) {
	items, err := g.store.Items(ctx, shelfEnrolment, string(p), at)
	if err != nil {
		return nil, fmt.Errorf("gate: reading enrolments: %w", err)
	}
	have := []string{}
	for _, i := range items {
		var e enrolment
		if err := unmarshal(i, &e); err != nil {
			return nil, err
		}
		if e.Method != proof.EmailCode && e.Method != proof.SMSCode { // destinations, below
			have = append(have, string(e.Method))
		}
	}
	if g.mail != nil && slices.ContainsFunc(contacts, func(c contact) bool { return isMail(c) && !c.Own }) {
		have = append(have, string(proof.EmailCode))
	}
	for _, m := range []proof.Method{proof.SMSCode, proof.VoiceCode, proof.Callback} {
		if g.ways[m].find != nil && slices.ContainsFunc(contacts, func(c contact) bool { return isPhone(c) && !c.Own }) {
			have = append(have, string(m))
		}
	}
	slices.Sort(have)
	return slices.Compact(have), nil
}

// put writes a JSON item as part of a commit.
func put(shelf, key, owner string, v any, expect int64, expires time.Time) store.ItemChange {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("gate: an item's form cannot be written: " + err.Error()) // our own struct types only
	}
	return store.ItemChange{Item: store.Item{Shelf: shelf, Key: key, Owner: owner, Value: raw, Expires: expires}, Expect: expect}
}

func drop(i store.Item) store.ItemChange {
	return store.ItemChange{Item: store.Item{Shelf: i.Shelf, Key: i.Key}, Delete: true, Expect: i.Version}
}

func unmarshal(i store.Item, into any) error {
	if err := json.Unmarshal(i.Value, into); err != nil {
		return fmt.Errorf("gate: reading %s item: %w", i.Shelf, err)
	}
	return nil
}
