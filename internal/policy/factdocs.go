package policy

import (
	"strings"

	"cel.dev/cel-go/common/types"
)

// FactDoc describes one fact that conditions can read.
type FactDoc struct {
	Name       string   // as conditions write it: subject.unit; history.at for a field of the list's elements
	Type       string   // text, number, bool, timestamp, list of text, list
	From       string   // where it comes from
	Missing    string   // what happens when it is missing
	Optional   bool     // it can be absent; has() asks whether it is
	Vocabulary []string // the only words it can be; nil for any
}

// What becomes of a request when a fact is missing. Nothing ever defaults to
// what would be safe to assume.
const (
	fails    = "the condition fails"
	refused  = "the request is refused"
	always   = "never missing"
	empty    = "an empty list: nothing is on record"
	isFalse  = "`false`"
	clockOff = "the condition fails: neither the desk nor the policy has a `zone`"
)

// FactDocs describes every fact that conditions can read.
func FactDocs() []FactDoc {
	out := make([]FactDoc, 0, len(factTexts))
	for _, d := range factTexts {
		object, field, _ := strings.Cut(d.name, ".")
		doc := FactDoc{Name: d.name, From: d.from, Missing: d.missing}
		if field == "" {
			for _, v := range variables {
				if v.name == object {
					doc.Type = typeWord(v.typ)
				}
			}
			doc.Vocabulary = environments{}.vocabulary("", object)
		}
		for _, f := range factsOf["countersign."+object] {
			if f.name == field {
				doc.Type, doc.Optional = typeWord(f.typ), f.optional
				doc.Vocabulary = environments{}.vocabulary("countersign."+object, field)
			}
		}
		if len(doc.Vocabulary) == 0 {
			doc.Vocabulary = nil // the policy's own names
		}
		out = append(out, doc)
	}
	return out
}

func typeWord(t *types.Type) string {
	switch t.Kind() {
	case types.BoolKind:
		return "bool"
	case types.IntKind:
		return "number"
	case types.TimestampKind:
		return "timestamp"
	case types.ListKind:
		if t.Parameters()[0].Kind() == types.StringKind {
			return "list of text"
		}
		return "list"
	}
	return "text"
}

// factTexts say of each fact where it comes from and what its absence does.
var factTexts = []struct{ name, from, missing string }{
	{"now", "the server's clock, UTC", refused},
	{"action", "the request", refused},

	{"subject.id", "the directory: its configured name, a slash and an id that survives renames", always},
	{"subject.person", "the directory; accounts of one human share it", always},
	{"subject.directory", "the directory's configured name", always},
	{"subject.login", "the directory", always},
	{"subject.name", "the directory: the name people know", always},
	{"subject.class", "`classes` of this policy; class conditions cannot read it", "`unknown`, which counts as privileged"},
	{"subject.unit", "the directory: the department", fails},
	{"subject.location", "the directory: where the person works", fails},
	{"subject.groups", "the directory, nested groups included", empty},
	{"subject.admin", "the directory's administrative rights", fails},
	{"subject.service", "the directory: no human signs in with it", isFalse},
	{"subject.status", "the directory", refused},
	{"subject.locked", "the directory", isFalse},
	{"subject.manager", "the directory: the manager's person", fails},
	{"subject.created", "the directory", fails},
	{"subject.starts", "the directory: the first day on which the owner works here", fails + "; without a first day nothing waits for it"},
	{"subject.staff", "the roster: roles that the person holds in Countersign", empty},
	{"subject.fenced", "somebody said \"this wasn't me\", and nobody has reviewed it", isFalse},
	{"subject.enrolled", "proof methods that the person has registered", empty},
	{"subject.on_probation", "the `probation` of an earlier reset has not ended", isFalse},

	{"requester.person", "who asks: a claim until it is proved", always},

	{"agent.person", "the roster: who opened the request for somebody else", fails + " (self-service)"},
	{"agent.desk", "the roster: the agent's desk, one of `desks`", fails + " (self-service)"},
	{"agent.vendor", "`desks` of this policy: the desk is a vendor's", isFalse},
	{"agent.company", "`vendors` of this policy: which vendor runs the desk", fails},

	{"request.channel", "how the request came in", refused},
	{"request.ticket", "the ticket system", fails},
	{"request.zone", "`zone` of the desk, else of the policy", fails},
	{"request.hour", "the clock in that zone: 0 to 23", clockOff},
	{"request.minute", "the clock in that zone: 0 to 59", clockOff},
	{"request.weekday", "the calendar in that zone", clockOff},

	{"location.country", "an integration: where the person seems to be; two capital letters of ISO 3166-1", fails},
	{"location.network", "an integration: its name for the network", fails},
	{"location.source", "which integration reported the location", fails},
	{"location.at", "when the reporter saw it", fails},

	{"device.id", "an integration: what the person asks from", fails},
	{"device.managed", "an integration", fails},
	{"device.compliant", "an integration", fails},
	{"device.source", "which integration reported the device", fails},
	{"device.at", "when the reporter saw it", fails},

	{"emergency.active", "the request is asked on the path of a declared emergency in force", isFalse},
	{"emergency.incident", "the declaration: the incident's number", fails},
	{"emergency.declared", "the declaration: when", fails},
	{"emergency.until", "the declaration: when it ends", fails},

	{"delegation.active", "somebody may sign in the manager's stead now", isFalse},
	{"delegation.person", "the grant: who", fails},
	{"delegation.since", "the grant: when it began", fails},
	{"delegation.until", "the grant: when it ends", fails},

	{"contacts", "registered destinations, without their addresses", empty},
	{"contacts.id", "Countersign's own name for the destination", always},
	{"contacts.kind", "the directory or the registration", always},
	{"contacts.first_seen", "when the destination first was on record", always},
	{"contacts.source", "the directory's name, or `enrolment`", always},
	{"contacts.own", "the destination is opened by the very account in question", isFalse},
	{"contacts.sim_changed", "the gateway that calls or texts the number: when its SIM last changed", fails},

	{"history", "earlier requests about the person, at all desks", empty},
	{"history.request", "the earlier request's number", always},
	{"history.action", "what was asked", always},
	{"history.outcome", "the status it ended in or stands at", always},
	{"history.desk", "the desk that opened it", fails + " (self-service)"},
	{"history.at", "when it was opened", always},

	{"signals", "facts that may raise what is demanded, and never lower it", empty},
	{"signals.kind", "whoever reported the signal", always},
	{"signals.at", "when it happened, by the reporter's word", always},
}
