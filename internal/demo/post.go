package demo

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"countersign/internal/notify"
	"countersign/internal/notify/mailbox"
)

// clock is the server's: real time, moved back by what is set. It starts ninety
// days ago, when the factors were enrolled, and is moved forward once. A factor
// enrolled today would not count today.
type clock struct {
	mu   sync.Mutex
	back time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(-c.back)
}

func (c *clock) today() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back = 0
}

// post is the post office: letters go to a mailbox in memory, and whoever
// waits for one is told.
type post struct {
	*mailbox.Mailbox
	mu    sync.Mutex
	heard func(notify.Message) // nil: nobody listens
	came  chan struct{}        // closed and replaced with each letter
}

func newPost() *post { return &post{Mailbox: mailbox.New(200), came: make(chan struct{})} }

// Send implements notify.Sender.
func (p *post) Send(ctx context.Context, m notify.Message) error {
	if err := p.Mailbox.Send(ctx, m); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.came)
	p.came = make(chan struct{})
	if p.heard != nil {
		p.heard(m)
	}
	return nil
}

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
