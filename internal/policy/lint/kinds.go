package lint

// Kind describes all findings of one code.
type Kind struct {
	Code     string
	Severity Severity
	Section  string // the norm's section, or Countersign's own default; "" where none rules
	Means    string
	Way      string // what to do
}

// ours stands where no norm says a number and Countersign has its own.
const ours = "Countersign's default"

// Codes that are used by name in more than one place.
const (
	doesNotLoad     = "does-not-load"
	acceptedNothing = "accepted-nothing"
	unknownZone     = "unknown-zone"
)

// Kinds lists every kind of finding, by what it is about.
func Kinds() []Kind {
	var all []Kind
	for _, t := range [][]Kind{loadKinds, wordingKinds, reachKinds, proofKinds, floorKinds, siteKinds} {
		all = append(all, t...)
	}
	return all
}

// Codes lists the code of every kind.
func Codes() []string {
	var codes []string
	for _, k := range Kinds() {
		codes = append(codes, k.Code)
	}
	return codes
}

// kindOf finds a kind. A code without one is a fault of this package, which
// the tests would show; it counts as an error then.
func kindOf(code string) Kind {
	for _, k := range Kinds() {
		if k.Code == code {
			return k
		}
	}
	return Kind{Code: code, Severity: Error}
}

var loadKinds = []Kind{
	{doesNotLoad, Error, "", "The text is not a policy: a slip of the pen, a wrong type, an unknown name.", "mend the text where the message points"},
	{"risk-analysis-missing", Error, "SP 800-63B-4 §4.2.1", "No risk analysis is named. A helpdesk is a recovery method of one's own, which wants one, documented.",
		"write down why these proofs are enough for these accounts, and name that document in `risk_analysis`"},
	{"knowledge-proof", Error, "SP 800-63A-4 §2.5.1", "A formula asks for something that people know about a person. Attackers know it too.",
		"ask for a method that shows possession or presence; put what the caller knows on no list at all"},
	{"voice-proof", Error, "SP 800-63B-4 §3.2.3", "A formula asks to recognise somebody by their voice. Voices are cloned.",
		"ask for a code sent to a registered number, a passkey, or presence"},
	{unknownZone, Error, "", "A time zone is spelt like one but does not exist on this machine, so the desk's clock would be absent and conditions that read it would refuse.",
		"write the IANA name, such as Europe/Berlin"},
}

var wordingKinds = []Kind{
	{"risk-analysis-placeholder", Warning, "SP 800-63B-4 §4.2.1", "`risk_analysis` still says what an example said.",
		"write the analysis, and name it here"},
	{"no-escalation", Note, "", "No `escalation` says what to do when no path remains or a request is refused. Whoever is stuck then improvises, and so does whoever helps them.",
		"write in one line where people in that case turn to, and have that way documented"},
	{"short-cool-off", Warning, ours, "An address or a factor counts as proof sooner than 72 hours after it came on record, so that whoever changed it gains by it soon.",
		"set the policy's `cool_off` to 3d or more"},
	{"long-expiry", Warning, ours, "A request may live longer than 24 hours, and with it everything that was proved and signed for it.",
		"set the policy's `expires` to 24h or less"},
	{"unused-name", Note, "", "A list, a named condition or a vendor is used nowhere. It may be the rest of a rule that somebody took out.",
		"take it out, or use it"},
	{"cannot-tell", Warning, "", "A condition says something that cannot be reasoned about, so that some faults would not be found.",
		"say it more simply, or prove by cases in `policy test` that it does what it should"},
	{acceptedNothing, Warning, "", "An entry of `accepted` accepts a finding that is not there, and would hide one that comes later.",
		"take the entry out"},
	{"class-reads-absent-fact", Warning, "", "A class condition reads a fact that can be absent. The account is then `unknown`, and unknown counts as privileged.",
		"ask `has(…)` first, or accept the finding and say that unknown is what you want then"},
	{"condition-reads-absent-fact", Note, "", "The condition of a rule or a desk reads a fact that can be absent. The request is then refused, and the refusal counts as a fault of the policy.",
		"ask `has(…)` first and say by another rule what happens without the fact"},
}

