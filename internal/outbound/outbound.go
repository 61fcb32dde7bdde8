// Package outbound is the only HTTP client that calls out. It is for addresses
// that an operator wrote into the configuration, and still trusts nobody: not
// the name service, not the server that answers, not what it answers.
//
//	client := outbound.New(outbound.Options{})
//	resp, err := outbound.Do(client, req)
//	…
//	body, err := outbound.ReadAll(resp, 64<<10)
//
// It speaks HTTP/1.1 over TLS 1.2 or newer, follows no redirects, keeps no
// cookies, takes no proxy from the environment, and refuses addresses that no
// partner can have (see Options.AllowPrivate). Everything ends: each phase has
// a time limit of its own, and the whole call has one.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

var (
	// ErrAddress: the guard refused to call there.
	ErrAddress = errors.New("calls to this address are refused")
	// ErrTooLarge: the answer is longer than its reader allows.
	ErrTooLarge = errors.New("the answer is too large")
)

// Options says how the client gets out. The zero value calls the public
// internet directly.
type Options struct {
	// Proxy is an http or https proxy for all calls but those to loopback; nil
	// for none. Behind one, names are resolved by the proxy, which then has to
	// guard addresses itself; only addresses written as numbers are judged here.
	Proxy   *url.URL
	RootCAs *x509.CertPool // nil for the machine's own
	// AllowPrivate permits loopback and private networks, for partners inside.
	// Link-local, multicast and unspecified addresses and those where clouds
	// tell instances their secrets stay refused.
	AllowPrivate bool
	Timeout      time.Duration // for one call with its answer; 0 counts as 15 seconds
}

const (
	timeoutWhole  = 15 * time.Second
	timeoutDial   = 5 * time.Second
	timeoutTLS    = 5 * time.Second
	timeoutAnswer = 10 * time.Second // until the headers have come
	maxHeader     = 64 << 10
)

// New makes a client. Several goroutines may use it. Call through Do: the
// client's own errors repeat the query string.
func New(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = timeoutWhole
	}
	g := &guard{Options: o}
	g.next = &http.Transport{
		Proxy:                  g.proxy,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    timeoutTLS,
		ResponseHeaderTimeout:  timeoutAnswer,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // a small answer must not unfold into a large one
		// HTTP/2 stays off (it is with a dialler of our own): calls are few, and
		// every protocol more is one more to be attacked through.
	}
	return &http.Client{
		Transport: g,
		Timeout:   o.Timeout,
		// A redirect is an answer like any other: who is to be called stands in
		// the configuration and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// guard looks at each request before it leaves and at each address before it
// is connected to.
type guard struct {
	Options
	next     *http.Transport
	resolver *net.Resolver // nil for the machine's own
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.Check(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes it in any case
		}
		return nil, err
	}
	return g.next.RoundTrip(r)
}

// CloseIdleConnections is for http.Client's method of the same name.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

func (g *guard) proxy(r *http.Request) (*url.URL, error) {
	if loopback(r.URL.Hostname()) {
		return nil, nil //nolint:nilnil // http.Transport's way to say: directly
	}
	return g.Proxy, nil
}

// ReadAll reads an answer of at most max bytes and closes it. One that is
// longer is ErrTooLarge.
func ReadAll(resp *http.Response, max int64) ([]byte, error) {
	defer resp.Body.Close()
	if resp.ContentLength > max {
		return nil, fmt.Errorf("outbound: reading the answer: %w", ErrTooLarge)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, max+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("outbound: reading the answer: %w", reason(err))
	case int64(len(text)) > max:
		return nil, fmt.Errorf("outbound: reading the answer: %w", ErrTooLarge)
	}
	return text, nil
}

// CheckProxy reports why u cannot be Options.Proxy.
func CheckProxy(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return errors.New("a proxy is of the form http://HOST:PORT or https://HOST:PORT")
	case u.User != nil:
		return errors.New("a proxy's password would stand in the open here; let the proxy admit this machine by its address")
	}
	return nil
}
