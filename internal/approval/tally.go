package approval

import (
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
)

// Verdict is where the votes stand.
type Verdict struct {
	Granted  bool              // every need is met by distinct persons and nobody vetoed
	Denied   bool              // somebody vetoed
	DeniedBy identity.PersonID // who vetoed first
	Missing  []Need            // what is still unmet, by role
	Void     []Void            // votes that do not count, and why
}

// Void is a vote that does not count.
type Void struct {
	Person identity.PersonID
	Why    string
}

// Tally counts votes against needs. An approval counts when it is over the
// current statement, has not lapsed at now, and is not by a barred person (the
// requester, the agent, the subject, whoever vouched). A denial always counts:
// it vetoes whatever it was signed over and whenever. One person fills one
// place only, whatever roles they hold; places are filled so that as many as
// possible are.
func Tally(needs []Need, votes []Vote, barred []identity.PersonID, statement string, now time.Time) Verdict {
	var v Verdict
	var counted []Vote
	for _, vote := range votes {
		if vote.Deny {
			if !v.Denied {
				v.Denied, v.DeniedBy = true, vote.Person
			}
			continue
		}
		if why := void(vote, counted, barred, statement, now); why != "" {
			v.Void = append(v.Void, Void{vote.Person, why})
			continue
		}
		counted = append(counted, vote)
	}
	v.Missing = unmet(needs, counted)
	v.Granted = !v.Denied && len(v.Missing) == 0
	return v
}

func void(vote Vote, counted []Vote, barred []identity.PersonID, statement string, now time.Time) string {
	same := func(o Vote) bool { return o.Person == vote.Person }
	switch {
	case vote.Person == "":
		return "signer is not a known person"
	case slices.Contains(barred, vote.Person):
		return "signer takes part in the request"
	case vote.Statement != statement:
		return "signed an earlier statement"
	case !now.Before(vote.Until):
		return "lapsed"
	case slices.ContainsFunc(counted, same):
		return "signed already"
	}
	return ""
}

// unmet fills the places with a maximum bipartite matching (Kuhn's augmenting
// paths; a handful of places and signers) and returns those left open.
func unmet(needs []Need, votes []Vote) []Need {
	taken := map[int]int{} // vote → place
	var places []identity.Role
	for _, n := range needs {
		for range n.Count {
			places = append(places, n.Role)
		}
	}
	var seat func(place int, tried map[int]bool) bool
	seat = func(place int, tried map[int]bool) bool {
		for i, vote := range votes {
			if tried[i] || !slices.Contains(vote.Roles, places[place]) {
				continue
			}
			tried[i] = true
			if other, busy := taken[i]; !busy || seat(other, tried) {
				taken[i] = place
				return true
			}
		}
		return false
	}
	open := map[identity.Role]int{}
	for place, role := range places {
		if !seat(place, map[int]bool{}) {
			open[role]++
		}
	}
	var missing []Need
	for _, n := range needs {
		if k := open[n.Role]; k > 0 {
			missing = append(missing, Need{n.Role, k})
			delete(open, n.Role)
		}
	}
	return missing
}

// String reads "2 × security".
func (n Need) String() string { return fmt.Sprintf("%d × %s", n.Count, n.Role) }
