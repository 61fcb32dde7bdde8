package console

import "slices"

// eventType is a type of entry on the ledger, in plain words.
type eventType struct{ Type, Words string }

// eventTypes are in the order in which things happen.
var eventTypes = []eventType{
	{"opened", "Request opened"},
	{"refused", "Refused by the policy"},
	{"claimed", "Somebody came forward with the case code"},
	{"challenged", "Asked for a proof"},
	{"withheld", "A way of proof was not offered"},
	{"answer_refused", "Wrong answer"},
	{"proved", "Proved"},
	{"lapsed", "Proof became too old"},
	{"voted", "Approval or denial signed"},
	{"voided", "Signature no longer counts"},
	{"replanned", "Planned again from fresh facts"},
	{"wait_started", "Waiting time began"},
	{"ordered", "Order given"},
	{"withdrawn", "Order taken back"},
	{"dispatched", "Order passed to the directory"},
	{"received", "Receipt of the directory"},
	{"revealed", "New secret shown to the requester"},
	{"followed_up", "Follow-up carried out"},
	{"notified", "Somebody was told"},
	{"cancelled", "Request cancelled"},
	{"expired", "Request ran out of time"},
	{"repudiated", "The owner said: this wasn’t me"},
	{"reviewed", "Review signed"},
	{"roster_founded", "Roster founded"},
	{"roster_proposed", "Change of the roster proposed"},
	{"roster_countersigned", "Change of the roster countersigned"},
	{"enrolled", "Way of proof registered"},
	{"unenrolled", "Way of proof taken away"},
	{"enrolment_begun", "Registration begun"},
	{"enrolment_disowned", "The owner disowned a registration"},
	{"token_created", "Integration let in"},
	{"token_revoked", "Integration shut out"},
	{"sessions_ended", "Sessions of a member ended"},
	{"looked_up", "Account looked up"},
	{"missed", "Account looked for and not served"},
	{"observed", "What proves nothing was offered as proof"},
	{"part_tested", "Directory or channel tested"},
}

// event says in plain words what type of entry it is; one that nobody has
// written yet is spelled out as it is.
func event(t string) string {
	if i := slices.IndexFunc(eventTypes, func(e eventType) bool { return e.Type == t }); i >= 0 {
		return eventTypes[i].Words
	}
	return plain(t)
}
