package code

import (
	"fmt"
	"strings"
	"time"
)

// Notice writes the short message (SMS) that tells what became of a request,
// with the way to object: two segments at most. happened is two or three of our
// own words, such as "carried out". As in Text, names make room first; only an
// address that is too long by itself is refused.
func Notice(c Card, happened, repudiate string) (string, error) {
	if c.Login == "" {
		c.Login = c.Case // erased meanwhile; the case still says which it was
	}
	// It is held to what a letter is held to, for which it needs a code to be.
	p, err := Letter{Card: c, Code: strings.Repeat("0", digits), Life: time.Minute, Repudiate: repudiate}.check()
	if err != nil {
		return "", err
	}
	end := " Not you? Stop it: " + p.Link
	for _, what := range []string{
		p.Organisation + ", case " + p.Case + ": " + p.Deed.short + " for " + quoted(p.Login) + " " + happened + ".",
		"Case " + p.Case + ": " + p.Deed.short + " for " + quoted(p.Login) + " " + happened + ".",
		"Case " + p.Case + ": " + p.Deed.short + " " + happened + ".",
	} {
		if fits(what + end) {
			return what + end, nil
		}
	}
	return "", fmt.Errorf("%w: the address for \"this wasn't me\" is too long for a short message", ErrLetter)
}
