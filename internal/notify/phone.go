package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"countersign/internal/identity"
)

// PhoneMessage is one message to one telephone.
type PhoneMessage struct {
	To   string // E.164, such as +15550100
	Text string // what is sent, or what is spoken: UTF-8, lines end in LF, at most 1600 bytes
	ID   string // the same for each attempt: letters, digits, dot, hyphen, underscore
}

// Phone reaches telephones in one way: by text message or by a spoken call.
//
// The public telephone network is a restricted channel (SP 800-63B-4 §3.2.9):
// who holds a number is decided by a carrier's shop assistant. SIMChanged is
// there so that a number which has just moved is not believed.
type Phone interface {
	// Send hands m over for delivery. As with a Sender, a nil error means that
	// somebody has taken responsibility for it; other errors wrap ErrTemporary
	// or ErrPermanent and contain neither the text nor the number.
	Send(ctx context.Context, m PhoneMessage) error

	// SIMChanged is when the SIM of a number last changed, or when the number
	// was ported to another carrier. It is the zero time when this way of
	// reaching telephones never tells. Where it should tell and does not, that
	// is an error, and the caller must not believe the number.
	SIMChanged(ctx context.Context, number string) (time.Time, error)
}

const (
	// maxPhoneText is about ten linked text messages, or two minutes of speech.
	maxPhoneText = 1600
	maxTyped     = 64
)

// Check reports why m may not be sent, as an ErrPermanent. Every Phone calls
// it first. The error repeats neither the number nor the text.
func (m PhoneMessage) Check() error {
	if err := m.check(); err != nil {
		return fmt.Errorf("notify: message %q: %w: %w", identity.Line(m.ID, maxID), ErrPermanent, err)
	}
	return nil
}

func (m PhoneMessage) check() error {
	if err := checkID(m.ID); err != nil {
		return err
	}
	if err := CheckNumber(m.To); err != nil {
		return err
	}
	return checkText(m.Text, maxPhoneText)
}

// CheckNumber reports why number is not an international telephone number in
// the one form of E.164: a plus sign and 8 to 15 digits, of which the first is
// not 0. Whether anybody has the number it does not know. The error does not
// repeat it.
func CheckNumber(number string) error {
	digits, ok := strings.CutPrefix(number, "+")
	if !ok || len(digits) < 8 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return errors.New("the number is not of the form +COUNTRY NUMBER: a plus sign and 8 to 15 digits, without spaces")
	}
	return nil
}

// NormalNumber turns a telephone number as people and directories write it
// into the form of CheckNumber: spaces, hyphens, dots and parentheses go, and
// a leading 00 becomes the plus sign. It is false for what is no international
// number. A national number is none: the country would be guessed. Nor is
// +44 (0)20…, where one digit may or may not be dialled.
func NormalNumber(typed string) (string, bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	s := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) || strings.ContainsRune("-.\u2010\u2011\u2013", r) {
			return -1
		}
		return r
	}, typed)
	if strings.Contains(s[min(len(s), 1):], "(0") {
		return "", false
	}
	s = strings.NewReplacer("(", "", ")", "").Replace(s)
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	return s, CheckNumber(s) == nil
}
