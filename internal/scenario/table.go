package scenario

import (
	"fmt"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/identity"
)

const (
	effectsPattern = "expect effects N"
	repeatPattern  = "repeat N times"
)

// forms are all sentences of the language. docs/scenarios.md is made of them.
var forms = []form{
	{pattern: "account NEW", given: true, declares: "account", do: givenAccount,
		about: "an account of the directory and its owner, who knows its password"},
	{pattern: "ACCOUNT is managed by OTHER", given: true, do: givenManager, about: "who the manager of record is"},
	{pattern: "ACCOUNT is in TEXT", given: true, do: givenGroup, about: "a group of the directory"},
	{pattern: "ACCOUNT works in TEXT", given: true, do: givenUnit, about: "a department"},
	{pattern: "ACCOUNT is locked out", given: true, do: givenLocked, about: "after five mistyped passwords"},
	{pattern: "ACCOUNT has a mailbox ADDRESS for SPAN", given: true, do: contactOf(directory.ContactEmail, false),
		about: "an address on record, for so long"},
	{pattern: "ACCOUNT has the company mailbox ADDRESS for SPAN", given: true, do: contactOf(directory.ContactEmail, true),
		about: "one that the account itself opens"},
	{pattern: "ACCOUNT has a telephone TELEPHONE for SPAN", given: true, do: contactOf(directory.ContactPhone, false),
		about: "a number on record, for so long"},
	{pattern: "ACCOUNT has an app for SPAN", given: true, do: givenFactor("totp"), about: "an authenticator app (totp)"},
	{pattern: "ACCOUNT has a recovery code for SPAN", given: true, do: givenFactor("recovery_code"), about: "printed, in a drawer"},
	{pattern: "ACCOUNT has a passkey for SPAN", given: true, do: givenPasskey, about: "of their own, registered in a first enrolment"},
	{pattern: "ACCOUNT has a managed device for SPAN", given: true, do: givenFactor("device"), about: "whose key the device management registered"},
	{pattern: "ACCOUNT is known to the proofing provider for SPAN", given: true, do: givenFactor("idv"), about: "by its id for them"},
	{pattern: "ACCOUNT trusts ADDRESS for SPAN", given: true, do: givenTrusted, about: "as a recovery contact; needs a passkey first"},
	{pattern: "ACCOUNT may be vouched for by OTHER for SPAN", given: true, do: givenColleague, about: "a colleague; needs a passkey first"},
	{pattern: "ACCOUNT starts in SPAN", given: true, do: givenStart(1), about: "the owner's first day is still to come"},
	{pattern: "ACCOUNT started SPAN ago", given: true, do: givenStart(-1), about: "the owner's first day"},
	{pattern: "agent NEW at DESK", given: true, declares: "staff", do: givenStaff(identity.Agent), about: "somebody who works at a desk"},
	{pattern: "manager NEW", given: true, declares: "staff", do: givenStaff(identity.Manager), about: "a manager who may sign; somebody with an account has to be declared first"},
	{pattern: "security NEW", given: true, declares: "staff", do: givenStaff(identity.Security, identity.Reviewer), about: "a security duty officer"},
	{pattern: "proofing NEW", given: true, declares: "staff", do: givenStaff(identity.Proofing), about: "an authorised proofing officer"},
	{pattern: "stranger NEW", given: true, declares: "stranger", do: givenStranger, about: "somebody from outside, with nothing"},
	{pattern: "system NEW", given: true, declares: "system", do: givenSystem, about: "an integration with an API token"},

	{pattern: "STAFF opens ACTION for LOGIN by CHANNEL [as NEW]", refusable: true, declares: "request", do: opens,
		about: "an agent opens a request; what follows is about it"},
	{pattern: "SYSTEM asks for ACTION for LOGIN by CHANNEL [as NEW]", refusable: true, declares: "request", do: systemOpens,
		about: "an integration does"},
	{pattern: "STAFF cancels [REQUEST]", refusable: true, do: cancels, about: "the desk ends a request"},
	{pattern: "STAFF approves [REQUEST]", refusable: true, proof: true, do: signs("approval"), about: "reads the statement and signs it"},
	{pattern: "STAFF denies [REQUEST]", refusable: true, do: signs("denial"), about: "signs a denial"},
	{pattern: "STAFF finds suspicious [REQUEST]", refusable: true, do: signs("review-suspicious"), about: "signs a review"},
	{pattern: "STAFF finds in order [REQUEST]", refusable: true, do: signs("review-in-order"), about: "signs a review"},
	{pattern: "STAFF wants to see the secret", refusable: true, do: staffWantsSecret, about: "as staff"},
	{pattern: "SYSTEM reports KIND about ACCOUNT", refusable: true, do: reports, about: "an integration reports a signal of now"},
	{pattern: "SYSTEM reports KIND about ACCOUNT from SPAN ago", refusable: true, do: reports, about: "the same, of earlier"},

	{pattern: "WHO claims [REQUEST]", refusable: true, do: claims, about: "comes forward with the case code"},
	{pattern: "WHO asks METHOD [in REQUEST]", refusable: true, do: asks, about: "asks to be challenged"},
	{pattern: "WHO answers right [in REQUEST]", refusable: true, do: answering(owned), about: "with what they have themselves"},
	{pattern: "WHO answers wrong [in REQUEST]", refusable: true, do: answering(guessed), about: "with a guess of the right form"},
	{pattern: "WHO answers TEXT [in REQUEST]", refusable: true, do: answering(literal), about: "with just this"},
	{pattern: "WHO answers the same again [in REQUEST]", refusable: true, do: answering(sameAgain), about: "as the last time"},
	{pattern: "WHO answers with what OTHER has", refusable: true, do: answering(handedOver), about: "OTHER reads it out, or had it stolen"},
	{pattern: "WHO answers with the first code of OTHER", refusable: true, do: answering(firstCode), about: "not with the newest"},
	{pattern: "WHO answers with the code of OTHER for REQUEST", refusable: true, do: answering(codeOfAnother), about: "one that was sent for another request"},
	{pattern: "WHO answers as OTHER did in REQUEST", refusable: true, do: answering(asTheyDid), about: "with what proved OTHER in another request"},
	{pattern: "WHO answers the challenge of OTHER", refusable: true, do: theirChallenge, about: "rightly, from a session of their own"},
	{pattern: "WHO proves METHOD [in REQUEST]", refusable: true, proof: true, do: proves, about: "asks, and answers right"},
	{pattern: "WHO asks by self-service for ACTION for LOGIN", refusable: true, do: selfServes, about: "anybody may; what comes of it is told to the owner alone"},
	{pattern: "WHO checks the desk", refusable: true, do: checksDesk, about: "by the case code that the caller gave them"},
	{pattern: "WHO reports the caller", refusable: true, do: reportsCaller, about: "who said that they were the desk"},
	{pattern: "STAFF observes KIND", refusable: true, do: observes, about: "offers as proof what is none: knowledge, a voice"},
	{pattern: "STAFF types the code that OTHER heard", refusable: true, proof: true, do: callsBack, about: "in a call that the server placed"},
	{pattern: "STAFF attests OTHER with DOCUMENT", refusable: true, proof: true, do: attests, about: "has seen them and this document, types the code on their screen, and signs"},
	{pattern: "WHO vouches for OTHER", refusable: true, proof: true, do: vouches, about: "by the link that came, with the code that OTHER tells them"},
	{pattern: "WHO vouches for OTHER with the code TEXT", refusable: true, do: vouches, about: "without having spoken to them"},
	{pattern: "WHO says that it is not OTHER", refusable: true, do: declines, about: "by the same link"},
	{pattern: "WHO goes on to register a passkey", refusable: true, proof: true, do: goesOn, about: "after a first enrolment"},
	{pattern: "WHO registers another passkey", refusable: true, do: registersPasskey, about: "in a session of their own"},
	{pattern: "WHO removes the lost passkey", refusable: true, do: removesLost, about: "signed in with the other"},
	{pattern: "ACCOUNT signs in with the lost passkey", refusable: true, do: usesLost, about: "to the security of the account"},
	{pattern: "WHO registers the contact ADDRESS", refusable: true, do: registersContact, about: "a recovery contact, in a session of their own"},
	{pattern: "WHO registers the mailbox ADDRESS", refusable: true, do: registersAddress("email_code", directory.ContactEmail), about: "of their own, in a session of their own"},
	{pattern: "WHO registers the telephone TELEPHONE", refusable: true, do: registersAddress("sms_code", directory.ContactPhone), about: "of their own, in a session of their own"},
	{pattern: "WHO stays signed in", refusable: true, do: staysSignedIn, about: "to the security of their account: the session is used for what follows"},
	{pattern: "WHO registers OTHER to vouch", refusable: true, do: registersColleague, about: "in a session of their own"},
	{pattern: "WHO withdraws [REQUEST]", refusable: true, do: withdraws, about: "ends their own request"},
	{pattern: "WHO sees the secret [of REQUEST]", refusable: true, do: takesSecret, about: "the new one, shown once"},
	{pattern: "WHO disowns [REQUEST]", refusable: true, do: disowns, about: "“this wasn't me”, by the newest link that came"},
	{pattern: "WHO calls VERB PATH", refusable: true, do: callsWith, about: "without the client: <request>, <case> and <challenge> stand for ids"},
	{pattern: "WHO calls VERB PATH with JSON", refusable: true, do: callsWith, about: "the same, with a body"},
	{pattern: "ACCOUNT signs in", refusable: true, do: signsIn(false), about: "to the directory itself (bad_credential when it refuses)"},
	{pattern: "ACCOUNT signs in with the old password", refusable: true, do: signsIn(true), about: "the one before the last that was seen"},

	{pattern: "SPAN passes", do: passes, about: "on the server's clock; every line takes ten seconds besides"},
	{pattern: "SPAN pass", do: passes, about: "the same"},
	{pattern: "WHO is on a page of TEXT", do: misled, about: "another site's, which makes their browser call the server from then on"},
	{pattern: "WHO names the host TEXT", do: forgesHost, about: "to the server, in all that they send from then on"},
	{pattern: "the directory goes down", do: directoryDown, about: "it cannot be read, and nobody can say who has an account"},
	{pattern: "the directory comes back", do: directoryBack, about: "as it was"},
	{pattern: "ACCOUNT is disabled", do: disabled, about: "in the directory"},
	{pattern: "group TEXT joins INTO", do: joins, about: "every member of the one is now in the other"},
	{pattern: "the SIM of ACCOUNT was changed SPAN ago", do: simChanged, about: "as the telephone provider tells"},
	{pattern: "the clock goes back SPAN", do: back, about: "the server's; it must not be fooled"},
	{pattern: "ACCOUNT gets a mailbox ADDRESS", do: newMailbox, about: "somebody puts a new address on record"},
	{pattern: repeatPattern, do: func(*play, args) error { return nil }, about: "the indented lines below"},

	{pattern: "expect state STATE [of REQUEST]", do: expectState, about: "where the request stands when the server has done its work"},
	{pattern: "expect tier TIER [of REQUEST]", do: expectTier, about: "what the server made of it"},
	{pattern: "expect signatures N ROLE [of REQUEST]", do: expectSignatures, about: "that the plan asks for"},
	{pattern: "expect path PATH for WHO", do: expectPath, about: "methods joined by +, as the person is shown them"},
	{pattern: "expect no path for WHO", do: expectNoPath, about: "the documented escalation is all that is left"},
	{pattern: "expect no path with METHOD for WHO", do: expectNoPath, about: "of the open ones"},
	{pattern: "expect a letter to ADDRESS saying TEXT", do: expectLetter, about: "about the request"},
	{pattern: "expect no letter to ADDRESS saying TEXT", do: expectNoLetter, about: "about the request"},
	{pattern: "expect the last N answers to WHO to be alike", do: expectAlike, about: "in status, kind and text"},
	{pattern: "expect a message to ADDRESS saying TEXT", do: expectMessage, about: "about whatever"},
	{pattern: "expect no message to ADDRESS saying TEXT", do: expectNoMessage, about: "about whatever"},
	{pattern: effectsPattern, do: expectEffects, about: "how often something that opens an account was changed"},
}

// Table is the language as docs/scenarios.md shows it.
func Table() string {
	var b strings.Builder
	b.WriteString("| sentence | means |\n|---|---|\n")
	for _, f := range forms {
		mark := ""
		if f.proof {
			mark = " May bear a star."
		}
		fmt.Fprintf(&b, "| `%s` | %s.%s |\n", f.pattern, f.about, mark)
	}
	return b.String()
}
