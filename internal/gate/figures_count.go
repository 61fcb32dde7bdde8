package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// Figures are never made by looking through requests: what an event counts for
// is added up in the transaction that records it. What it counts for depends
// on the ledger's open part alone, never on facts, which may be erased.

// countRules names the rules below. Whoever changes what is counted changes it
// too: then the ledger is counted again when it is next opened.
const countRules = "1"

// The figures that are counted, each with its labels.
const (
	countOpened       = "opened"         // none
	countOpenedBy     = "opened."        // action, class, tier, channel or desk: its word
	countEnded        = "ended"          // outcome
	countEndedBy      = "ended."         // action, class or tier: outcome, word
	countRefused      = "refused"        // rule, bar or hands; and which
	countRecovered    = "recovered"      // class, path, seconds that it took at most
	countFriction     = "friction"       // tier; requests, proofs, approvals or wait_seconds
	countExceptions   = "exception.desk" // kind, desk
	countExceptionsOf = "exception.agent"
	countExceptionsAt = "exception.hour" // 00 to 23, UTC
)

// Exceptions are what those who oversee look at, by their words.
var Exceptions = []string{"wrong_answer", "not_found", "no_proof", "barred", "repudiated", "reported", "expired_proved", "suspicious"}

// recoverBounds divide how long it took from opening to done: 60 in a count
// says that it took a minute at most, and more than the bound before.
var recoverBounds = func() (all []int64) {
	for _, d := range []time.Duration{
		time.Minute, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute, 7 * time.Minute, 10 * time.Minute, 15 * time.Minute,
		20 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour, 90 * time.Minute, 2 * time.Hour, 3 * time.Hour,
		4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour,
	} {
		all = append(all, int64(d/time.Second))
	}
	return all
}()

// longer is the bound of what took longer than any.
const longer = "longer"

func within(took time.Duration) string {
	for _, bound := range recoverBounds {
		if took <= time.Duration(bound)*time.Second {
			return strconv.FormatInt(bound, 10)
		}
	}
	return longer
}

// Path names the set of methods that a requester proved themselves by, as in
// "passkey+recovery_code"; "" is none.
func pathOf(s reset.State) string {
	var methods []string
	for _, p := range s.Proofs {
		methods = append(methods, string(p.Method))
	}
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), "+")
}

// counter collects what happens at one moment.
type counter struct {
	at  time.Time
	out []store.Count
}

func (c *counter) add(n int64, figure string, labels ...string) {
	c.out = append(c.out, store.Count{Figure: figure, Labels: labels, Day: store.DayOf(c.at), N: n})
}

func (c *counter) exception(kind, desk string, agent identity.PersonID) {
	c.add(1, countExceptions, kind, desk)
	c.add(1, countExceptionsAt, c.at.UTC().Format("15"))
	if agent != "" {
		c.add(1, countExceptionsOf, kind, string(agent))
	}
}

// countEvents is what a request's events count for.
func countEvents(before reset.State, events []reset.Event, at time.Time) ([]store.Count, error) {
	c := counter{at: at}
	for _, e := range events {
		after, err := reset.Evolve(before, e, at)
		if err != nil {
			return nil, err
		}
		c.event(before, e, after)
		before = after
	}
	return c.out, nil
}

func (c *counter) event(before reset.State, e reset.Event, after reset.State) {
	if end := endOf(after); end != "" && endOf(before) == "" {
		c.ended(end, after)
	}
	switch e := e.(type) {
	case reset.Opened:
		c.opened(after)
	case reset.Refused:
		for _, rule := range rulesOf(after) {
			c.add(1, countRefused, "rule", rule)
		}
	case reset.Withdrawn:
		c.add(1, countRefused, "hands", "")
	case reset.AnswerRefused:
		c.exception("wrong_answer", after.Desk, after.Agent)
	case reset.Repudiated:
		c.exception("repudiated", after.Desk, after.Agent)
	case reset.Cancelled:
		if e.By == "reported" {
			c.exception("reported", after.Desk, after.Agent)
		}
	case reset.Expired:
		if len(after.Proofs) > 0 {
			c.exception("expired_proved", after.Desk, after.Agent)
		}
	case reset.Reviewed:
		if e.Verdict == "suspicious" {
			c.exception("suspicious", after.Desk, after.Agent)
		}
	}
}

func (c *counter) opened(s reset.State) {
	c.add(1, countOpened)
	for by, word := range map[string]string{
		"action": string(s.Action), "class": string(s.Plan.Class), "tier": string(s.Plan.Tier), "channel": string(s.Channel), "desk": s.Desk,
	} {
		c.add(1, countOpenedBy+by, word)
	}
}

