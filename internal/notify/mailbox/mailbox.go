// Package mailbox is a Sender that delivers nothing: it keeps the latest
// messages in memory, where the demo shows them. It is for the demo alone.
// The messages hold live codes, and whoever can read them can answer.
package mailbox

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"countersign/internal/notify"
)

// Mailbox keeps messages, the oldest first. Several goroutines may use it.
type Mailbox struct {
	max  int
	mu   sync.Mutex
	kept []notify.Message
}

// New returns a Mailbox that keeps the latest n messages (n < 1 counts as 1).
func New(n int) *Mailbox { return &Mailbox{max: max(n, 1)} }

// Send keeps m. A message that was sent before, by its ID, replaces its former
// self, as a mail program would show it once.
func (b *Mailbox) Send(ctx context.Context, m notify.Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mailbox: %w: %w", notify.ErrTemporary, err)
	}
	if err := m.Check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = slices.DeleteFunc(b.kept, func(k notify.Message) bool { return k.ID == m.ID && k.To == m.To })
	b.kept = append(b.kept, m)
	b.kept = slices.Delete(b.kept, 0, max(0, len(b.kept)-b.max))
	return nil
}

// Messages returns what was sent to an address, or all when to is "".
func (b *Mailbox) Messages(to string) []notify.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []notify.Message
	for _, m := range b.kept {
		if to == "" || m.To == to {
			out = append(out, m)
		}
	}
	return out
}
