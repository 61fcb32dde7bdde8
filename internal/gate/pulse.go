package gate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/notify"
)

// Pulse is what real traffic with one part told of it since the server began.
// Its methods are safe for concurrent use.
type Pulse struct {
	kind PartKind
	name string

	mu         sync.Mutex
	calls      int
	failures   int
	lastOK     time.Time
	lastFailed time.Time
	failure    string
	took       []time.Duration // of the last calls that were answered
	off        *int64          // milliseconds that its clock is ahead of ours
}

// remembered is how many calls a part's usual time is taken from.
const remembered = 64

// NewPulse makes the pulse of a part that the gate itself does not call.
func NewPulse(kind PartKind, name string) *Pulse { return &Pulse{kind: kind, name: name} }

// Beat takes down one call that ended at a moment: how long it took and what
// came of it, nil for an answer. A call that its own caller gave up tells
// nothing. failure says in words what went wrong, without anybody's secrets.
func (p *Pulse) Beat(at time.Time, took time.Duration, err error, failure string) {
	if errors.Is(err, context.Canceled) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if err != nil {
		p.failures++
		p.lastFailed, p.failure = at, failure
		return
	}
	p.lastOK = at
	p.took = append(p.took[max(0, len(p.took)-remembered+1):len(p.took):len(p.took)], took)
}

// Clock takes down how far the part's clock is ahead of ours.
func (p *Pulse) Clock(ahead time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	millis := ahead.Milliseconds()
	p.off = &millis
}

// usual is the middle of what the last calls took; 0 where there were none.
func (p *Pulse) usual() time.Duration {
	if len(p.took) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(p.took))[len(p.took)/2]
}

// View is the part as its pulse knows it.
func (p *Pulse) View() PartView {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := PartView{Kind: p.kind, Name: p.name, State: PartUnused, Calls: p.calls, Failures: p.failures,
		LastOK: momentOf(p.lastOK), LastFailed: momentOf(p.lastFailed), Failure: p.failure, Usual: p.usual().Milliseconds(), Off: p.off}
	switch {
	case p.lastFailed.After(p.lastOK):
		v.State = PartFailing
	case p.calls > 0:
		v.State = PartOK
	}
	return v
}

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// pulses are the parts the gate works with, and what it last heard of them.
type pulses struct {
	since  time.Time
	all    []*Pulse // in the order they are shown
	now    func() time.Time
	words  func(error) string
	probes probes
}

// feel puts a finger on every part that the gate calls.
func (g *Gate) feel(p Parts) {
	words := func(err error) string { return InWords(err, p.Words) }
	g.pulses = &pulses{since: g.now(), now: g.now, words: words}
	g.kinds, g.beside = p.Kinds, p.Beside
	g.mail = g.pulses.feelMail(p.Sender)
	g.sms, g.voice = g.pulses.feelPhone(PartSMS, p.SMS), g.pulses.feelPhone(PartVoice, p.Voice)
}

func (ps *pulses) add(kind PartKind, name string) *Pulse {
	p := NewPulse(kind, name)
	ps.all = append(ps.all, p)
	return p
}

// call runs one call of a part and takes down what came of it.
func (ps *pulses) call(p *Pulse, do func() error) error {
	began := time.Now()
	err := do()
	failed := err
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
		failed = nil // an answer like any other
	}
	words := ""
	if failed != nil {
		words = ps.words(failed)
	}
	p.Beat(ps.now(), time.Since(began), failed, words)
	return err
}

// felt is a directory whose reads are taken down.
type felt struct {
	directory.Directory
	ps    *pulses
	pulse *Pulse
}

func (ps *pulses) feel(d directory.Directory) directory.Directory {
	return felt{d, ps, ps.add(PartDirectory, d.Name())}
}

// Find implements directory.Directory.
func (f felt) Find(ctx context.Context, login string) (a directory.Account, err error) {
	err = f.ps.call(f.pulse, func() error { a, err = f.Directory.Find(ctx, login); return err })
	return a, err
}

// Lookup implements directory.Directory.
func (f felt) Lookup(ctx context.Context, id identity.AccountID) (a directory.Account, err error) {
	err = f.ps.call(f.pulse, func() error { a, err = f.Directory.Lookup(ctx, id); return err })
	return a, err
}

// feltMail is a sender whose messages are taken down.
type feltMail struct {
	notify.Sender
	ps    *pulses
	pulse *Pulse
}

// Send implements notify.Sender.
func (f feltMail) Send(ctx context.Context, m notify.Message) error {
	return f.ps.call(f.pulse, func() error { return f.Sender.Send(ctx, m) })
}

// feltPhone is a way to telephones whose messages are taken down.
type feltPhone struct {
	notify.Phone
	ps    *pulses
	pulse *Pulse
}

// Send implements notify.Phone.
func (f feltPhone) Send(ctx context.Context, m notify.PhoneMessage) error {
	return f.ps.call(f.pulse, func() error { return f.Phone.Send(ctx, m) })
}

// feelMail and feelPhone leave nothing where there is nothing.
func (ps *pulses) feelMail(s notify.Sender) notify.Sender {
	if s == nil {
		return nil
	}
	return feltMail{s, ps, ps.add(PartMail, "")}
}

func (ps *pulses) feelPhone(kind PartKind, p notify.Phone) notify.Phone {
	if p == nil {
		return nil
	}
	return feltPhone{p, ps, ps.add(kind, "")}
}

// InWords says what went wrong with a call: in the words of who knows better,
// if they have any, or in the gate's.
func InWords(err error, better func(error) string) string {
	if better != nil {
		if said := better(err); said != "" {
			return said
		}
	}
	return failureWords(err)
}

// failureWords says what went wrong with a call. It never repeats an error's
// own text, in which an address with its token may stand.
func failureWords(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var lapsed x509.CertificateInvalidError
	switch {
	case errors.As(err, &cert), errors.As(err, &authority), errors.As(err, &host), errors.As(err, &lapsed):
		return "its certificate is not trusted here, is for another name, or has lapsed"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	case errors.As(err, &dns):
		return "its name could not be found"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection to it could be made"
	case errors.Is(err, notify.ErrPermanent):
		return "it refused a message or its address for good"
	case errors.Is(err, notify.ErrTemporary):
		return "it answered, and did not take the message for now"
	case errors.Is(err, directory.ErrUnreachable):
		return "it gave no answer that could be used"
	}
	return "it did not work; the log says more"
}
