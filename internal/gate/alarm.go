package gate

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// alarmsAnHour bounds the letters to security about one person or agent.
var alarmsAnHour = bound{1, time.Hour}

// guessed counts a wrong answer, in the commit that records it, and raises the
// alarm where it reached a bound.
func (g *Gate) guessed(ctx context.Context, after reset.State, c reset.Challenge, at time.Time) (besides, error) {
	var more besides
	closed, exposed, err := g.countGuess(ctx, &more, after, c.Method, at)
	if err != nil {
		return more, err
	}
	closed = closed || reset.CodeOf(after.Usable(c.Method, c.Enrolment, c.Since, at)) == reset.MethodLocked
	if closed || exposed {
		warned, err := g.warning(ctx, after.Person, SignalLocked, at)
		if err != nil {
			return more, err
		}
		more.items = append(more.items, warned...)
	}
	if closed {
		what := fmt.Sprintf("%s was locked after wrong answers. Somebody may be guessing.", c.Method)
		if err := g.alarm(ctx, &more, string(after.Person), after, what, at); err != nil {
			return more, err
		}
	}
	if exposed {
		what := fmt.Sprintf("There were %d wrong answers within a day in requests opened by %s.\nTheir requests cannot be proved until some of them lie a day back.",
			guessesOfAgent.most, identity.Line(string(after.Agent), 100))
		return more, g.alarm(ctx, &more, "agent\x00"+string(after.Agent), after, what, at)
	}
	return more, nil
}

// countGuess reports whether the answer was the one that closes the method for
// its person, and the one after which the agent's requests are refused.
func (g *Gate) countGuess(ctx context.Context, more *besides, s reset.State, m proof.Method, at time.Time) (closed, exposed bool, err error) {
	reached := func(wanted bool, what string, b bound) bool {
		if !wanted || err != nil {
			return false
		}
		var t tally
		if t, err = g.tally(ctx, what, at); err != nil {
			return false
		}
		was := t.full(b, at)
		t, item := t.plus(at, b)
		more.items = append(more.items, item)
		return was.IsZero() && !t.full(b, at).IsZero()
	}
	closed = reached(guessable(m), ofMethod(s.Person, m), guessesAtMethod)
	exposed = reached(s.Agent != "", ofAgent(s.Agent), guessesOfAgent)
	reached(sourceOf(ctx) != "", ofSource(sourceOf(ctx)), guessesOfSource)
	return closed, exposed, err
}

// alarm leaves a letter for security, one an hour about one person or agent.
// The request may be none.
func (g *Gate) alarm(ctx context.Context, more *besides, about string, s reset.State, what string, at time.Time) error {
	g.log.Warn("alarm", "request", s.ID, "what", what)
	t, err := g.tally(ctx, "alarm\x00"+about, at)
	if err != nil || !t.full(alarmsAnHour, at).IsZero() {
		return err
	}
	text := what + "\n\n" + g.whichRequest(s) + "There is one such letter an hour about one person, however much happens. The log has all of it.\n"
	_, item := t.plus(at, alarmsAnHour)
	more.items = append(more.items, item)
	return g.tellSecurity(more, s.ID, "look at this", text, at)
}

// whichRequest says which request a letter to security is about, if any.
func (g *Gate) whichRequest(s reset.State) string {
	if s.ID == "" {
		return ""
	}
	return fmt.Sprintf("    case      %s\n    account   %s\n    request   %s\n              %s/requests/%s\n\n",
		s.Case, identity.Line(s.Facts.Subject.Login, 80), actionWords(s.Action), g.cfg.BaseURL, s.ID)
}

// tellSecurity leaves a letter for security, if it has an address.
func (g *Gate) tellSecurity(more *besides, request, subject, text string, at time.Time) error {
	if g.cfg.SecurityMail == "" || g.mail == nil {
		return nil
	}
	mail, job, err := g.letter(letter{To: g.cfg.SecurityMail, Subject: identity.Line(g.cfg.Organisation, 60) + ": " + subject, Text: text,
		Request: request, Contact: "security", Notice: "alarm"}, at.Add(vetoLife))
	if err != nil {
		return err
	}
	more.items, more.jobs = append(more.items, mail), append(more.jobs, job)
	return nil
}
