package gate

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// factor is something on record that a method could use: a registered factor,
// or a destination. The server chooses among them; nobody can name another.
type factor struct {
	id    string
	since time.Time
	setBy string     // who put it on record, where that was not its owner
	item  store.Item // of a registered factor
	enrolment
	contact contact // of a destination
	// doubt is what speaks against it that the request itself cannot know.
	doubt *reset.Refusal
}

// Reply is an answer as it came.
type Reply struct {
	Text      string
	Assertion *passkey.Assertion
}

// asked is a challenge in the making: what was chosen, what the claimant is
// told, and what has to be kept or sent with it.
type asked struct {
	state   reset.State // as it will be with the challenge in it
	factors []factor    // those that may answer, the longest on record first
	nth     int         // of the messages within the hour, at most sendsAnHour.most; 0: it sends none
	prompt  Prompt
	besides
}

// verdict is what became of an answer.
type verdict struct {
	right bool
	given reset.Proved // what a right one consisted of
	besides
}

// way is how the gate carries one method out. Each stands in a file of its own.
type way struct {
	// find lists what is on record for the request, usable or not.
	find func(ctx context.Context, s reset.State, at time.Time) ([]factor, error)
	// several: every usable factor may answer, not only the oldest.
	several bool
	// ask prepares a challenge; nil: there is nothing to prepare.
	ask func(ctx context.Context, a *asked) error
	// check judges the claimant's answer; nil: somebody else answers.
	check func(ctx context.Context, s reset.State, c reset.Challenge, r Reply, at time.Time) (verdict, error)
}

// makeWays is the table of methods that work here. One that is missing, or
// whose means are not configured, is not open to anybody.
func (g *Gate) makeWays() map[proof.Method]way {
	ways := map[proof.Method]way{
		proof.Passkey:      {find: g.registered(proof.Passkey), several: true, ask: g.askPasskey, check: g.checkPasskey},
		proof.TOTP:         {find: g.registered(proof.TOTP), check: g.checkTOTP},
		proof.RecoveryCode: {find: g.registered(proof.RecoveryCode), check: g.checkRecovery},
		proof.InPerson:     {find: g.findNothing, ask: g.askInPerson},
		proof.Device:       {find: g.registered(proof.Device), several: true, ask: g.askDevice, check: g.checkDevice},
	}
	if g.mail != nil {
		ways[proof.EmailCode] = way{find: g.findMail, ask: g.askMail, check: g.checkCode}
		ways[proof.Vouch] = way{find: g.findVouchers, several: true, ask: g.askVouch}
		ways[proof.RecoveryContact] = way{find: g.findContacts, ask: g.askContact, check: g.checkCode}
	}
	if g.sms != nil {
		ways[proof.SMSCode] = way{find: g.findPhones(proof.SMSCode), ask: g.askSMS, check: g.checkCode}
	}
	if g.voice != nil {
		ways[proof.VoiceCode] = way{find: g.findPhones(proof.VoiceCode), ask: g.askVoice, check: g.checkCode}
		ways[proof.Callback] = way{find: g.findCallback, ask: g.askCallback}
	}
	if g.provider != nil && g.cfg.OIDC.looks() {
		ways[proof.OIDC] = way{find: g.findNothing, ask: g.askOIDC}
	}
	if len(g.proofers) > 0 {
		ways[proof.IDV] = way{find: g.findIDV, ask: g.askIDV, check: g.checkIDV}
	}
	return ways
}

// Methods lists the methods that work here, sorted.
func (g *Gate) Methods() []proof.Method { return slices.Sorted(maps.Keys(g.ways)) }

// registered lists the person's factors of a method that are not closed.
func (g *Gate) registered(m proof.Method) func(context.Context, reset.State, time.Time) ([]factor, error) {
	return func(ctx context.Context, s reset.State, at time.Time) ([]factor, error) {
		all, err := g.factors(ctx, s.Person, m, at)
		return slices.DeleteFunc(all, func(f factor) bool { return f.Misses >= maxMisses }), err
	}
}

// noFactor stands in a challenge that has nothing on record to name.
const noFactor = "none"

// findNothing is for methods that have nothing on record.
func (g *Gate) findNothing(context.Context, reset.State, time.Time) ([]factor, error) {
	return []factor{{id: noFactor}}, nil
}

