package prove

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

// A fact that is not known here would be opaque, and proofs about it blind.
func TestEveryFactOfTheLanguageIsKnown(t *testing.T) {
	for _, d := range policy.FactDocs() {
		known := isKnownFact(d.Name) || slices.Contains(derived, d.Name) || slices.Contains(objectLists, d.Name)
		if !known {
			t.Errorf("%s is not known", d.Name)
		}
		_, optional := presence(ref{path: d.Name})
		if optional != d.Optional && !slices.Contains(derived, d.Name) && !strings.HasSuffix(d.Name, ".active") {
			t.Errorf("%s: can be absent: %v, and not %v", d.Name, d.Optional, optional)
		}
		if words := closedWords[d.Name]; words != nil && !slices.Equal(words, d.Vocabulary) {
			t.Errorf("%s is one of %v, and not of %v", d.Name, d.Vocabulary, words)
		}
	}
}

func TestLookingAtFactsLeavesThemAlone(t *testing.T) {
	f := specimen.Ordinary()
	before := specimen.Line(f)
	s := NewSpace(starter(t))
	q := s.ask(s.Of(0).Denied, exact)
	n := q.arrange(f)
	for _, a := range q.atoms {
		n.says(a)
	}
	if f.Location != nil || f.Device != nil || f.Subject.Created != nil || f.Subject.Starts != nil || f.Contacts[0].SIMChanged != nil || specimen.Line(f) != before {
		t.Errorf("%s became %s", before, specimen.Line(f))
	}
}

func TestSeveralProversAnswerAtOnce(t *testing.T) {
	p := starter(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, r := range NewProver(p).Standard() {
				if r.Outcome != Holds {
					t.Errorf("%s: %s", r.Name, r.Outcome)
				}
			}
		})
	}
	all.Wait()
}
