package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/store"
)

const maxField = 256 // bytes of a name, a unit, an address

// NewAccount is an account to be added. Only Login and Name are required.
type NewAccount struct {
	Login, Name, Unit, Location string
	Person                      identity.PersonID  // "": the account is a person of its own
	Manager                     identity.AccountID // of this directory
	Groups                      []string           // direct ones
	Contacts                    []directory.Contact
	Service, Disabled           bool
	Factors                     []string  // names of second factors, registered now
	Starts                      time.Time // the owner's first day here; zero: not known
	// Password may be empty: then nothing opens the account until a reset.
	Password   string
	MustChange bool
}

// Add makes an account. A contact without FirstSeen is dated now. ErrExists;
// directory.ErrRefused when a field or the password is not acceptable.
func (d *Directory) Add(ctx context.Context, a NewAccount) (identity.AccountID, error) {
	const doing = "adding an account"
	now := d.now().UTC()
	key, err := directory.LoginKey(a.Login)
	if err == nil {
		err = checkFields(append([]string{a.Name, a.Unit, a.Location, string(a.Person)}, a.Groups...))
	}
	if err == nil && a.Name == "" {
		err = errors.New("an account needs a name")
	}
	if err != nil {
		return "", d.fault(doing, directory.ErrRefused, err)
	}
	r := record{
		V: 1, Directory: d.name, Login: a.Login, Name: a.Name, Unit: a.Unit, Location: a.Location, Person: a.Person,
		Groups: a.Groups, Service: a.Service, Disabled: a.Disabled, MustChange: a.MustChange,
		Created: now, Starts: a.Starts.UTC(),
	}
	if r.Contacts, err = contacts(a.Contacts, nil, now); err != nil {
		return "", d.fault(doing, directory.ErrRefused, err)
	}
	for _, name := range a.Factors {
		if r.Factors, err = register(r.Factors, name, now); err != nil {
			return "", d.fault(doing, directory.ErrRefused, err)
		}
	}
	if a.Manager != "" {
		if r.Manager, err = d.own(a.Manager); err == nil {
			_, _, err = d.load(ctx, r.Manager)
		}
		if err != nil {
			return "", fmt.Errorf("local %s: %s: reading the manager: %w", d.name, doing, err)
		}
	}
	if a.Password != "" {
		if r.Hash, err = d.hash(ctx, doing, a.Login, a.Password); err != nil {
			return "", err
		}
		r.Changed = now
	}
	object, err := uuid.NewV7()
	if err != nil {
		return "", d.fault(doing, directory.ErrUnreachable, err)
	}
	value, err := json.Marshal(r)
	if err != nil {
		return "", d.fault(doing, directory.ErrRefused, err)
	}
	err = d.st.Change(ctx,
		store.ItemChange{Item: store.Item{Shelf: shelfLogin, Key: d.name + "/" + key, Owner: d.name, Value: []byte(object.String())}},
		store.ItemChange{Item: store.Item{Shelf: shelfAccount, Key: object.String(), Owner: key, Value: value}})
	if errors.Is(err, store.ErrConflict) {
		return "", fmt.Errorf("local %s: %s: %w", d.name, doing, ErrExists)
	}
	return identity.NewAccountID(d.name, object.String()), d.settle(doing, err)
}

func checkFields(fields []string) error {
	for _, f := range fields {
		if err := identity.CheckLine(f, maxField); err != nil {
			return err
		}
	}
	return nil
}

// contacts keeps the date of every destination that was there before.
func contacts(in []directory.Contact, before []contact, now time.Time) ([]contact, error) {
	var out []contact
	for _, c := range in {
		if c.Kind != directory.ContactEmail && c.Kind != directory.ContactPhone {
			return nil, fmt.Errorf("a contact of kind %q", c.Kind)
		}
		if err := identity.CheckLine(c.Address, maxField); err != nil || c.Address == "" {
			return nil, errors.New("a contact needs an address of one line")
		}
		since := c.FirstSeen.UTC()
		if c.FirstSeen.IsZero() || since.After(now) {
			since = now
		}
		for _, b := range before {
			if b.Kind == c.Kind && b.Address == c.Address {
				since = b.Since
			}
		}
		out = append(out, contact{Kind: c.Kind, Address: c.Address, Own: c.Own, Since: since})
	}
	return out, nil
}

// SetContacts replaces an account's destinations. One that was on record keeps
// its date; a new one is dated now, whatever its FirstSeen says.
func (d *Directory) SetContacts(ctx context.Context, id identity.AccountID, to []directory.Contact) error {
	const doing = "changing contacts"
	object, err := d.own(id)
	if err != nil {
		return err
	}
	now := d.now().UTC()
	return d.change(ctx, doing, object, func(r *record) error {
		undated := make([]directory.Contact, len(to))
		for i, c := range to {
			c.FirstSeen = time.Time{}
			undated[i] = c
		}
		kept, err := contacts(undated, r.Contacts, now)
		if err != nil {
			return d.fault(doing, directory.ErrRefused, err)
		}
		r.Contacts = kept
		return nil
	})
}

// SetDisabled closes or opens an account.
func (d *Directory) SetDisabled(ctx context.Context, id identity.AccountID, disabled bool) error {
	object, err := d.own(id)
	if err != nil {
		return err
	}
	return d.change(ctx, "closing or opening an account", object, func(r *record) error {
		r.Disabled = disabled
		return nil
	})
}

// hash checks a new password against the policy and hashes it.
func (d *Directory) hash(ctx context.Context, doing, login, password string) (string, error) {
	lower := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password), len(password) > maxPassword, utf8.RuneCountInString(password) < MinPassword,
		strings.Contains(lower, strings.ToLower(login)) && len(lower)-len(login) < MinPassword/2:
		return "", d.fault(doing, directory.ErrRefused,
			fmt.Errorf("the new password does not satisfy the password policy: at least %d characters, and not little more than the login", MinPassword))
	}
	h, err := d.hasher.Hash(ctx, password)
	if err != nil {
		return "", d.fault(doing, directory.ErrUnreachable, err)
	}
	return h, nil
}