var reachKinds = []Kind{
	{"class-never", Warning, "", "No account can ever be of this class by this entry: an earlier entry takes them all, or the condition contradicts itself.",
		"move the entry up, or mend its condition"},
	{"no-standard-class", Warning, "", "No entry of `classes` says `standard`, so every account that no entry describes is unknown and counts as privileged.",
		"end `classes` with standard, if there are ordinary accounts"},
	{"rule-never", Warning, "", "No request whatever makes this rule apply: its condition contradicts itself, or asks for a class or desk that there never is.",
		"mend the condition, or take the rule out"},
	{"rule-adds-nothing", Note, "", "Whenever this rule applies, others already demand as much or refuse.",
		"take the rule out, or see whether its condition says what was meant"},
	{"action-refused", Note, "", "Every request for this action is refused, and no rule with `deny` says why.",
		"demand proofs for it, or refuse it by a rule with `deny` and a reason, which helps those who ask"},
	{"class-refused", Warning, "SP 800-63B-4 §4.2", "Every request about an account of this class is refused: who loses a credential there has no way back.",
		"leave one path open, such as in_person with two approvals, or accept the finding and say how they recover"},
	{"desk-never", Warning, "", "An agent of this desk can open no request at all: reach, cap and rules leave nothing.",
		"widen `reach`, raise `tier_cap`, or take the desk out"},
	{"desk-capped-out", Warning, "", "The desk reaches accounts, but every request about them is above its `tier_cap` or its vendor's.",
		"raise the cap, or take the desk out"},
	{"vendor-reaches-privileged", Error, "SP 800-53 AC-6", "An agent of a vendor can open a request about a privileged, unknown or break-glass account.",
		"bound the vendor's `reach` to classes it should serve, and give it a `tier_cap`"},
	{"vendor-without-cap", Warning, "CSF 2.0 GV.SC", "A vendor's desk has no `tier_cap`, neither its own nor its vendor's.",
		"give the vendor or the desk a `tier_cap`"},
}

var proofKinds = []Kind{
	{"single-weak-proof", Error, "SP 800-63B-4 §4.2.2.2", "For an account that is sensitive or more, one proof that phishing can take is enough.",
		"ask for two different ones, or for in_person, idv or passkey"},
	{"single-proof-high-tier", Warning, "SP 800-63B-4 §4.2.2.2", "At tier high or critical, one proof that phishing can take is enough for an ordinary account.",
		"ask for two different ones, or for in_person, idv or passkey"},
	{"recovery-combination", Warning, "SP 800-63B-4 §4.2.2.2", "For an account that is sensitive or more, a combination is enough that is none of: two codes by different methods, a code and an authenticator, repeated proofing.",
		"add recovery_code or recovery_contact to the alternative"},
	{"critical-evidence", Warning, ours, "For a privileged, service, break-glass or unknown account, proofs are enough that phishing can take, all of them.",
		"have each alternative contain in_person, passkey, vouch or device"},
	{"mail-or-phone-high-tier", Error, "SP 800-63B-4 §3.1.3.1", "A formula at tier high or critical offers a code by mail or phone alone. It counts for nothing there.",
		"take the alternative out"},
	{"proof-never-counts", Warning, "", "An alternative needs a method that counts for nothing at the tier that this rule always has.",
		"take the alternative out, or use a method that counts at that tier"},
	{"proof-spoiled", Warning, "ASVS 5.0 6.4.4", "An alternative needs the very thing that the rule's actions replace, so it counts for nothing.",
		"take the alternative out for these actions"},
	{"proofs-never-enough", Error, "", "No alternative of the formula can count in any request that the rule applies to, so it refuses them all.",
		"use methods that count for these actions and at this tier, or write `deny` with a reason"},
	{"no-unrestricted-proof", Error, "SP 800-63B-4 §3.2.9", "The only proofs offered travel by telephone, which is restricted: an alternative that is not has to be offered.",
		"add an alternative without sms_code, voice_code and callback"},
	{"callback-alone", Warning, "SP 800-63B-4 §3.1.3", "A call to the registered number alone is enough. Numbers are forwarded and taken over.",
		"ask for a second proof beside callback"},
	{"same-channel", Warning, "SP 800-63B-4 §4.2.2.2", "The proofs of an alternative all travel over one channel, so that whoever has that has all of them.",
		"replace one by a method that travels another way"},
	{"unequal-alternatives", Note, "SP 800-63A-4 §2", "A formula takes one weak proof alone, and beside it several together. Attackers choose the weakest.",
		"make the weakest stronger, or accept the finding and say why it is comparable"},
	{"mfa-reset-weaker", Error, "ASVS 5.0 6.4.3, 6.4.4", "A new second factor takes less proof than a new password for the same account.",
		"demand at least the proofs of password_reset for mfa_reset"},
	{"circumstance-lowers-proof", Error, "SP 800-63B-4 §2", "What is known of signals, history, place, device or emergency makes a weaker proof enough. It may only raise what is asked.",
		"demand the weaker formula of nobody, or the stronger one of all"},
}