func (c *counter) ended(end reset.Status, s reset.State) {
	c.add(1, countEnded, string(end))
	c.add(1, countEndedBy+"action", string(end), string(s.Action))
	c.add(1, countEndedBy+"class", string(end), string(s.Plan.Class))
	c.add(1, countEndedBy+"tier", string(end), string(s.Plan.Tier))
	if end != reset.Done {
		return
	}
	c.add(1, countRecovered, string(s.Plan.Class), pathOf(s), within(c.at.Sub(s.OpenedAt)))
	tier := string(s.Plan.Tier)
	c.add(1, countFriction, tier, "requests")
	c.add(int64(len(s.Proofs)), countFriction, tier, "proofs")
	c.add(signersOf(s), countFriction, tier, "approvals")
	if s.WaitFrom != nil {
		c.add(s.Plan.Wait, countFriction, tier, "wait_seconds")
	}
}

// endOf is how a request has ended; "" while it has not.
func endOf(s reset.State) reset.Status {
	if s.End == "" && s.Receipt == nil {
		return ""
	}
	if status := s.Status(); !slices.Contains(reset.OpenStatuses, status) {
		return status
	}
	return ""
}

func rulesOf(s reset.State) []string {
	var rules []string
	for _, d := range s.Why {
		rules = append(rules, d.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

func signersOf(s reset.State) int64 {
	var all []identity.PersonID
	for _, v := range s.Votes {
		if !v.Deny {
			all = append(all, v.Person)
		}
	}
	slices.Sort(all)
	return int64(len(slices.Compact(all)))
}

// countNote is what a note on the ledger counts for.
func countNote(body any, actor string, at time.Time) []store.Count {
	c := counter{at: at}
	agent := identity.PersonID(actor)
	if actor == system || strings.HasPrefix(actor, "token:") {
		agent = ""
	}
	switch n := body.(type) {
	case Missed:
		c.exception("not_found", n.Desk, agent)
	case LookedUp:
		if len(n.Accounts) == 0 {
			c.exception("not_found", n.Desk, agent)
		}
	case Observed:
		c.exception("no_proof", n.Desk, agent)
	case Barred:
		c.exception("barred", n.Desk, agent)
		c.add(1, countRefused, "bar", string(n.Why))
	}
	return c.out
}

// CountStream is what a stream of the ledger counts for: the same as its
// commits did.
func CountStream(_ string, records []store.Record) ([]store.Count, error) {
	if records[0].Type == (reset.Opened{}).Type() {
		return countRequest(records)
	}
	var all []store.Count
	for _, r := range records {
		counts, err := countRecord(r)
		if err != nil {
			return nil, err
		}
		all = append(all, counts...)
	}
	return all, nil
}

func countRequest(records []store.Record) ([]store.Count, error) {
	var all []store.Count
	s := reset.State{ID: records[0].Stream}
	for _, r := range records {
		e, _, err := reset.Decode(r.Type, r.Body, r.Private)
		if err != nil {
			return nil, err
		}
		next, err := reset.Evolve(s, e, r.At)
		if err != nil {
			return nil, err
		}
		c := counter{at: r.At}
		c.event(s, e, next)
		s, all = next, append(all, c.out...)
	}
	return all, nil
}

func countRecord(r store.Record) ([]store.Count, error) {
	switch r.Type {
	case "missed":
		return countNoteOf[Missed](r)
	case "looked_up":
		return countNoteOf[LookedUp](r)
	case "observed":
		return countNoteOf[Observed](r)
	case "barred":
		return countNoteOf[Barred](r)
	}
	return nil, nil
}

func countNoteOf[T any](r store.Record) ([]store.Count, error) {
	var note T
	if _, err := ledger.Open(r.Body, r.Private, &note); err != nil {
		return nil, err
	}
	return countNote(note, r.Actor, r.At), nil
}

// recount counts a ledger that was written by a program which counted
// otherwise, or not at all. What cannot be read is left out: the check of the
// ledger is what names it.
func (g *Gate) recount(ctx context.Context) error {
	have, err := g.store.Counted(ctx)
	if err != nil || have.Complete && have.Rules == countRules {
		return err
	}
	g.log.Info("counting the whole ledger for the figures, once", "rules", countRules)
	failed, err := store.Recount(ctx, g.store, countRules, CountStream)
	for _, f := range failed {
		g.log.Warn("a part of the ledger is in no figure", "error", f)
	}
	if errors.Is(err, store.ErrConflict) {
		g.log.Warn("the ledger grew while it was counted; it will be counted when it is next opened")
		return nil
	}
	if err != nil {
		return fmt.Errorf("gate: counting: %w", err)
	}
	return nil
}
