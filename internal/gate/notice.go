package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/proof"
	"countersign/internal/proof/code"
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
	noticeWanted     = "wanted"    // the manager's signature is
	noticeWaiting    = "waiting"   // the cooling-off has begun: the last chance to object
	noticeUncertain  = "uncertain" // what became of the order is not known
)

// notices lists the jobs that tell people of a change.
func notices(before, after reset.State) []store.Job {
	if after.Status() == reset.RefusedEnd && before.Version == 0 {
		return nil // refused at the door: the owner of the account took no part and nothing can happen
	}
	var jobs []store.Job
	tell := func(notice string) { jobs = append(jobs, noticeJob(after.ID, notice)) }
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
	case is == reset.Uncertain && was != reset.Uncertain:
		tell(noticeUncertain)
	case is == reset.Approving && was == reset.Proving:
		tell(noticeWanted)
	case after.WaitFrom != nil && before.WaitFrom == nil:
		tell(noticeWaiting)
	case !after.IsOpen() && before.IsOpen():
		tell(noticeEnded)
	}
	return jobs
}

func noticeJob(request, notice string) store.Job {
	args, _ := json.Marshal(JobArgs{Request: request, Notice: notice}) // two texts always read
	return store.Job{Kind: JobNotice, Args: args, Unique: request + "/" + notice}
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
	Way     string `json:"way,omitempty"` // how it goes out: by mail where nothing stands here
}

// The ways of a letter, besides mail.
const (
	waySMS   = "sms"   // as a short message
	wayVoice = "voice" // spoken, by a call
)

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
		l, err := g.notice(s, notice, r, token)
		if err != nil { // must not keep the others from hearing
			g.log.Error("a short notice cannot be written", "request", s.ID, "notice", notice, "error", err)
			continue
		}
		if invites(s, notice, r.ID) && !isPhone(r) {
			if l.Text, err = g.invitation(ctx, s, token); err != nil {
				return err
			}
		}
		item, job, err := g.letter(l, at.Add(vetoLife))
		if err != nil {
			return err
		}
		c.Items = append(c.Items, veto, item)
		c.Jobs = append(c.Jobs, job)
	}
	if len(to) == 0 {
		return g.untold(ctx, s.ID, notice)
	}
	if _, err := g.store.Commit(ctx, c); err != nil {
		return fmt.Errorf("gate: leaving notices: %w", err)
	}
	return nil
}

// untold records that there was nobody to tell, or no way to: an auditor must
// be able to tell that from having forgotten it.
func (g *Gate) untold(ctx context.Context, request, notice string) error {
	if notice == noticeWanted || notice == noticeUncertain {
		return nil // courtesies to staff, who find both in their lists
	}
	_, err := g.change(ctx, request, system, func(reset.State, time.Time) (reset.Command, besides, error) {
		return reset.Record{Event: reset.Notified{Notice: notice, Contact: "none", Outcome: "nobody"}}, besides{}, nil
	})
	return err
}

// readers are the addresses that hear of a request: the owner's and, where the
// policy wants it, the manager's and security's. Some notices are for one of
// them alone.
func (g *Gate) readers(ctx context.Context, s reset.State, notice string) ([]contact, error) {
	a, err := g.lookup(ctx, s.Subject)
	if errors.Is(err, directory.ErrNotFound) {
		a = directory.Account{ID: s.Subject, Person: s.Person} // gone since; what its owner registered is left
	} else if err != nil {
		return nil, err
	}
	var all []contact
	if notice != noticeWanted && notice != noticeUncertain {
		if all, err = g.contacts(ctx, a, g.now()); err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(c contact) bool { return !g.told(c, notice) })
	}
	manages := slices.ContainsFunc(s.Plan.Approvals, func(n approval.Need) bool { return n.Role == identity.Manager })
	if a.Manager.ID != "" && (slices.Contains(s.Plan.Notify, "manager") && notice != noticeUncertain || manages && notice == noticeWanted) {
		m, err := g.lookup(ctx, a.Manager.ID)
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			return nil, err
		}
		theirs, err := g.contacts(ctx, m, g.now())
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(theirs, func(c contact) bool { return !isMail(c) || g.mail == nil })...)
	}
	loud := notice == noticeRepudiated || notice == noticeUncertain || notice != noticeWanted && slices.Contains(s.Plan.Notify, "security")
	if loud && g.cfg.SecurityMail != "" && g.mail != nil {
		all = append(all, contact{address: g.cfg.SecurityMail})
		all[len(all)-1].ID = "security"
	}
	return all, nil
}

// told reports whether a destination hears a notice: telephones get the few
// that matter, as short messages.
func (g *Gate) told(c contact, notice string) bool {
	if isPhone(c) {
		return g.sms != nil && slices.Contains([]string{noticeOpened, noticeDone, noticeEnded, noticeRepudiated}, notice)
	}
	return g.mail != nil
}

