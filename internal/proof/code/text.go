package code

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"countersign/internal/identity"
)

// What two joined short messages hold: characters of GSM 03.38, or else UTF-16
// units. maxBrief bounds a name between them, in bytes.
const (
	maxGSM   = 2*153 - 1 // a character of two is never cut in two
	maxUTF16 = 2*67 - 1
	maxBrief = 24
)

// Text writes the short message (SMS) that carries a code: two segments at most.
// The code stands first, in one piece, where telephones find it. The case, what
// for, the warning and the way out are always there; names, and in the end the
// words, make room when they do not fit beside them or need an alphabet that
// takes more room. Only an address that is too long by itself is refused.
func Text(l Letter) (string, error) {
	p, err := l.check()
	if err != nil {
		return "", err
	}
	if l.ForDesk {
		return "", fmt.Errorf("%w: a code for the desk is spoken on the call, never written", ErrLetter)
	}
	for _, middle := range p.middles() {
		text := p.Code + middle + " Staff never ask for this code. Not you? " + p.Link
		if p.For != "" {
			text = p.Code + middle + " Staff never ask for it. Stop it: " + p.Link
		}
		if fits(text) {
			return text, nil
		}
	}
	return "", fmt.Errorf("%w: the address for \"this wasn't me\" is too long for a short message", ErrLetter)
}

// middles are the ways to say what the code is for, the fullest first.
func (p plain) middles() []string {
	who := "the self-service page"
	if p.Agent != "" {
		who = quoted(p.Agent)
	}
	if p.Agent != "" && p.Desk != "" {
		who += " of " + quoted(p.Desk)
	}
	what, words := ", case "+p.Case+", "+p.Deed.short, " Words: "+p.Words+"."
	if p.For != "" {
		give := " Give it to the account's owner only, in person or by a voice you know."
		return []string{
			": recovery code of " + p.Organisation + what + " for " + quoted(p.For) + ", asked by " + who + "." + words + give,
			": recovery code of " + p.Organisation + what + " for " + quoted(p.For) + "." + words + give,
			": recovery code" + what + " for " + quoted(p.For) + "." + words + give,
			": recovery code" + what + "." + words + give,
			": recovery code" + what + "." + words + " For the owner only.",
			": recovery code" + what + ". For the owner only.",
		}
	}
	return []string{
		": code of " + p.Organisation + what + " for " + quoted(p.Login) + ", asked by " + who + "." + words,
		": code of " + p.Organisation + what + " for " + quoted(p.Login) + "." + words,
		": code" + what + " for " + quoted(p.Login) + "." + words,
		": code" + what + "." + words,
		": code" + what + ".",
	}
}

func quoted(name string) string {
	return "\"" + strings.TrimSpace(identity.Line(name, maxBrief)) + "\""
}

const (
	// gsm is the basic alphabet of GSM 03.38, without the controls.
	gsm = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	// wide are the characters that take the room of two.
	wide = "^{}\\[~]|€"
)

// fits reports whether two segments hold the text.
func fits(text string) bool {
	n := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsm, r):
			n++
		case strings.ContainsRune(wide, r):
			n += 2
		default:
			return len(utf16.Encode([]rune(text))) <= maxUTF16
		}
	}
	return n <= maxGSM
}
