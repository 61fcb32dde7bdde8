package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// The notices people get.
const (
	noticeOpened     = "opened"
	noticeDone       = "done"
	noticeEnded      = "ended"
	noticeRepudiated = "repudiated"
)

// notices lists the jobs that tell people of a change.
func notices(before, after reset.State) []store.Job {
	if after.Status() == reset.RefusedEnd && before.Version == 0 {
		return nil // refused at the door: the owner of the account took no part and nothing can happen
	}
	var jobs []store.Job
	tell := func(notice string) {
		args, _ := json.Marshal(JobArgs{Request: after.ID, Notice: notice})
		jobs = append(jobs, store.Job{Kind: JobNotice, Args: args, Unique: after.ID + "/" + notice})
	}
	was, is := before.Status(), after.Status()
	switch {
	case before.Version == 0:
		tell(noticeOpened)
	case is == reset.Done && was != reset.Done:
		tell(noticeDone)
		args, _ := json.Marshal(JobArgs{Request: after.ID})
		jobs = append(jobs, store.Job{Kind: JobFollowUp, Args: args, Unique: after.ID})
	case after.Repudiated && !before.Repudiated:
		tell(noticeRepudiated)
	case !after.IsOpen() && before.IsOpen():
		tell(noticeEnded)
	}
	return jobs
}

// letter is one message waiting to be sent, sealed because it may hold a code
// or a link that works.
type letter struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Request string `json:"request"`
	Contact string `json:"contact"`
	Notice  string `json:"notice"`
}

func (g *Gate) letter(l letter, until time.Time) (store.ItemChange, store.Job, error) {
	raw, err := json.Marshal(l)
	if err != nil {
		return store.ItemChange{}, store.Job{}, fmt.Errorf("gate: writing a letter: %w", err)
	}
	sealed, err := g.box.Seal(raw)
	if err != nil {
		return store.ItemChange{}, store.Job{}, err
	}
	id := newID("let")
	args, _ := json.Marshal(JobArgs{Letter: id})
	return store.ItemChange{Item: store.Item{Shelf: shelfLetter, Key: id, Owner: l.Request, Value: sealed, Expires: until}},
		store.Job{Kind: JobLetter, Args: args, Unique: id}, nil
}

// Notice writes the letters of one notice: one for each registered address,
// those being replaced included, each with its own link for "this wasn't me".
// It is a job; its letters are jobs of their own.
func (g *Gate) Notice(ctx context.Context, request, notice string) error {
	if g.mail == nil {
		return nil
	}
	for try := 0; ; try++ {
		err := g.leave(ctx, request, notice)
		if errors.Is(err, store.ErrConflict) && try < 8 {
			continue // the request moved on meanwhile
		}
		return err
	}
}

func (g *Gate) leave(ctx context.Context, request, notice string) error {
	s, err := g.load(ctx, request)
	if err != nil {
		return err
	}
	to, err := g.readers(ctx, s, notice)
	if err != nil {
		return err
	}
	at := g.now()
	var c store.Commit
	c.Stream, c.Expect, c.Actor, c.At = s.ID, s.Version, system, at
	for _, r := range to {
		token, veto := g.newVeto(s.ID, r.ID, at)
		item, job, err := g.letter(letter{
			To: r.address, Subject: g.subject(s, notice), Text: g.text(s, notice, token),
			Request: s.ID, Contact: r.ID, Notice: notice,
		}, at.Add(vetoLife))
		if err != nil {
			return err
		}
		c.Items = append(c.Items, veto, item)
		c.Jobs = append(c.Jobs, job)
	}
	if len(c.Jobs) == 0 {
		return nil
	}
	if _, err := g.store.Commit(ctx, c); err != nil {
		return fmt.Errorf("gate: leaving notices: %w", err)
	}
	return nil
}

