package directory

import (
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// Facts is what the policy may know of the account. What Countersign itself
// adds (roster roles, fences, enrolments) is left empty.
func (a Account) Facts() policy.Subject {
	s := policy.Subject{
		ID: a.ID, Person: a.Person, Directory: a.ID.Directory(),
		Login: identity.Line(a.Login, 200), Name: identity.Line(a.Name, 200),
		Unit: identity.Line(a.Unit, 200), Location: identity.Line(a.Location, 200),
		Groups: slices.Clone(a.Groups), Admin: &a.Admin, Service: a.Service,
		Status: string(a.Status), Locked: a.Locked, Manager: a.Manager.Person,
		Staff: []string{}, Enrolled: []string{},
	}
	if s.Groups == nil {
		s.Groups = []string{}
	}
	slices.Sort(s.Groups)
	s.Created, s.Starts = known(a.Created), known(a.Starts)
	return s
}

// known is the moment in UTC; nil for one that is not known.
func known(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}
