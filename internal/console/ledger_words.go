package console

// eventTypes are the types of entries on the ledger, in the order in which
// things happen.
var eventTypes = []string{
	"opened", "refused", "claimed", "challenged", "withheld", "answer_refused", "proved", "lapsed", "voted", "voided",
	"replanned", "wait_started", "ordered", "withdrawn", "dispatched", "received", "revealed", "followed_up",
	"notified", "cancelled", "expired", "repudiated", "reviewed", "roster_founded", "roster_proposed",
	"roster_countersigned", "enrolled", "unenrolled", "enrolment_begun", "enrolment_disowned", "token_created",
	"token_revoked", "sessions_ended", "looked_up", "missed", "observed", "part_tested",
}

// eventWords say in plain words what an entry of a type tells.
var eventWords = map[string]string{
	"opened":               "Request opened",
	"refused":              "Refused by the policy",
	"claimed":              "Somebody came forward with the case code",
	"challenged":           "Asked for a proof",
	"withheld":             "A way of proof was not offered",
	"answer_refused":       "Wrong answer",
	"proved":               "Proved",
	"lapsed":               "Proof became too old",
	"voted":                "Approval or denial signed",
	"voided":               "Signature no longer counts",
	"replanned":            "Planned again from fresh facts",
	"wait_started":         "Waiting time began",
	"ordered":              "Order given",
	"withdrawn":            "Order taken back",
	"dispatched":           "Order passed to the directory",
	"received":             "Receipt of the directory",
	"revealed":             "New secret shown to the requester",
	"followed_up":          "Follow-up carried out",
	"notified":             "Somebody was told",
	"cancelled":            "Request cancelled",
	"expired":              "Request ran out of time",
	"repudiated":           "The owner said: this wasn’t me",
	"reviewed":             "Review signed",
	"roster_founded":       "Roster founded",
	"roster_proposed":      "Change of the roster proposed",
	"roster_countersigned": "Change of the roster countersigned",
	"enrolled":             "Way of proof registered",
	"unenrolled":           "Way of proof taken away",
	"enrolment_begun":      "Registration begun",
	"enrolment_disowned":   "The owner disowned a registration",
	"token_created":        "Integration let in",
	"token_revoked":        "Integration shut out",
	"sessions_ended":       "Sessions of a member ended",
	"looked_up":            "Account looked up",
	"missed":               "Account looked for and not served",
	"observed":             "What proves nothing was offered as proof",
	"part_tested":          "Directory or channel tested",
}

// event is what an entry of this type tells; a type that nobody has written
// words for yet is spelled out as it is.
func (t *tongue) event(kind string) string {
	if said, ok := eventWords[kind]; ok {
		return t.say(said)
	}
	return plain(kind)
}