// usable keeps the factors that the request may use now, the longest on record
// first, and says of the others why not.
func usable(s reset.State, m proof.Method, all []factor, at time.Time) (open []factor, withheld []reset.Withheld, why error) {
	why = errMethod
	for _, f := range all {
		err := s.Usable(m, f.id, f.since, at)
		switch {
		case f.doubt != nil && (err == nil || reset.CodeOf(err) == reset.DestinationTooNew):
			err = f.doubt
		case err == nil && f.setBy != "" && f.setBy == string(s.Agent):
			err = &reset.Refusal{Code: reset.SeparationOfDuties, Msg: "it was put on record by the agent of this request"}
		case err == nil && !f.since.IsZero() && f.young(s):
			// Where a method needs nothing on record, what is there counts no earlier for it.
			err = &reset.Refusal{Code: reset.DestinationTooNew, Msg: "it has not been on record long enough"}
		case err == nil:
			open = append(open, f)
			continue
		}
		why = err
		if code := reset.CodeOf(err); slices.Contains(withholding, code) {
			withheld = append(withheld, reset.Withheld{Method: m, Enrolment: f.id, Reason: code})
		}
	}
	slices.SortStableFunc(open, func(a, b factor) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.id, b.id)) })
	return open, withheld, why
}

// young reports whether it has not been on record for the request's cool-off.
func (f factor) young(s reset.State) bool {
	return s.OpenedAt.Sub(f.since) < time.Duration(s.Plan.CoolOff)*time.Second
}

var (
	errOwn     = &reset.Refusal{Code: reset.ChannelNotIndependent, Msg: "it is opened by the account itself"}
	errSuspect = &reset.Refusal{Code: reset.ChannelSuspect, Msg: "it cannot be told whether it still reaches its owner"}
)

// withholding are the reasons that lie in what is on record, and are noted.
var withholding = []reset.Code{reset.ChannelNotIndependent, reset.DestinationTooNew, reset.ChannelSuspect, reset.SeparationOfDuties}

// open finds what a method can use for a request; errMethod when nothing.
func (g *Gate) openWay(ctx context.Context, s reset.State, m proof.Method, at time.Time) (way, []factor, []reset.Withheld, error) {
	w, ok := g.ways[m]
	if !ok {
		return w, nil, nil, errMethod
	}
	all, err := w.find(ctx, s, at)
	if err != nil {
		return w, nil, nil, err
	}
	open, withheld, why := usable(s, m, all, at)
	if len(open) == 0 {
		return w, nil, withheld, why
	}
	if err := g.methodOpen(ctx, s, m, at); err != nil {
		return w, nil, withheld, err
	}
	if !w.several {
		open = open[:1]
	}
	return w, open, withheld, nil
}

// walkable reports whether a method could be asked of the request now.
func (g *Gate) walkable(ctx context.Context, s reset.State, m proof.Method, at time.Time) bool {
	_, _, _, err := g.openWay(ctx, s, m, at)
	return err == nil
}

// notOpen gives one answer for a method that cannot be used, whatever the
// reason: whether somebody has no such factor, a very new one, or one that was
// locked in another request, is not for whoever holds a case code.
func notOpen(s reset.State, m proof.Method, err error) error {
	code := reset.CodeOf(err)
	known := slices.ContainsFunc(s.Challenges, func(c reset.Challenge) bool { return c.Method == m })
	if code == reset.MethodNotWanted || slices.Contains(withholding, code) || code == reset.MethodLocked && !known {
		return errMethod
	}
	return err
}

var errMethod = &reset.Refusal{Code: reset.MethodNotWanted, Msg: "this method is not open for this case"}

// withhold notes, with the request, what was on record and not offered. It is
// a trace for reviewers and auditors; one that is there already stays.
func (g *Gate) withhold(ctx context.Context, s reset.State, notes []reset.Withheld) error {
	for _, n := range notes {
		if slices.Contains(s.Withheld, n) {
			continue
		}
		_, err := g.change(ctx, s.ID, system, func(s reset.State, _ time.Time) (reset.Command, besides, error) {
			return reset.Record{Event: n}, besides{}, nil
		})
		var refused *reset.Refusal
		if err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return nil
}
