package policy

import "time"

// words reads a fact that is a text; "" is an absent one where the fact is
// optional. i is the element for the fields of one.
func (e *frame) words(from source, i int) string {
	f := e.facts
	switch from {
	case fromAction:
		return string(f.Action)
	case fromSubjectID:
		return string(f.Subject.ID)
	case fromSubjectPerson:
		return string(f.Subject.Person)
	case fromSubjectDirectory:
		return f.Subject.Directory
	case fromSubjectLogin:
		return f.Subject.Login
	case fromSubjectName:
		return f.Subject.Name
	case fromSubjectClass:
		return string(e.className())
	case fromSubjectUnit:
		return f.Subject.Unit
	case fromSubjectLocation:
		return f.Subject.Location
	case fromSubjectStatus:
		return f.Subject.Status
	case fromSubjectManager:
		return string(f.Subject.Manager)
	case fromRequesterPerson:
		return string(f.Requester.Person)
	case fromAgentPerson:
		return string(f.Agent.Person)
	case fromAgentDesk:
		return f.Agent.Desk
	case fromAgentCompany:
		if e.desk != nil {
			return e.desk.company
		}
		return ""
	case fromRequestChannel:
		return string(f.Request.Channel)
	case fromRequestTicket:
		return f.Request.Ticket
	case fromRequestZone:
		return f.Request.Zone
	case fromRequestWeekday:
		if at, known := e.local(); known {
			return weekdays[at.Weekday()]
		}
	case fromContactID:
		return f.Contacts[i].ID
	case fromContactKind:
		return f.Contacts[i].Kind
	case fromContactSource:
		return f.Contacts[i].Source
	case fromPastRequest:
		return f.History[i].Request
	case fromPastAction:
		return string(f.History[i].Action)
	case fromPastOutcome:
		return f.History[i].Outcome
	case fromPastDesk:
		return f.History[i].Desk
	case fromSignalKind:
		return f.Signals[i].Kind
	}
	return e.circumstance(from)
}

func (e *frame) circumstance(from source) string {
	f := e.facts
	switch {
	case from == fromLocationCountry && f.Location != nil:
		return f.Location.Country
	case from == fromLocationNetwork && f.Location != nil:
		return f.Location.Network
	case from == fromLocationSource && f.Location != nil:
		return f.Location.Source
	case from == fromDeviceID && f.Device != nil:
		return f.Device.ID
	case from == fromDeviceSource && f.Device != nil:
		return f.Device.Source
	case from == fromEmergencyIncident && f.Emergency != nil:
		return f.Emergency.Incident
	case from == fromDelegationPerson && f.Delegation != nil:
		return string(f.Delegation.Person)
	}
	return ""
}

// flag reads a fact that is a boolean, and whether it is there.
func (e *frame) flag(from source, i int) (value, there bool) {
	f := e.facts
	switch from {
	case fromSubjectAdmin:
		return optional(f.Subject.Admin)
	case fromSubjectService:
		return f.Subject.Service, true
	case fromSubjectLocked:
		return f.Subject.Locked, true
	case fromSubjectFenced:
		return f.Subject.Fenced, true
	case fromSubjectOnProbation:
		return f.Subject.OnProbation, true
	case fromAgentVendor:
		return e.desk != nil && e.desk.vendor, true
	case fromContactOwn:
		return f.Contacts[i].Own, true
	case fromDeviceManaged:
		if f.Device != nil {
			return optional(f.Device.Managed)
		}
	case fromDeviceCompliant:
		if f.Device != nil {
			return optional(f.Device.Compliant)
		}
	case fromEmergencyActive:
		return f.Emergency != nil, true
	case fromDelegationActive:
		return f.Delegation != nil, true
	}
	return false, false
}

func optional(b *bool) (value, there bool) { return b != nil && *b, b != nil }

// clock reads a number from the desk's clock, and whether that is known.
func (e *frame) clock(from source) (n int64, known bool) {
	at, known := e.local()
	if from == fromRequestHour {
		return int64(at.Hour()), known
	}
	return int64(at.Minute()), known
}

func (e *frame) local() (time.Time, bool) {
	r := requestFacts{&e.facts.Request, e.facts.At}
	return r.local()
}

// instant reads a fact that is a time, and whether it is there.
func (e *frame) instant(from source, i int) (at time.Time, there bool) {
	f := e.facts
	switch {
	case from == fromNow:
		return f.At, true
	case from == fromContactFirstSeen:
		return f.Contacts[i].FirstSeen, true
	case from == fromPastAt:
		return f.History[i].At, true
	case from == fromSignalAt:
		return f.Signals[i].At, true
	case from == fromSubjectCreated:
		return present(f.Subject.Created)
	case from == fromSubjectStarts:
		return present(f.Subject.Starts)
	case from == fromContactSIMChanged:
		return present(f.Contacts[i].SIMChanged)
	case from == fromLocationAt && f.Location != nil:
		at = f.Location.At
	case from == fromDeviceAt && f.Device != nil:
		at = f.Device.At
	case from == fromEmergencyDeclared && f.Emergency != nil:
		at = f.Emergency.Declared
	case from == fromEmergencyUntil && f.Emergency != nil:
		at = f.Emergency.Until
	case from == fromDelegationSince && f.Delegation != nil:
		at = f.Delegation.Since
	case from == fromDelegationUntil && f.Delegation != nil:
		at = f.Delegation.Until
	}
	return at, !at.IsZero()
}

func present(at *time.Time) (time.Time, bool) {
	if at == nil {
		return time.Time{}, false
	}
	return *at, true
}

// members reads a list of texts.
func (e *frame) members(from source) []string {
	switch from {
	case fromSubjectGroups:
		return e.facts.Subject.Groups
	case fromSubjectStaff:
		return e.facts.Subject.Staff
	case fromSubjectEnrolled:
		return e.facts.Subject.Enrolled
	}
	return nil
}

// length counts the elements of a list.
func (e *frame) length(from source) int {
	switch from {
	case fromContacts:
		return len(e.facts.Contacts)
	case fromHistory:
		return len(e.facts.History)
	case fromSignals:
		return len(e.facts.Signals)
	}
	return len(e.members(from))
}
