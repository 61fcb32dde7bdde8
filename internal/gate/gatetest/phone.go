package gatetest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/notify"
)

// Phone stands for a gateway to telephones. It keeps what it was given, and
// lies, fails or hangs as a test wants.
type Phone struct {
	mu    sync.Mutex
	sent  []notify.PhoneMessage
	sims  map[string]time.Time
	fails error // of sending
	dumb  error // of telling when a SIM changed
	hangs bool  // when asked after a SIM
	asked int
}

// Send implements notify.Phone.
func (p *Phone) Send(_ context.Context, m notify.PhoneMessage) error {
	if err := m.Check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails == nil {
		p.sent = append(p.sent, m)
	}
	return p.fails
}

// SIMChanged implements notify.Phone.
func (p *Phone) SIMChanged(ctx context.Context, number string) (time.Time, error) {
	p.mu.Lock()
	hangs, at, err := p.hangs, p.sims[number], p.dumb
	p.asked++
	p.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return time.Time{}, ctx.Err()
	}
	return at, err
}

// SIM says when the SIM of a number last changed.
func (p *Phone) SIM(number string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sims == nil {
		p.sims = map[string]time.Time{}
	}
	p.sims[number] = at
}

// Fail makes sending, and telling of SIMs, fail from now on; nil heals.
func (p *Phone) Fail(sending, telling error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails, p.dumb = sending, telling
}

// Hang makes the gateway give no answer about SIMs.
func (p *Phone) Hang() { p.mu.Lock(); defer p.mu.Unlock(); p.hangs = true }

// Asked is how often it was asked after a SIM.
func (p *Phone) Asked() int { p.mu.Lock(); defer p.mu.Unlock(); return p.asked }

// Messages are the texts that a number has got.
func (p *Phone) Messages(number string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, m := range p.sent {
		if m.To == number {
			out = append(out, m.Text)
		}
	}
	return out
}

// Lark has an account with a telephone on record, and a mailbox.
const (
	Lark, LarksPhone, LarksMail = "lark", "+15550142", "lark@private.example"
)

// AddLark gives Lark an account. The telephone stands there as people write it.
func (h *House) AddLark(more ...directory.Contact) {
	h.T.Helper()
	long := h.Now().AddDate(-1, 0, 0)
	_, err := h.Directory.Add(h.T.Context(), local.NewAccount{Login: Lark, Name: "Lark Moor", Password: FirstPassword, Contacts: append([]directory.Contact{
		{Kind: directory.ContactPhone, Address: "+1 (555) 0142", FirstSeen: long},
		{Kind: directory.ContactEmail, Address: LarksMail, FirstSeen: long},
	}, more...)})
	h.Must(err)
}

// Texted lets the letters of a request go out, and returns the newest code that
// was sent or spoken to a number.
func (h *House) Texted(p *Phone, request, number string) string {
	h.T.Helper()
	h.Letters(request, number)
	found := ""
	for _, text := range p.Messages(number) {
		if m := regexp.MustCompile(`^(\d{8}): `).FindStringSubmatch(text); m != nil {
			found = m[1]
		}
		if m := regexp.MustCompile(`\nThe code is: ([0-9., ]+)\n`).FindStringSubmatch(text); m != nil {
			found = strings.NewReplacer(" ", "", ",", "", ".", "").Replace(m[1])
		}
	}
	if len(found) != 8 {
		h.T.Fatalf("no code reached %s: %s", number, fmt.Sprint(p.Messages(number)))
	}
	return found
}
