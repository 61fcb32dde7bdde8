package policy

import "countersign/internal/policy/expr"

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
	fromSubjectStarts
	fromContactFirstSeen
	fromContactSIMChanged
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
	"subject.starts":       {fromSubjectStarts, expr.Time, true},
	"contacts.first_seen":  {fromContactFirstSeen, expr.Time, false},
	"contacts.sim_changed": {fromContactSIMChanged, expr.Time, true},
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
	case from >= fromContactID && from <= fromContactSource, from == fromContactOwn,
		from == fromContactFirstSeen, from == fromContactSIMChanged:
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
