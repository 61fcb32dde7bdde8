package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// DeskCheck is what somebody who was rung by "the helpdesk" finds behind the
// case code that the caller gave them.
type DeskCheck struct {
	Card   Card   `json:"card"`
	Status string `json:"status"` // in plain words
}

// checkable is how long after its end a request can still be looked up.
const checkable = 24 * time.Hour

// reportsAnHour bounds the letters to security about reported callers.
var reportsAnHour = bound{20, time.Hour}

// DeskCheck shows anybody with a case code whether there is such a request, who
// has it and what it is for. It says nothing of who is on the telephone: they
// may have heard the code from somebody else.
func (g *Gate) DeskCheck(ctx context.Context, code string) (DeskCheck, error) {
	s, err := g.byCase(ctx, code)
	if err == nil && (s.Status() == reset.RefusedEnd || !g.now().Before(s.ExpiresAt().Add(checkable))) {
		err = ErrNoRequest
	}
	g.log.Info("the desk was checked", "request", s.ID, "found", err == nil)
	if err != nil {
		return DeskCheck{}, err
	}
	card, err := g.card(ctx, s)
	return DeskCheck{card, standing[s.Status()]}, err
}

// byCase finds a request by its case code as people type it.
func (g *Gate) byCase(ctx context.Context, code string) (reset.State, error) {
	row, err := g.store.RowByCase(ctx, normalCase(code))
	if errors.Is(err, store.ErrNotFound) {
		return reset.State{}, ErrNoRequest
	}
	if err != nil {
		return reset.State{}, fmt.Errorf("gate: finding a case: %w", err)
	}
	return g.load(ctx, row.ID)
}

// CallerReport is about a caller who claimed to be the desk. Every part of it
// may be missing or wrong.
type CallerReport struct {
	Case  string `json:"case,omitempty"`  // what the caller gave as the case code
	Login string `json:"login,omitempty"` // whose account the call was about
	Note  string `json:"note,omitempty"`
}

func (r CallerReport) check() error {
	switch {
	case identity.CheckLine(r.Case, 40) != nil:
		return invalid("case: too long, or with characters that no case code has")
	case identity.CheckLine(r.Login, 256) != nil:
		return invalid("login: too long, or with characters that no login has")
	case identity.CheckLine(r.Note, 300) != nil:
		return invalid("note: one line of at most 300 bytes")
	}
	return nil
}

// ReportCaller takes a report about a caller from anybody. What it leads to is
// done by a job, so the answer is the same whatever there is to be found.
func (g *Gate) ReportCaller(ctx context.Context, r CallerReport) error {
	if err := r.check(); err != nil {
		return err
	}
	return g.errand(ctx, JobReport, r)
}

// CallerReported acts on a report; it is a job. A request whose case code was
// given ends unless the hands have it already: stopping is never wrong. The
// person is not fenced, for the reporter has proved nothing.
func (g *Gate) CallerReported(ctx context.Context, key string) error {
	var r CallerReport
	item, ok, err := g.errandOf(ctx, key, &r)
	if err != nil || !ok {
		return err
	}
	s, did, err := g.stopReported(ctx, r.Case)
	if err != nil {
		return err
	}
	people, err := g.meant(ctx, s, r.Login)
	if err != nil {
		return err
	}
	for _, p := range people {
		if err := g.warn(ctx, p, SignalReported); err != nil {
			return err
		}
	}
	g.log.Warn("a caller was reported", "request", s.ID, "people", len(people))
	at := g.now()
	more := besides{items: []store.ItemChange{drop(item)}}
	tell, err := g.room(ctx, &more, "reports", reportsAnHour, at)
	if err != nil {
		return err
	}
	if tell {
		if err := g.tellSecurity(&more, s.ID, "a caller was reported", g.reportText(r, s, did), at); err != nil {
			return err
		}
	}
	err = g.besidesOnly(ctx, more)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("gate: a report is left for the next try: %w", err)
	}
	return err
}

// stopReported ends the request of a reported case, and says what came of it.
func (g *Gate) stopReported(ctx context.Context, code string) (reset.State, string, error) {
	if code == "" {
		return reset.State{}, "The caller gave no case code.", nil
	}
	s, err := g.byCase(ctx, code)
	if errors.Is(err, ErrNoRequest) || err == nil && s.Status() == reset.RefusedEnd {
		return reset.State{}, "There is no request with that case code.", nil
	}
	if err != nil {
		return s, "", err
	}
	after, err := g.end(ctx, s.ID, system, "reported")
	switch reset.CodeOf(err) {
	case reset.RequestEnded:
		return s, "The request had ended before.", nil
	case reset.IllegalTransition:
		return s, "It was too late to stop the request: the directory has been asked. Look at the account.", nil
	}
	return after, "The request was ended. Nothing was changed.", err
}

// meant are the people that a report may be about.
func (g *Gate) meant(ctx context.Context, s reset.State, login string) ([]identity.PersonID, error) {
	var people []identity.PersonID
	if s.ID != "" {
		people = append(people, s.Person)
	}
	if login == "" {
		return people, nil
	}
	for _, name := range g.order {
		a, err := g.find(ctx, g.dirs[name], login)
		switch {
		case errors.Is(err, directory.ErrNotFound), errors.Is(err, directory.ErrAmbiguous):
		case err != nil:
			return nil, err
		case a.Person != "" && a.Person != s.Person:
			people = append(people, a.Person)
		}
	}
	return people, nil
}

func (g *Gate) reportText(r CallerReport, s reset.State, did string) string {
	said := func(s string) string {
		if s == "" {
			return "nothing"
		}
		return "“" + identity.Line(s, 300) + "”"
	}
	var b strings.Builder
	b.WriteString("Somebody reports a caller who claimed to be the helpdesk. Whoever reports it has not signed in, so all of this is hearsay:\n\n")
	fmt.Fprintf(&b, "    case code   %s\n    account     %s\n    note        %s\n\n%s\n\n", said(r.Case), said(r.Login), said(r.Note), did)
	b.WriteString(g.whichRequest(s))
	fmt.Fprintf(&b, "There are at most %d such letters an hour. The log has all of it.\n", reportsAnHour.most)
	return b.String()
}
