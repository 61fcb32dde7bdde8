package console

import (
	"time"

	"countersign/internal/gate"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// oddity is one unusual thing, in plain words.
type oddity struct {
	Text message
	At   *time.Time
}

// oddWords says what is unusual; %s is what it names more closely.
var oddWords = map[gate.OddityKind]string{
	gate.OddSignal:     "Reported about this person: %s.",
	gate.OddClass:      "The account can do much harm: it is %s.",
	gate.OddState:      "The account is not simply active: it is %s.",
	gate.OddContact:    "A destination on record is new: %s.",
	gate.OddSIM:        "The SIM of a telephone number on record changed lately.",
	gate.OddGuesses:    "Wrong answers in this request: %d.",
	gate.OddWithheld:   "A way on record was not offered: %s.",
	gate.OddRestricted: "Proved over the telephone network, which can be intercepted: %s.",
	gate.OddRepeated:   "Earlier requests about this person within a week: %d.",
	gate.OddRefused:    "An earlier request within a month ended badly: %s.",
	gate.OddVendor:     "A vendor’s desk opened it.",
	gate.OddHour:       "It was opened at night or at a weekend, by the clock of the desk.",
	gate.OddDevice:     "The person works with a device that is not managed or not in order.",
	gate.OddNoTicket:   "It came without a ticket.",
}

// signalWords are those that Countersign notes itself; an integration's are
// spelled out as they are.
var signalWords = map[string]string{
	gate.SignalDisclaimed: "who was asked to vouch said that it is not them",
	gate.SignalNotProof:   "something that proves nothing was offered as proof",
	gate.SignalLocked:     "a way was closed after wrong answers",
	gate.SignalReported:   "a caller who claimed to be the desk",
	gate.SignalDisowned:   "a factor that its owner says they did not register",
	gate.SignalFlood:      "too many requests or challenges",
}

func odd(list []gate.Oddity) []oddity {
	out := make([]oddity, 0, len(list))
	for _, o := range list {
		out = append(out, oddity{oddText(o), o.At})
	}
	return out
}

func oddText(o gate.Oddity) message {
	words, ok := oddWords[o.Kind]
	switch {
	case !ok:
		return msg(plain(string(o.Kind)))
	case o.Count > 0:
		return msg(words, o.Count)
	case o.What == "":
		return msg(words)
	}
	return msg(words, oddWhat(o))
}

func oddWhat(o gate.Oddity) message {
	switch o.Kind {
	case gate.OddSignal:
		return msg(say(signalWords, o.What))
	case gate.OddWithheld, gate.OddRestricted:
		return msg(say(methodWords, proof.Method(o.What)))
	case gate.OddRefused:
		return msg(say(statusWords, reset.Status(o.What)))
	}
	return msg(plain(o.What))
}
