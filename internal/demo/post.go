package demo

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/internal/notify"
	"countersign/internal/notify/mailbox"
)

// clock is the server's: real time, moved back by what is set. It starts ninety
// days ago, when the factors were enrolled, and is only ever moved forward. A
// factor enrolled today would not count today.
type clock struct {
	mu   sync.Mutex
	back time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(-c.back)
}

// pass moves it forward, at most to the present; never back.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back = max(0, c.back-max(0, d))
}

// to moves it forward to a moment.
func (c *clock) to(at time.Time) { c.pass(at.Sub(c.now())) }

func (c *clock) today() { c.pass(2 * longAgo) }

// The ways in which the post office reaches people.
const (
	byMail = "mail"
	byText = "text"
	byCall = "call"
)

// item is one thing that the post office delivered.
type item struct {
	ID      string    `json:"id"`
	Way     string    `json:"way"`
	To      string    `json:"to"`
	Subject string    `json:"subject,omitempty"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

// maxItems bounds what is kept to be shown.
const maxItems = 200

// post is the post office and the telephone network: letters go to a mailbox in
// memory, text messages and calls beside them, and whoever waits for one is
// told.
type post struct {
	*mailbox.Mailbox
	now   func() time.Time
	mu    sync.Mutex
	heard func(notify.Message) // nil: nobody listens
	came  chan struct{}        // closed and replaced with each letter
	items []item               // the latest, oldest first
}

func newPost(now func() time.Time) *post {
	return &post{Mailbox: mailbox.New(maxItems), now: now, came: make(chan struct{})}
}

// Send implements notify.Sender.
func (p *post) Send(ctx context.Context, m notify.Message) error {
	if err := p.Mailbox.Send(ctx, m); err != nil {
		return err
	}
	p.keep(item{m.ID, byMail, m.To, m.Subject, m.Text, p.now()})
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.came)
	p.came = make(chan struct{})
	if p.heard != nil {
		p.heard(m)
	}
	return nil
}

// keep keeps an item once, however often it is sent.
func (p *post) keep(i item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.items = append(slices.DeleteFunc(p.items, func(o item) bool { return o.ID == i.ID && o.Way == i.Way && o.To == i.To }), i)
	p.items = slices.Delete(p.items, 0, max(0, len(p.items)-maxItems))
}

// since are the items that came at a moment or later.
func (p *post) since(at time.Time) []item {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.items[slices.IndexFunc(append(p.items, item{At: at}), func(i item) bool { return !i.At.Before(at) }):])
}

// phones is one way of the telephone network.
type phones struct {
	post *post
	way  string
}

// Send implements notify.Phone.
func (n phones) Send(ctx context.Context, m notify.PhoneMessage) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("demo: %w: %w", notify.ErrTemporary, err)
	}
	if err := m.Check(); err != nil {
		return err
	}
	n.post.keep(item{ID: m.ID, Way: n.way, To: m.To, Text: m.Text, At: n.post.now()})
	return nil
}

// SIMChanged implements notify.Phone: nobody here changes a SIM.
func (n phones) SIMChanged(context.Context, string) (time.Time, error) { return time.Time{}, nil }

func (p *post) listen(f func(notify.Message)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = f
}

// await waits for the newest letter to an address that f accepts.
func (p *post) await(ctx context.Context, to string, f func(notify.Message) bool) (notify.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		p.mu.Lock()
		came := p.came
		p.mu.Unlock()
		all := p.Messages(to)
		for i := len(all) - 1; i >= 0; i-- {
			if f(all[i]) {
				return all[i], nil
			}
		}
		select {
		case <-ctx.Done():
			return notify.Message{}, fmt.Errorf("waiting for a letter to %s: %w", to, ctx.Err())
		case <-came:
		}
	}
}

var (
	codeLine = regexp.MustCompile(`(?m)^\s+(\d{4} \d{4})$`)
	linkLine = regexp.MustCompile(`(?m)^\s*(http\S+/not-me/\S+)$`)
)

// codeIn finds the code in a letter.
func codeIn(m notify.Message) (string, error) {
	if found := codeLine.FindStringSubmatch(m.Text); found != nil {
		return found[1], nil
	}
	return "", errors.New("the letter has no code")
}

// vetoIn finds the "this wasn't me" token in a letter.
func vetoIn(m notify.Message) (string, error) {
	if found := linkLine.FindStringSubmatch(m.Text); found != nil {
		_, token, _ := strings.Cut(found[1], "/not-me/")
		return token, nil
	}
	return "", errors.New("the letter has no link to say that it wasn't me")
}