// notice writes one letter of a notice, with the token of its link.
func (g *Gate) notice(s reset.State, notice string, to contact, token string) (letter, error) {
	l := letter{To: to.address, Request: s.ID, Contact: to.ID, Notice: notice}
	if !isPhone(to) {
		l.Subject, l.Text = g.subject(s, notice), g.text(s, notice, token)
		return l, nil
	}
	card := code.Card{Organisation: g.cfg.Organisation, Action: s.Action, Login: s.Facts.Subject.Login, Case: s.Case, Words: proof.Words(s.ID)}
	var err error
	l.Way = waySMS
	l.Text, err = code.Notice(card, noticeWords[notice], g.cfg.BaseURL+"/not-me/"+token)
	return l, err
}

func (g *Gate) subject(s reset.State, notice string) string {
	return fmt.Sprintf("%s: case %s, %s %s", identity.Line(g.cfg.Organisation, 60), s.Case, actionWords(s.Action), noticeWords[notice])
}

var noticeWords = map[string]string{
	noticeOpened: "requested", noticeDone: "carried out", noticeEnded: "not carried out", noticeRepudiated: "stopped",
	noticeWanted: "waits for your signature", noticeWaiting: "about to be carried out", noticeUncertain: "has an unknown outcome",
}

// standing says where a request stands, for people who do not work here.
var standing = map[reset.Status]string{
	reset.Proving: "waiting for the owner's proof", reset.Approving: "waiting for signatures", reset.Waiting: "waiting, so that somebody can object",
	reset.Ready: "about to be carried out", reset.OrderedUp: "about to be carried out", reset.Dispatching: "being carried out",
	reset.Uncertain: "sent; not known whether it worked", reset.Done: "carried out", reset.Failed: "failed; nothing was changed",
	reset.RefusedEnd: "refused", reset.Denied: "denied", reset.CancelledBy: "cancelled", reset.ExpiredEnd: "ran out of time", reset.Vetoed: "stopped: somebody said it was not them",
}

func actionWords(a identity.Action) string { return strings.ReplaceAll(string(a), "_", " ") }

func (g *Gate) text(s reset.State, notice, token string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of an account of yours, or of somebody you are responsible for:\n\n", strings.ToUpper(actionWords(s.Action)[:1])+actionWords(s.Action)[1:])
	fmt.Fprintf(&b, "    case      %s\n    account   %s\n    status    %s\n    opened    %s\n\n", s.Case,
		identity.Line(s.Facts.Subject.Login, 80), standing[s.Status()], roster.When(s.OpenedAt))
	b.WriteString(g.advice(s, notice))
	fmt.Fprintf(&b, "If this wasn't you, stop it here (no sign-in needed):\n\n    %s/not-me/%s\n", g.cfg.BaseURL, token)
	return b.String()
}

// advice is what a notice asks of its reader.
func (g *Gate) advice(s reset.State, notice string) string {
	switch notice {
	case noticeOpened:
		return "Nothing has been changed. It will only go ahead with proof that it is really the owner who asks.\nNobody who works at the helpdesk will ever ask you for a code or a password.\n\n"
	case noticeWanted:
		return fmt.Sprintf("The owner has given proof. Read the statement and sign or deny it:\n\n    %s/requests/%s/sign\n\n", g.cfg.BaseURL, s.ID)
	case noticeWaiting:
		return fmt.Sprintf("Everything that was asked for is there. It goes ahead after %s unless somebody objects.\n\n", roster.When(s.WaitUntil()))
	case noticeUncertain:
		return "The change was sent to the directory, and what became of it could not be learnt. Look at the account.\n\n"
	}
	return ""
}

// send hands a letter over to what goes its way.
func (g *Gate) send(ctx context.Context, l letter, id string) error {
	phone := map[string]notify.Phone{waySMS: g.sms, wayVoice: g.voice}[l.Way]
	switch {
	case l.Way == "" && g.mail != nil:
		return g.mail.Send(ctx, notify.Message{To: l.To, Subject: l.Subject, Text: l.Text, ID: id})
	case phone != nil:
		return phone.Send(ctx, notify.PhoneMessage{To: l.To, Text: l.Text, ID: id})
	}
	return fmt.Errorf("gate: sending a letter: %w: there is no way to send it any more", notify.ErrPermanent)
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
	err = g.send(ctx, l, id)
	if err != nil && !errors.Is(err, notify.ErrPermanent) && !last {
		g.log.Warn("letter not sent yet", "letter", id, "notice", l.Notice, "request", l.Request, "error", err)
		return err
	}
	outcome := "sent"
	if err != nil {
		outcome = "failed"
		g.log.Error("letter not sent", "letter", id, "notice", l.Notice, "request", l.Request, "error", err)
	}
	if l.Request == "" { // of no request: news of a person's own factors
		return g.store.Change(ctx, drop(item))
	}
	_, err = g.change(ctx, l.Request, system, func(reset.State, time.Time) (reset.Command, besides, error) {
		return reset.Record{Event: reset.Notified{Notice: l.Notice, Contact: l.Contact, Outcome: outcome}}, besides{items: []store.ItemChange{drop(item)}}, nil
	})
	return err
}
