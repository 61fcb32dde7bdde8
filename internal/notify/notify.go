// Package notify is how people are told: the port through which a message goes
// to one address. The smtp folder sends real mail; mailbox keeps messages in
// memory for the demo.
//
// A Sender is called from a job that is tried again, so the same Message may
// be sent twice; its ID lets the reader's mail program see that.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/internal/identity"
)

// Every error of a Sender wraps exactly one of these two.
var (
	// ErrTemporary: nobody said no; trying again later makes sense. Faults of
	// the way to the server (its name, its certificate, our password) are
	// temporary too: they say nothing about the message.
	ErrTemporary = errors.New("not sent for now")
	// ErrPermanent: the message or its address was refused, and will be again.
	ErrPermanent = errors.New("refused for good")
)

// Message is one message to one address.
type Message struct {
	To      string // a bare address: no display name, no list
	Subject string // one line
	Text    string // plain text, lines end in LF
	ID      string // the same for each attempt: letters, digits, dot, hyphen, underscore
}

// Sender hands a message over for delivery. A nil error means that a server
// has taken responsibility for it, not that anybody has read it. Errors never
// contain the message's text, which may hold a code.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

const (
	maxAddress = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
	maxSubject = 200
	maxText    = 64 << 10
	maxID      = 100
	idLetters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
)

// Check reports why m may not be sent, as an ErrPermanent. Every Sender calls
// it first, so that no text from outside can become a header, a second
// address or a command.
func (m Message) Check() error {
	if err := m.check(); err != nil {
		return fmt.Errorf("notify: message %q: %w: %w", identity.Line(m.ID, maxID), ErrPermanent, err)
	}
	return nil
}

func (m Message) check() error {
	if err := checkID(m.ID); err != nil {
		return err
	}
	if err := CheckAddress(m.To); err != nil {
		return err
	}
	if m.Subject == "" {
		return errors.New("its subject is empty")
	}
	if err := identity.CheckLine(m.Subject, maxSubject); err != nil {
		return fmt.Errorf("its subject: %w", err)
	}
	return checkText(m.Text, maxText)
}

func checkID(id string) error {
	if id == "" || len(id) > maxID || strings.Trim(id, idLetters) != "" || strings.Trim(id, ".") != id || strings.Contains(id, "..") {
		return errors.New("its id is not letters, digits, hyphens, underscores and single dots")
	}
	return nil
}

func checkText(text string, most int) error {
	switch {
	case text == "":
		return errors.New("its text is empty")
	case len(text) > most:
		return fmt.Errorf("its text is longer than %d bytes", most)
	case !utf8.ValidString(text):
		return errors.New("its text is not valid UTF-8")
	case strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }):
		return errors.New("its text has a control character")
	}
	return nil
}

// CheckAddress reports why address is not one bare mail address. The error
// does not repeat it.
func CheckAddress(address string) error {
	if err := identity.CheckLine(address, maxAddress); err != nil {
		return fmt.Errorf("the address: %w", err)
	}
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || a.Name != "" || strings.ContainsAny(address, ` "<>,;:\()[]`) {
		return errors.New("the address is not of the plain form NAME@DOMAIN")
	}
	return nil
}