// readers are the addresses that hear of a request.
func (g *Gate) readers(ctx context.Context, s reset.State, notice string) ([]contact, error) {
	a, err := g.lookup(ctx, s.Subject)
	if err != nil {
		return nil, err
	}
	all, err := g.contacts(ctx, a, g.now())
	if err != nil {
		return nil, err
	}
	if slices.Contains(s.Plan.Notify, "manager") && a.Manager.ID != "" {
		m, err := g.lookup(ctx, a.Manager.ID)
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			return nil, err
		}
		theirs, err := g.contacts(ctx, m, g.now())
		if err != nil {
			return nil, err
		}
		all = append(all, theirs...)
	}
	all = slices.DeleteFunc(all, func(c contact) bool { return c.Kind != string(directory.ContactEmail) })
	loud := notice == noticeRepudiated || slices.Contains(s.Plan.Notify, "security")
	if loud && g.cfg.SecurityMail != "" {
		all = append(all, contact{address: g.cfg.SecurityMail})
		all[len(all)-1].ID = "security"
	}
	return all, nil
}

func (g *Gate) subject(s reset.State, notice string) string {
	return fmt.Sprintf("%s: case %s, %s %s", identity.Line(g.cfg.Organisation, 60), s.Case, actionWords(s.Action), noticeWords[notice])
}

var noticeWords = map[string]string{
	noticeOpened: "requested", noticeDone: "carried out", noticeEnded: "not carried out", noticeRepudiated: "stopped",
}

func actionWords(a identity.Action) string { return strings.ReplaceAll(string(a), "_", " ") }

func (g *Gate) text(s reset.State, notice, token string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of an account of yours, or of somebody you are responsible for:\n\n", strings.ToUpper(actionWords(s.Action)[:1])+actionWords(s.Action)[1:])
	fmt.Fprintf(&b, "    case      %s\n    account   %s\n    status    %s\n    opened    %s\n\n", s.Case,
		identity.Line(s.Facts.Subject.Login, 80), s.Status(), roster.When(s.OpenedAt))
	if notice == noticeOpened {
		b.WriteString("Nothing has been changed. It will only go ahead with proof that it is really the owner who asks.\nNobody who works at the helpdesk will ever ask you for a code or a password.\n\n")
	}
	fmt.Fprintf(&b, "If this wasn't you, stop it here (no sign-in needed):\n\n    %s/not-me/%s\n", g.cfg.BaseURL, token)
	return b.String()
}

// SendLetter sends one letter; it is a job. The outcome is recorded with the
// request. Whether a letter was sent twice after a crash cannot be ruled out;
// its Message-ID stays the same.
func (g *Gate) SendLetter(ctx context.Context, id string, last bool) error {
	item, err := g.store.Item(ctx, shelfLetter, id, g.now())
	if errors.Is(err, store.ErrNotFound) {
		return nil // sent before a crash, or no longer of use
	}
	if err != nil {
		return fmt.Errorf("gate: reading a letter: %w", err)
	}
	raw, err := g.box.Open(item.Value)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrDrop, err)
	}
	var l letter
	if err := json.Unmarshal(raw, &l); err != nil {
		return fmt.Errorf("%w: a letter does not read", store.ErrDrop)
	}
	err = g.mail.Send(ctx, notify.Message{To: l.To, Subject: l.Subject, Text: l.Text, ID: id})
	if err != nil && !errors.Is(err, notify.ErrPermanent) && !last {
		g.log.Warn("letter not sent yet", "letter", id, "notice", l.Notice, "request", l.Request, "error", err)
		return err
	}
	outcome := "sent"
	if err != nil {
		outcome = "failed"
		g.log.Error("letter not sent", "letter", id, "notice", l.Notice, "request", l.Request, "error", err)
	}
	_, err = g.change(ctx, l.Request, system, func(reset.State, time.Time) (reset.Command, besides, error) {
		return reset.Record{Event: reset.Notified{Notice: l.Notice, Contact: l.Contact, Outcome: outcome}}, besides{items: []store.ItemChange{drop(item)}}, nil
	})
	return err
}
