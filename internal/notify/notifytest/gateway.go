package notifytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/internal/notify"
	"countersign/internal/notify/gateway"
	"countersign/internal/outbound"
)

const (
	// GatewaySecret is the token that a PhoneGateway wants to see.
	GatewaySecret = "canary-gateway-token"
	// GatewayFrom is the sender that a Phone of a PhoneGateway names.
	GatewayFrom = "+15550199"
)

// PhoneGateway stands for a provider that sends text messages, calls people
// and knows when SIMs changed.
//
//	phones := notifytest.StartGateway(t)
//	sms := phones.Phone(t, gateway.SMS)
//	phones.SIM("+15550100", time.Now().Add(-time.Hour))
//	…
//	came, err := phones.Wait(t.Context(), "+15550100", 1)
type PhoneGateway struct {
	URL string // http://127.0.0.1:PORT; clients need outbound.Options.AllowPrivate

	mu      sync.Mutex
	got     []Called
	sims    map[string]time.Time
	faults  []http.HandlerFunc
	arrived chan struct{} // closed at each arrival and made anew
}

// Called is one message as the provider took it.
type Called struct {
	Kind   gateway.Kind
	To     string
	From   string
	Text   string
	ID     string
	Header http.Header
}

// StartGateway runs a provider on a loopback port until the test ends.
func StartGateway(t testing.TB) *PhoneGateway {
	t.Helper()
	g := &PhoneGateway{sims: map[string]time.Time{}, arrived: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sms", g.taking(gateway.SMS))
	mux.HandleFunc("POST /voice", g.taking(gateway.Voice))
	mux.HandleFunc("POST /sim", g.tell)
	s := httptest.NewServer(g.door(mux))
	t.Cleanup(s.Close)
	g.URL = s.URL
	return g
}

// Config describes the provider, with the question after a SIM's age.
func (g *PhoneGateway) Config(kind gateway.Kind) gateway.Config {
	auth := gateway.Auth{Kind: gateway.Bearer, Secret: GatewaySecret}
	return gateway.Config{
		Name: "test", Kind: kind, From: GatewayFrom, Client: outbound.New(outbound.Options{AllowPrivate: true}),
		Send: gateway.Request{URL: g.URL + "/" + string(kind), Auth: auth, Body: gateway.JSON, Fields: []gateway.Field{
			{Name: "to", Value: "{to}"}, {Name: "from", Value: "{from}"}, {Name: "text", Value: "{text}"}, {Name: "id", Value: "{id}"},
		}},
		Success: gateway.Success{Field: "status", Values: []string{"accepted"}},
		SIMChange: &gateway.SIMChange{
			Request: gateway.Request{URL: g.URL + "/sim", Auth: auth, Body: gateway.JSON, Fields: []gateway.Field{{Name: "phoneNumber", Value: "{to}"}}},
			Field:   "latestSimChange",
		},
	}
}

// Phone reaches the provider.
func (g *PhoneGateway) Phone(t testing.TB, kind gateway.Kind) notify.Phone {
	t.Helper()
	p, err := gateway.New(g.Config(kind))
	if err != nil {
		t.Fatalf("notifytest: %v", err)
	}
	return p
}

// SIM makes the provider say that a number's SIM changed at that time. Asked
// after a number of which nothing was said, it answers 404.
func (g *PhoneGateway) SIM(number string, changed time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sims[number] = changed
}

// Fail makes the next n requests, of whatever kind, end in a fault, such as
// Status, Answer, Redirect or Hang.
func (g *PhoneGateway) Fail(n int, fault http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range n {
		g.faults = append(g.faults, fault)
	}
}

// Status is the fault of answering with a status.
func Status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// Answer is the fault of answering 200 with a body of the test's own.
func Answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// Redirect is the fault of sending the caller elsewhere.
func Redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
}

// Hang is the fault of beginning an answer and never ending it.
func Hang(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, `{"status": "acc`)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// Messages returns what was taken so far, the oldest first.
func (g *PhoneGateway) Messages() []Called {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.got)
}

// To returns what was taken so far for one number.
func (g *PhoneGateway) To(number string) []Called {
	return slices.DeleteFunc(g.Messages(), func(c Called) bool { return c.To != number })
}

// Wait returns the messages to a number as soon as there are n, or an error
// when ctx ends first.
func (g *PhoneGateway) Wait(ctx context.Context, to string, n int) ([]Called, error) {
	for {
		g.mu.Lock()
		next := g.arrived
		g.mu.Unlock()
		if got := g.To(to); len(got) >= n {
			return got, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, fmt.Errorf("notifytest: waiting for %d messages to %s, have %d: %w", n, to, len(g.To(to)), ctx.Err())
		}
	}
}

// door lets those in who show the token, unless a fault is waiting.
func (g *PhoneGateway) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // only then is it noticed when the caller goes
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		g.mu.Lock()
		var fault http.HandlerFunc
		if len(g.faults) > 0 {
			fault, g.faults = g.faults[0], g.faults[1:]
		}
		g.mu.Unlock()
		switch {
		case fault != nil:
			fault(w, r)
		case r.Header.Get("Authorization") != "Bearer "+GatewaySecret:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (g *PhoneGateway) taking(kind gateway.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var m struct{ To, From, Text, ID string }
		if !strictly(w, r, &m) {
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.got = append(g.got, Called{Kind: kind, To: m.To, From: m.From, Text: m.Text, ID: m.ID, Header: r.Header.Clone()})
		close(g.arrived)
		g.arrived = make(chan struct{})
		_, _ = io.WriteString(w, `{"status": "accepted"}`)
	}
}

func (g *PhoneGateway) tell(w http.ResponseWriter, r *http.Request) {
	var asked struct{ PhoneNumber string }
	if !strictly(w, r, &asked) {
		return
	}
	g.mu.Lock()
	at, ok := g.sims[asked.PhoneNumber]
	g.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]time.Time{"latestSimChange": at})
}

// strictly reads a JSON body; it answers 400 to any that is not as described.
func strictly(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if r.Header.Get("Content-Type") != "application/json" || d.Decode(into) != nil || d.More() {
		w.WriteHeader(http.StatusBadRequest)
		return false
	}
	return true
}