var floorKinds = []Kind{
	{"privileged-approvals", Error, "SP 800-53 AC-3(2), AC-5", "A privileged, break-glass or unknown account is reset with fewer than two approvers.",
		"demand two approvals by different roles, or two of one, for these classes"},
	{"privileged-without-security", Warning, ours, "A privileged, break-glass or unknown account is reset without an approver of security.",
		"add {role: security, count: 1} for these classes"},
	{"manager-count", Error, "", "More than one manager is asked to sign. Only the manager of record can, or who stands in.",
		"ask for one manager and for others by another role"},
	{"manager-may-be-absent", Note, "", "A manager has to sign for an account that may have none on record; the request would wait until it expires.",
		"refuse where !has(subject.manager), or demand another role's approval there"},
	{"no-review", Warning, "SP 800-53 AU-6", "A request at tier high or critical is never looked at afterwards.",
		"demand `review` for what reaches these tiers"},
	{"no-probation", Warning, ours, "After a reset at tier high that puts something new into their hands, the person can at once act for others; 24 hours of probation are usual, 72 after tier critical.",
		"demand `probation` of 24h at tier high and 3d at tier critical"},
	{"sessions-survive", Warning, "ASVS 5.0 7.4.3", "A password or second factor is replaced and whoever is signed in stays so.",
		"demand follow_up [revoke_sessions]"},
	{"no-time-to-veto", Note, "SP 800-63B-4 §4.6", "At tier high or critical, a second factor or a recovery address is replaced without a wait in which its owner could object.",
		"demand a `wait`, such as 1h"},
	{"nobody-else-hears", Warning, "SP 800-63B-4 §4.6", "The reset of a critical account is told to nobody but its owner.",
		"demand notify [manager, security]"},
	{"no-signal-rule", Note, "SP 800-63A-4 §3.2.1", "No rule reacts to signals, so what integrations report changes nothing.",
		"demand more when `signals` are recent"},
	{"no-history-rule", Note, "SP 800-63A-4 §3.2.1", "No rule looks at earlier requests, so going from desk to desk costs nothing.",
		"demand more when `history` shows a refusal or several requests in a day"},
}

var siteKinds = []Kind{
	{"method-not-enabled", Warning, "", "An alternative needs a method that this site does not offer.",
		"set the method up, or take the alternative out"},
	{"proofs-not-enabled", Error, "", "Every alternative of the formula needs a method that this site does not offer: whom the rule applies to can never prove who they are.",
		"set up what one alternative needs, or write `deny` with a reason"},
	{"too-few-approvers", Error, "", "More approvers are asked for than this site's roster has in that role.",
		"put more people on the roster, or ask for fewer"},
	{"delivery-not-offered", Error, "", "The rule allows only ways of delivery that this site does not offer.",
		"allow `session`, or set another way up"},
	{"follow-up-not-able", Warning, "", "A follow-up is demanded that no directory of this site can carry out.",
		"connect what can, or plan by hand what to do instead"},
	{"needs", Note, "", "What the policy counts on. Whether a site has it is checked with its configuration.",
		"name the configuration to have it checked"},
}
