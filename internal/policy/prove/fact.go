package prove

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// closedWords are the facts that can be nothing but one of these words. Others
// with a vocabulary (an account's status, an earlier request's action) are
// texts of whoever recorded them, and a request may carry any.
var closedWords = map[string][]string{
	"request.weekday": {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"},
}

// textFacts says where each text is kept. What stands in a list is reached by
// its place, from 0.
var textFacts = map[string]struct {
	optional bool
	at       func(f *policy.Facts, i int) *string
}{
	"action":             {false, func(f *policy.Facts, _ int) *string { return (*string)(&f.Action) }},
	"subject.id":         {false, func(f *policy.Facts, _ int) *string { return (*string)(&f.Subject.ID) }},
	"subject.person":     {false, func(f *policy.Facts, _ int) *string { return (*string)(&f.Subject.Person) }},
	"subject.directory":  {false, func(f *policy.Facts, _ int) *string { return &f.Subject.Directory }},
	"subject.login":      {false, func(f *policy.Facts, _ int) *string { return &f.Subject.Login }},
	"subject.name":       {false, func(f *policy.Facts, _ int) *string { return &f.Subject.Name }},
	"subject.unit":       {true, func(f *policy.Facts, _ int) *string { return &f.Subject.Unit }},
	"subject.location":   {true, func(f *policy.Facts, _ int) *string { return &f.Subject.Location }},
	"subject.status":     {false, func(f *policy.Facts, _ int) *string { return &f.Subject.Status }},
	"subject.manager":    {true, func(f *policy.Facts, _ int) *string { return (*string)(&f.Subject.Manager) }},
	"requester.person":   {false, func(f *policy.Facts, _ int) *string { return (*string)(&f.Requester.Person) }},
	"agent.person":       {true, func(f *policy.Facts, _ int) *string { return (*string)(&f.Agent.Person) }},
	"agent.desk":         {true, func(f *policy.Facts, _ int) *string { return &f.Agent.Desk }},
	"request.channel":    {false, func(f *policy.Facts, _ int) *string { return (*string)(&f.Request.Channel) }},
	"request.ticket":     {true, func(f *policy.Facts, _ int) *string { return &f.Request.Ticket }},
	"request.zone":       {true, func(f *policy.Facts, _ int) *string { return &f.Request.Zone }},
	"location.country":   {true, func(f *policy.Facts, _ int) *string { return &circumstance(&f.Location).Country }},
	"location.network":   {true, func(f *policy.Facts, _ int) *string { return &circumstance(&f.Location).Network }},
	"location.source":    {true, func(f *policy.Facts, _ int) *string { return &circumstance(&f.Location).Source }},
	"device.id":          {true, func(f *policy.Facts, _ int) *string { return &circumstance(&f.Device).ID }},
	"device.source":      {true, func(f *policy.Facts, _ int) *string { return &circumstance(&f.Device).Source }},
	"emergency.incident": {true, func(f *policy.Facts, _ int) *string { return &circumstance(&f.Emergency).Incident }},
	"delegation.person":  {true, func(f *policy.Facts, _ int) *string { return (*string)(&circumstance(&f.Delegation).Person) }},
	"contacts.id":        {false, func(f *policy.Facts, i int) *string { return &f.Contacts[i].ID }},
	"contacts.kind":      {false, func(f *policy.Facts, i int) *string { return &f.Contacts[i].Kind }},
	"contacts.source":    {false, func(f *policy.Facts, i int) *string { return &f.Contacts[i].Source }},
	"history.request":    {false, func(f *policy.Facts, i int) *string { return &f.History[i].Request }},
	"history.action":     {false, func(f *policy.Facts, i int) *string { return (*string)(&f.History[i].Action) }},
	"history.outcome":    {false, func(f *policy.Facts, i int) *string { return &f.History[i].Outcome }},
	"history.desk":       {true, func(f *policy.Facts, i int) *string { return &f.History[i].Desk }},
	"signals.kind":       {false, func(f *policy.Facts, i int) *string { return &f.Signals[i].Kind }},
	"subject.groups":     {false, func(f *policy.Facts, i int) *string { return &f.Subject.Groups[i] }},
	"subject.staff":      {false, func(f *policy.Facts, i int) *string { return &f.Subject.Staff[i] }},
	"subject.enrolled":   {false, func(f *policy.Facts, i int) *string { return &f.Subject.Enrolled[i] }},
}

// timeFacts says where each moment is kept. The zero time is an absent fact
// where the fact is optional.
var timeFacts = map[string]timeFact{
	"now":                  {false, func(f *policy.Facts, _ int) *time.Time { return &f.At }},
	"subject.created":      pointed("subject.created"),
	"subject.starts":       pointed("subject.starts"),
	"location.at":          {true, func(f *policy.Facts, _ int) *time.Time { return &circumstance(&f.Location).At }},
	"device.at":            {true, func(f *policy.Facts, _ int) *time.Time { return &circumstance(&f.Device).At }},
	"emergency.declared":   {true, func(f *policy.Facts, _ int) *time.Time { return &circumstance(&f.Emergency).Declared }},
	"emergency.until":      {true, func(f *policy.Facts, _ int) *time.Time { return &circumstance(&f.Emergency).Until }},
	"delegation.since":     {true, func(f *policy.Facts, _ int) *time.Time { return &circumstance(&f.Delegation).Since }},
	"delegation.until":     {true, func(f *policy.Facts, _ int) *time.Time { return &circumstance(&f.Delegation).Until }},
	"contacts.first_seen":  {false, func(f *policy.Facts, i int) *time.Time { return &f.Contacts[i].FirstSeen }},
	"contacts.sim_changed": pointed("contacts.sim_changed"),
	"history.at":           {false, func(f *policy.Facts, i int) *time.Time { return &f.History[i].At }},
	"signals.at":           {false, func(f *policy.Facts, i int) *time.Time { return &f.Signals[i].At }},
}

type timeFact struct {
	optional bool
	at       func(f *policy.Facts, i int) *time.Time
}

// pointers are the moments that are absent when there is no pointer to them.
var pointers = map[string]func(f *policy.Facts, i int) **time.Time{
	"subject.created":      func(f *policy.Facts, _ int) **time.Time { return &f.Subject.Created },
	"subject.starts":       func(f *policy.Facts, _ int) **time.Time { return &f.Subject.Starts },
	"contacts.sim_changed": func(f *policy.Facts, i int) **time.Time { return &f.Contacts[i].SIMChanged },
}

// pointed is such a moment. Asking where it is kept makes it one that is there,
// so ask first whether it is absent.
func pointed(path string) timeFact {
	return timeFact{true, func(f *policy.Facts, i int) *time.Time { return circumstance(pointers[path](f, i)) }}
}

// boolFacts says how each yes-or-no is read and set; nil is an absent fact.
var boolFacts = map[string]struct {
	optional bool
	get      func(f *policy.Facts, i int) *bool
	set      func(f *policy.Facts, i int, b *bool)
}{
	"subject.admin":        {true, func(f *policy.Facts, _ int) *bool { return f.Subject.Admin }, func(f *policy.Facts, _ int, b *bool) { f.Subject.Admin = b }},
	"subject.service":      plain(func(f *policy.Facts, _ int) *bool { return &f.Subject.Service }),
	"subject.locked":       plain(func(f *policy.Facts, _ int) *bool { return &f.Subject.Locked }),
	"subject.fenced":       plain(func(f *policy.Facts, _ int) *bool { return &f.Subject.Fenced }),
	"subject.on_probation": plain(func(f *policy.Facts, _ int) *bool { return &f.Subject.OnProbation }),
	"device.managed": {true, func(f *policy.Facts, _ int) *bool { return circumstance(&f.Device).Managed },
		func(f *policy.Facts, _ int, b *bool) { circumstance(&f.Device).Managed = b }},
	"device.compliant": {true, func(f *policy.Facts, _ int) *bool { return circumstance(&f.Device).Compliant },
		func(f *policy.Facts, _ int, b *bool) { circumstance(&f.Device).Compliant = b }},
	"contacts.own": plain(func(f *policy.Facts, i int) *bool { return &f.Contacts[i].Own }),
}

type boolFact = struct {
	optional bool
	get      func(f *policy.Facts, i int) *bool
	set      func(f *policy.Facts, i int, b *bool)
}

func plain(at func(f *policy.Facts, i int) *bool) boolFact {
	return boolFact{false, at, func(f *policy.Facts, i int, b *bool) { *at(f, i) = b != nil && *b }}
}

// circumstance makes what is not known at all into something of which nothing
// is known, which reads the same.
func circumstance[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

// textLists are the facts that are lists of texts.
var textLists = map[string]func(f *policy.Facts) *[]string{
	"subject.groups":   func(f *policy.Facts) *[]string { return &f.Subject.Groups },
	"subject.staff":    func(f *policy.Facts) *[]string { return &f.Subject.Staff },
	"subject.enrolled": func(f *policy.Facts) *[]string { return &f.Subject.Enrolled },
}

var objectLists = []string{"contacts", "history", "signals"}

// derived are the facts that a policy reads off others.
var derived = []string{"subject.class", "agent.vendor", "agent.company"}

// presence gives the fact whose absence is r's, and whether it can be absent.
func presence(r ref) (ref, bool) {
	switch {
	case strings.HasPrefix(r.path, "request.") && slices.Contains(clockFacts, r.path):
		return ref{path: clockFact}, true
	case r.path == clockFact || r.path == "emergency" || r.path == "delegation":
		return r, true
	}
	return r, textFacts[r.path].optional || timeFacts[r.path].optional || boolFacts[r.path].optional
}

// clockFact stands for the desk's clock, which is known when its zone is.
const clockFact = "request.utc_offset"

var clockFacts = []string{"request.hour", "request.minute", "request.weekday"}

// emptied makes a text or moment absent, or present again.
func isAbsent(f *policy.Facts, r ref) bool {
	g := *f
	switch i := r.place - 1; {
	case r.path == clockFact:
		return f.Request.Offset == nil
	case r.path == "emergency":
		return f.Emergency == nil
	case r.path == "delegation":
		return f.Delegation == nil
	case textFacts[r.path].at != nil:
		return *textFacts[r.path].at(&g, i) == ""
	case pointers[r.path] != nil:
		return *pointers[r.path](&g, i) == nil
	case timeFacts[r.path].at != nil:
		return timeFacts[r.path].at(&g, i).IsZero()
	case boolFacts[r.path].get != nil:
		return boolFacts[r.path].get(&g, i) == nil
	}
	return false
}

var actionWords = asTexts(identity.Actions)

func asTexts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}
