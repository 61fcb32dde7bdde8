package policy

import (
	"time"

	"countersign/internal/policy/expr"
)

// source is a fact that compiled conditions read straight from Facts. A fact
// without one is read by CEL, as is the condition that reads it.
type source uint8

const (
	noSource source = iota
	fromAction
	fromSubjectID
	fromSubjectPerson
	fromSubjectDirectory
	fromSubjectLogin
	fromSubjectName
	fromSubjectClass
	fromSubjectUnit
	fromSubjectLocation
	fromSubjectStatus
	fromSubjectManager
	fromRequesterPerson
	fromAgentPerson
	fromAgentDesk
	fromAgentCompany
	fromRequestChannel
	fromRequestTicket
	fromRequestZone
	fromRequestWeekday
	fromContactID
	fromContactKind
	fromContactSource
	fromPastRequest
	fromPastAction
	fromPastOutcome
	fromPastDesk
	fromSignalKind
	fromLocationCountry
	fromLocationNetwork
	fromLocationSource
	fromDeviceID
	fromDeviceSource
	fromEmergencyIncident
	fromDelegationPerson

	fromSubjectAdmin
	fromSubjectService
	fromSubjectLocked
	fromSubjectFenced
	fromSubjectOnProbation
	fromAgentVendor
	fromContactOwn
	fromDeviceManaged
	fromDeviceCompliant
	fromEmergencyActive
	fromDelegationActive

	fromRequestHour
	fromRequestMinute

	fromNow
	fromSubjectCreated
	fromContactFirstSeen
	fromPastAt
	fromSignalAt
	fromLocationAt
	fromDeviceAt
	fromEmergencyDeclared
	fromEmergencyUntil
	fromDelegationSince
	fromDelegationUntil

	fromSubjectGroups
	fromSubjectStaff
	fromSubjectEnrolled
	fromContacts
	fromHistory
	fromSignals
	sources
)

// sourceOf finds a fact by the name that conditions use. Only optional facts
// can be absent.
var sourceOf = map[string]struct {
	from     source
	typ      expr.Type
	optional bool
}{
	"action":               {fromAction, expr.Text, false},
	"subject.id":           {fromSubjectID, expr.Text, false},
	"subject.person":       {fromSubjectPerson, expr.Text, false},
	"subject.directory":    {fromSubjectDirectory, expr.Text, false},
	"subject.login":        {fromSubjectLogin, expr.Text, false},
	"subject.name":         {fromSubjectName, expr.Text, false},
	"subject.class":        {fromSubjectClass, expr.Text, false},
	"subject.unit":         {fromSubjectUnit, expr.Text, true},
	"subject.location":     {fromSubjectLocation, expr.Text, true},
	"subject.status":       {fromSubjectStatus, expr.Text, false},
	"subject.manager":      {fromSubjectManager, expr.Text, true},
	"requester.person":     {fromRequesterPerson, expr.Text, false},
	"agent.person":         {fromAgentPerson, expr.Text, true},
	"agent.desk":           {fromAgentDesk, expr.Text, true},
	"agent.company":        {fromAgentCompany, expr.Text, true},
	"request.channel":      {fromRequestChannel, expr.Text, false},
	"request.ticket":       {fromRequestTicket, expr.Text, true},
	"request.zone":         {fromRequestZone, expr.Text, true},
	"request.weekday":      {fromRequestWeekday, expr.Text, true},
	"contacts.id":          {fromContactID, expr.Text, false},
	"contacts.kind":        {fromContactKind, expr.Text, false},
	"contacts.source":      {fromContactSource, expr.Text, false},
	"history.request":      {fromPastRequest, expr.Text, false},
	"history.action":       {fromPastAction, expr.Text, false},
	"history.outcome":      {fromPastOutcome, expr.Text, false},
	"history.desk":         {fromPastDesk, expr.Text, true},
	"signals.kind":         {fromSignalKind, expr.Text, false},
	"location.country":     {fromLocationCountry, expr.Text, true},
	"location.network":     {fromLocationNetwork, expr.Text, true},
	"location.source":      {fromLocationSource, expr.Text, true},
	"device.id":            {fromDeviceID, expr.Text, true},
	"device.source":        {fromDeviceSource, expr.Text, true},
	"emergency.incident":   {fromEmergencyIncident, expr.Text, true},
	"delegation.person":    {fromDelegationPerson, expr.Text, true},
	"subject.admin":        {fromSubjectAdmin, expr.Bool, true},
	"subject.service":      {fromSubjectService, expr.Bool, false},
	"subject.locked":       {fromSubjectLocked, expr.Bool, false},
	"subject.fenced":       {fromSubjectFenced, expr.Bool, false},
	"subject.on_probation": {fromSubjectOnProbation, expr.Bool, false},
	"agent.vendor":         {fromAgentVendor, expr.Bool, false},
	"contacts.own":         {fromContactOwn, expr.Bool, false},
	"device.managed":       {fromDeviceManaged, expr.Bool, true},
	"device.compliant":     {fromDeviceCompliant, expr.Bool, true},
	"emergency.active":     {fromEmergencyActive, expr.Bool, false},
	"delegation.active":    {fromDelegationActive, expr.Bool, false},
	"request.hour":         {fromRequestHour, expr.Int, true},
	"request.minute":       {fromRequestMinute, expr.Int, true},
	"now":                  {fromNow, expr.Time, false},
	"subject.created":      {fromSubjectCreated, expr.Time, true},
	"contacts.first_seen":  {fromContactFirstSeen, expr.Time, false},
	"history.at":           {fromPastAt, expr.Time, false},
	"signals.at":           {fromSignalAt, expr.Time, false},
	"location.at":          {fromLocationAt, expr.Time, true},
	"device.at":            {fromDeviceAt, expr.Time, true},
	"emergency.declared":   {fromEmergencyDeclared, expr.Time, true},
	"emergency.until":      {fromEmergencyUntil, expr.Time, true},
	"delegation.since":     {fromDelegationSince, expr.Time, true},
	"delegation.until":     {fromDelegationUntil, expr.Time, true},
	"subject.groups":       {fromSubjectGroups, expr.Texts, false},
	"subject.staff":        {fromSubjectStaff, expr.Texts, false},
	"subject.enrolled":     {fromSubjectEnrolled, expr.Texts, false},
	"contacts":             {fromContacts, expr.Objects, false},
	"history":              {fromHistory, expr.Objects, false},
	"signals":              {fromSignals, expr.Objects, false},
}

// absences are the errors of reading absent facts, made once.
var absences = func() (all [sources]error) {
	for path, s := range sourceOf {
		all[s.from] = missing(path)
	}
	return all
}()

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
	case from == fromSubjectCreated && f.Subject.Created != nil:
		return *f.Subject.Created, true
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

// optionalSource says which facts can be absent.
var optionalSource = func() (all [sources]bool) {
	for _, s := range sourceOf {
		all[s.from] = s.optional
	}
	return all
}()

// listOf is the list whose elements have a fact, the list itself for one of
// texts, and noSource for a fact that is no element's.
func listOf(from source) source {
	switch {
	case from >= fromContactID && from <= fromContactSource, from == fromContactOwn, from == fromContactFirstSeen:
		return fromContacts
	case from >= fromPastRequest && from <= fromPastDesk, from == fromPastAt:
		return fromHistory
	case from == fromSignalKind, from == fromSignalAt:
		return fromSignals
	case from >= fromSubjectGroups && from <= fromSubjectEnrolled:
		return from
	}
	return noSource
}
