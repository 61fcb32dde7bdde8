package specimen

import (
	"slices"
	"strconv"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// factFields is the table of all facts, in the order of policy.Facts. A default
// may rest on the facts above it, never on those below.
func factFields(f *policy.Facts) []field {
	return slices.Concat(requestFields(f), recordFields(f), circumstances(f))
}

// requestFields are who asks for what, for whom and how.
func requestFields(f *policy.Facts) []field {
	return []field{
		instant("at", &f.At, monday),
		word("action", &f.Action, identity.PasswordReset, identity.Actions),
		object("subject", &f.Subject, func(s *policy.Subject) []field { return subjectFields(f, s) }),
		object("requester", &f.Requester, func(q *policy.Requester) []field {
			return []field{text("person", &q.Person, func() identity.PersonID { return f.Subject.Person })}
		}),
		object("agent", &f.Agent, agentFields),
		object("request", &f.Request, func(q *policy.Request) []field {
			return []field{
				word("channel", &q.Channel, identity.SelfService, identity.IntakeChannels),
				optional("ticket", &q.Ticket, ""),
				optional("zone", &q.Zone, ""),
				offset("utc_offset", &q.Offset),
			}
		}),
	}
}

// recordFields are what is on record about the person.
func recordFields(f *policy.Facts) []field {
	return []field{
		list("contacts", &f.Contacts, 1, func(i int, c *policy.Contact) []field {
			return []field{
				text("id", &c.ID, fixed("c"+strconv.Itoa(i+1))),
				word("kind", &c.Kind, "email", []string{"email", "phone"}),
				moment("age", "first_seen", &c.FirstSeen, &f.At, back, 400*day),
				text("source", &c.Source, func() string { return f.Subject.Directory }),
				boolean("own", &c.Own),
				optionalMoment("sim_changed", &c.SIMChanged, &f.At, back),
			}
		}),
		list("history", &f.History, 0, func(i int, h *policy.Past) []field {
			return []field{
				text("request", &h.Request, fixed("req_"+strconv.Itoa(i+1))),
				word("action", &h.Action, identity.PasswordReset, identity.Actions),
				text("outcome", &h.Outcome, fixed("done")),
				optional("desk", &h.Desk, ""),
				required(moment("ago", "at", &h.At, &f.At, back, 0)),
			}
		}),
		list("signals", &f.Signals, 0, func(_ int, s *policy.Signal) []field {
			return []field{
				required(text("kind", &s.Kind, fixed(""))),
				required(moment("ago", "at", &s.At, &f.At, back, 0)),
			}
		}),
	}
}

// circumstances are known only when somebody reported them.
func circumstances(f *policy.Facts) []field {
	return []field{
		pointer("location", &f.Location, func(l *policy.Location) []field {
			return []field{
				optional("country", &l.Country, ""),
				optional("network", &l.Network, ""),
				text("source", &l.Source, fixed("integration")),
				moment("ago", "at", &l.At, &f.At, back, 0),
			}
		}),
		pointer("device", &f.Device, func(d *policy.Device) []field {
			return []field{
				optional("id", &d.ID, ""),
				maybe("managed", &d.Managed, nil),
				maybe("compliant", &d.Compliant, nil),
				text("source", &d.Source, fixed("integration")),
				moment("ago", "at", &d.At, &f.At, back, 0),
			}
		}),
		pointer("emergency", &f.Emergency, func(e *policy.Emergency) []field {
			return []field{
				required(text("incident", &e.Incident, fixed(""))),
				required(moment("declared", "declared", &e.Declared, &f.At, back, 0)),
				required(moment("until", "until", &e.Until, &f.At, ahead, 0)),
			}
		}),
		pointer("delegation", &f.Delegation, func(d *policy.Delegation) []field {
			return []field{
				required(text("person", &d.Person, fixed(identity.PersonID("")))),
				required(moment("since", "since", &d.Since, &f.At, back, 0)),
				required(moment("until", "until", &d.Until, &f.At, ahead, 0)),
			}
		}),
	}
}

func subjectFields(f *policy.Facts, s *policy.Subject) []field {
	no := false
	return []field{
		text("id", &s.ID, fixed(identity.AccountID("corp/1"))),
		text("person", &s.Person, fixed(identity.PersonID("p1"))),
		text("directory", &s.Directory, func() string { return s.ID.Directory() }),
		text("login", &s.Login, fixed("user1")),
		text("name", &s.Name, fixed("User 1")),
		optional("unit", &s.Unit, ""),
		optional("location", &s.Location, ""),
		texts("groups", &s.Groups),
		maybe("admin", &s.Admin, &no),
		boolean("service", &s.Service),
		word("status", &s.Status, "active", []string{"active", "disabled", "expired"}),
		boolean("locked", &s.Locked),
		optional("manager", &s.Manager, "p2"),
		optionalMoment("created", &s.Created, &f.At, back),
		optionalMoment("starts", &s.Starts, &f.At, ahead),
		words("staff", &s.Staff, nil, asTexts(identity.Roles)),
		boolean("fenced", &s.Fenced),
		words("enrolled", &s.Enrolled, []string{"email_code", "passkey", "recovery_code", "totp"}, methods()),
		boolean("on_probation", &s.OnProbation),
	}
}

func agentFields(a *policy.Agent) []field {
	return []field{
		optional("desk", &a.Desk, ""),
		{
			names: []string{"person"},
			dflt: func() {
				if a.Person = ""; a.Desk != "" {
					a.Person = "p3"
				}
			},
			read: readOptional(&a.Person),
			text: func() string { return "person: " + orNone(a.Person) },
		},
		boolean("vendor", &a.Vendor),
	}
}

func methods() []string {
	var out []string
	for _, s := range proof.Specs {
		out = append(out, string(s.Method))
	}
	return slices.Clip(out)
}

func asTexts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}
