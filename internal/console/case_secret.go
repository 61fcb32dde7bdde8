package console

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"countersign/internal/gate"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

// secretPage is what is shown once. Without a script it stays until the page is
// closed; with one it is covered after Hide seconds.
type secretPage struct {
	Password, RecoveryCode *shownSecret
	Hide                   int
}

// coverAfter is long enough to write a password down twice; whoever needs
// longer can have it.
const coverAfter = 3 * time.Minute

// shownSecret is a secret as people read it: in groups, with what its
// characters are.
type shownSecret struct {
	Name   string // the id of its heading
	Groups [][]character
	Gaps   bool        // the groups are ours: nothing stands between them
	Alike  []character // those that are taken for others
}

type character struct {
	Text  string
	Kind  message
	Digit bool
}

// caseSecret shows the new secret, once. It answers a POST and is never
// stored, so neither history nor reloading brings it back: the gate has
// forgotten it by then.
func (c *console) caseSecret(w http.ResponseWriter, r *http.Request) error {
	token, err := c.requester(r, signin.Answers)
	var s gate.Secrets
	if err == nil {
		s, err = c.Gate.Reveal(r.Context(), token)
	}
	if codeOf(err) == reset.IllegalTransition {
		if v, unseen := c.ownCase(r); unseen == nil && v.Shown { // loaded again: the case itself says so
			return c.showCase(w, r, http.StatusConflict, v, nil)
		}
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	return c.show(w, r, http.StatusOK, "case_secret", frame{Title: msg("Shown once"), Body: secretPage{
		Password: shownAs("password", s.Password), RecoveryCode: shownAs("recovery", s.RecoveryCode), Hide: int(coverAfter / time.Second),
	}})
}

// groupOf is how many characters are read in one go, where the secret has no
// groups of its own.
const groupOf = 4

func shownAs(name, secret string) *shownSecret {
	if secret == "" {
		return nil
	}
	own := strings.Contains(secret, "-")
	s, seen := &shownSecret{Name: name, Gaps: !own}, map[rune]bool{}
	var group []character
	for _, r := range secret {
		c := characterOf(r)
		if group = append(group, c); own && r == '-' || !own && len(group) == groupOf {
			s.Groups, group = append(s.Groups, group), nil
		}
		if _, alike := alikeWords[r]; alike && !seen[r] {
			seen[r], s.Alike = true, append(s.Alike, c)
		}
	}
	if group != nil {
		s.Groups = append(s.Groups, group)
	}
	return s
}

// alikeWords are the characters that are taken for others.
var alikeWords = map[rune]string{
	'0': "the digit zero", 'O': "the capital letter O", 'o': "the small letter o", '1': "the digit one", 'l': "the small letter L",
	'I': "the capital letter i", '|': "an upright bar", '5': "the digit five", 'S': "the capital letter S", '8': "the digit eight", 'B': "the capital letter B",
}

func characterOf(r rune) character {
	c := character{Text: string(r), Digit: unicode.IsDigit(r)}
	switch words, alike := alikeWords[r]; {
	case alike:
		c.Kind = msg(words)
	case c.Digit:
		c.Kind = msg("digit")
	case unicode.IsUpper(r):
		c.Kind = msg("capital letter")
	case unicode.IsLower(r):
		c.Kind = msg("small letter")
	case r == '-':
		c.Kind = msg("hyphen")
	default:
		c.Kind = msg("sign")
	}
	return c
}
