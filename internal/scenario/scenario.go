// Package scenario plays scripts in plain text against a whole server: people
// who call the helpdesk, agents, approvers and attackers, who reach it over
// HTTP alone, as in life. A script says what everybody does, what the server
// answers, and what has come of it:
//
//	attack A16  A code is guessed, asked for again, and guessed again
//	source      NIST SP 800-63B-4 §3.2.2
//	controls    C05 C06
//	policy      nist-800-63b-4
//
//	account wren
//	wren has a mailbox wren@private.example for a year
//	agent finch at helpdesk
//	stranger mallory
//
//	finch opens password_reset for wren by chat
//	mallory claims
//	mallory asks email_code
//	mallory answers wrong -> refused answer_refused
//	expect state proving
//	expect effects 0
//
// The language is strict: a word that it does not know is an error with its
// place, a step without "->" has to succeed, and a step with one has to be
// refused in just that way. docs/scenarios.md lists every sentence there is.
//
// After each script the same oracle is asked, whatever the script itself
// expects: see oracle.go. Of an honest recovery every line that begins with a
// star is left out once, and then nothing may come of it.
package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The kinds of scripts.
const (
	Attack   = "attack"   // must fail
	Recovery = "recovery" // must succeed, and fail with any one proof left out
)

// Script is one scenario as it was read.
type Script struct {
	File     string // its base name, without .txt
	Kind     string
	ID       string // A16, L07
	Title    string
	Sources  []string
	Controls []string
	Policy   string // a file of the stage's folders, without .yaml
	Lines    []Line // what is given and what happens, in order
}

// Line is one sentence of a script.
type Line struct {
	Number int
	Text   string // as written, without the star and the indentation
	Proof  bool   // it begins with a star
	Body   []Line // of "repeat"

	form    *form
	args    args
	refusal string // the code that has to come back; "" when it has to succeed
	once    bool   // the refused call is not made a second time
}

// Load reads every script of a folder, by name.
func Load(dir string) ([]Script, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("scenario: %s holds no scripts (%w)", dir, err)
	}
	slices.Sort(files)
	var all []Script
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("scenario: %w", err)
		}
		s, err := Parse(filepath.Base(f), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Proofs are the places of the starred lines, for Without.
func (s Script) Proofs() []int {
	var at []int
	for i, l := range s.Lines {
		if l.Proof {
			at = append(at, i)
		}
	}
	return at
}

// fault is an error at a place of a script.
type fault struct {
	file      string
	line, col int
	msg       string
}

func (f fault) Error() string { return fmt.Sprintf("%s:%d:%d: %s", f.file, f.line, f.col, f.msg) }

func titled(file, id string) bool {
	return strings.HasPrefix(file, strings.ToLower(id)+"-")
}
