// Package gateway reaches telephones through a provider's HTTP interface. No
// provider is known here: the configuration describes the request, and what
// in the answer means that the message was taken.
//
// A description has places for what differs between messages: {to}, such as
// +15550100; {to_digits}, the same without the plus sign; {from}, the sender
// of the configuration; {id}, the same for each attempt; and, in fields only,
// {text}, and {secret} where a provider wants a password among the fields.
// Each is encoded for where it stands: whatever the text, it comes out at the
// other end as it went in, in its place and nowhere else.
//
// docs/gateways.md has a worked example for each common shape.
package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/internal/notify"
	"countersign/internal/outbound"
)

// Kind is the way in which a gateway reaches telephones.
type Kind string

// The ways.
const (
	SMS   Kind = "sms"
	Voice Kind = "voice" // the gateway calls and speaks the text
)

// Config describes a gateway.
type Config struct {
	Name      string       // in errors
	Kind      Kind         //
	From      string       // what {from} stands for; "" when nothing refers to it
	Send      Request      // sends one message
	Success   Success      // what the answer must say besides a 2xx status
	Permanent []int        // statuses that refuse a message for good; see refused for those when empty
	SIMChange *SIMChange   // nil when the provider does not tell
	Client    *http.Client // from outbound.New
	Now       func() time.Time
}

// Request describes a request.
type Request struct {
	URL     string  // with places in its path and query, never in its host
	Method  string  // POST when empty, PUT or GET
	Auth    Auth    //
	Headers []Field // without types
	Body    Body    // how the fields travel
	Fields  []Field //
}

// Body is how fields travel.
type Body string

// The ways of fields.
const (
	JSON  Body = "json"  // a name is a path: messages.0.to is the member to of the first of a list messages
	Form  Body = "form"  // as a web form sends them
	Query Body = "query" // behind the question mark of the URL
)

// Field is a name and a value with places.
type Field struct {
	Name  string
	Value string
	Type  string // of a JSON value: text when empty, number or boolean
}

// Auth is how the gateway knows that it is us.
type Auth struct {
	Kind   AuthKind
	User   string // of basic
	Header string // of header
	Secret string
}

// AuthKind is a way to show a secret.
type AuthKind string

// The ways to show a secret.
const (
	NoAuth AuthKind = "none"   // also ""
	Basic  AuthKind = "basic"  // RFC 7617
	Bearer AuthKind = "bearer" // RFC 6750
	Header AuthKind = "header" // the secret is the whole value of a header
	InBody AuthKind = "field"  // the secret stands where a field says {secret}
)

// Success is what a JSON answer must say. The zero value asks for nothing but
// a 2xx status.
type Success struct {
	Field  string   // a path such as messages.0.status
	Values []string // one of these, as it is written in the answer without quotes
}

// SIMChange describes the request that asks when a number's SIM last changed.
type SIMChange struct {
	Request
	Field string // the path of the answer's time
	Unit  Unit
}

// Unit is how an answer writes a time.
type Unit string

// The ways to write a time: as RFC 3339 has it, or as an age in numbers.
const (
	Time    Unit = "time" // also ""
	Seconds Unit = "seconds"
	Hours   Unit = "hours"
	Days    Unit = "days"
)

// maxAnswer is generous: answers are a few hundred bytes.
const maxAnswer = 64 << 10

// Gateway is a notify.Phone. Several goroutines may use it.
type Gateway struct {
	name      string
	from      string
	send      *request
	success   Success
	permanent []int
	sim       *request
	simField  string
	simUnit   Unit
	client    *http.Client
	now       func() time.Time
}

// New checks a description. It does not call. Its error is Faults.
func New(c Config) (*Gateway, error) {
	var faults Faults
	faults.config(c)
	g := &Gateway{
		name: c.Name, from: c.From, success: c.Success, permanent: c.Permanent, client: c.Client, now: c.Now,
		send: faults.request("", c.Send, slotsOfMessage),
	}
	if g.now == nil {
		g.now = time.Now
	}
	if c.SIMChange != nil {
		g.sim = faults.request("sim_change.", c.SIMChange.Request, slotsOfNumber)
		g.simField, g.simUnit = c.SIMChange.Field, c.SIMChange.Unit
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return g, nil
}

// Send implements notify.Phone. Two attempts with the same message may bring
// two messages: an answer can be lost. A provider that is given {id} may see
// that they are one.
func (g *Gateway) Send(ctx context.Context, m notify.PhoneMessage) error {
	if err := m.Check(); err != nil {
		return err
	}
	v := g.values(m.To)
	v["text"], v["id"] = m.Text, m.ID
	if err := g.deliver(ctx, v); err != nil {
		return fmt.Errorf("gateway %s: sending message %s: %w", g.name, m.ID, err)
	}
	return nil
}

func (g *Gateway) deliver(ctx context.Context, v values) error {
	resp, err := g.call(ctx, g.send, v)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if g.success.Field == "" {
		return nil
	}
	word, err := read(resp, g.success.Field)
	if err != nil {
		return fmt.Errorf("%w: %w", notify.ErrTemporary, err)
	}
	if text, ok := written(word); !ok || !slices.Contains(g.success.Values, text) {
		return fmt.Errorf("%w: the answer's %s is none of the words for success", notify.ErrTemporary, g.success.Field)
	}
	return nil
}

// SIMChanged implements notify.Phone: the zero time and no error when the
// configuration has no way to ask.
func (g *Gateway) SIMChanged(ctx context.Context, number string) (time.Time, error) {
	if g.sim == nil {
		return time.Time{}, nil
	}
	at, err := g.ask(ctx, number)
	if err != nil {
		return time.Time{}, fmt.Errorf("gateway %s: asking when a SIM changed: %w", g.name, err)
	}
	return at, nil
}

func (g *Gateway) ask(ctx context.Context, number string) (time.Time, error) {
	if err := notify.CheckNumber(number); err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", notify.ErrPermanent, err)
	}
	resp, err := g.call(ctx, g.sim, g.values(number))
	if err != nil {
		return time.Time{}, err
	}
	v, err := read(resp, g.simField)
	if err == nil {
		var at time.Time
		if at, err = moment(v, g.simUnit, g.now()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: the answer's %s: %w", notify.ErrTemporary, g.simField, err)
}

func (g *Gateway) values(to string) values {
	return values{"to": to, "to_digits": strings.TrimPrefix(to, "+"), "from": g.from}
}

// call answers only with a 2xx.
func (g *Gateway) call(ctx context.Context, r *request, v values) (*http.Response, error) {
	req, err := r.build(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", notify.ErrPermanent, err)
	}
	resp, err := outbound.Do(g.client, req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", notify.ErrTemporary, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	_ = resp.Body.Close()
	kind := notify.ErrTemporary
	if g.refused(resp.StatusCode) {
		kind = notify.ErrPermanent
	}
	return nil, fmt.Errorf("%w: the gateway answered %d", kind, resp.StatusCode)
}

// refused reports whether a status is about the message. Where nothing is
// configured those are the 4xx, but for the ones that say to come back later
// and the ones about our own account: a password or a balance can be mended.
func (g *Gateway) refused(status int) bool {
	if len(g.permanent) > 0 {
		return slices.Contains(g.permanent, status)
	}
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusProxyAuthRequired:
		return false
	}
	return status >= 400 && status < 500
}
