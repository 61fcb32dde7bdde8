package outbound

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// secret stands for what must never be repeated.
const secret = "canary-4711"

// get calls a URL that holds a secret everywhere it may, and fails the test
// when the error repeats it.
func get(t *testing.T, c *http.Client, where string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, where+"/"+secret+"?key="+secret, strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Key", secret)
	resp, err := Do(c, r)
	hushed(t, err)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func hushed(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the error repeats a secret: %v", err)
	}
}

func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, Options) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that its client has gone
		h(w, r)
	}))
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, Options{RootCAs: pool, AllowPrivate: true}
}

func TestAServerInsideIsCalledOnlyWhereThatIsAllowed(t *testing.T) {
	s, o := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	resp, err := get(t, New(o), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := ReadAll(resp, 5); err != nil || string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	o.AllowPrivate = false
	if _, err := get(t, New(o), s.URL); !errors.Is(err, ErrAddress) {
		t.Errorf("without leave: %v", err)
	}
}

func TestAnAddressIsJudged(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "open", "2001:db8::1": "open", "8.8.8.8": "open", "64:ff9b::808:808": "open",
		"10.1.2.3": "inside", "172.16.0.1": "inside", "192.168.1.1": "inside", "100.64.0.1": "inside", "fd12::1": "inside",
		"127.0.0.1": "inside", "127.9.9.9": "inside", "::1": "inside", "::ffff:127.0.0.1": "inside", "::ffff:10.0.0.1": "inside",
		"64:ff9b::a00:1": "inside", "64:ff9b:1::a00:1": "inside", "198.18.0.1": "inside",
		"169.254.169.254": "never", "::ffff:169.254.169.254": "never", "64:ff9b::a9fe:a9fe": "never", "fe80::1": "never", "fe80::1%eth0": "never",
		"0.0.0.0": "never", "::": "never", "0.1.2.3": "never", "224.0.0.1": "never", "ff02::1": "never", "255.255.255.255": "never",
		"100.100.100.200": "never", "168.63.129.16": "never", "fd00:ec2::254": "never", "2002:a9fe:a9fe::1": "never", "::a9fe:a9fe": "never", "2001::1": "never",
	} {
		ip := netip.MustParseAddr(text)
		strict, lax := judge(ip, false), judge(ip, true)
		for _, err := range []error{strict, lax} {
			if err != nil && !errors.Is(err, ErrAddress) {
				t.Errorf("%s: %v is not ErrAddress", text, err)
			}
		}
		if got := map[bool]string{true: "open", false: map[bool]string{true: "inside", false: "never"}[lax == nil]}[strict == nil]; got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if judge(netip.Addr{}, true) == nil {
		t.Error("no address at all is called")
	}
}

func TestAURLIsJudgedByItsSpelling(t *testing.T) {
	for where, want := range map[string]string{
		"https://api.example.org": "", "https://192.0.2.1": "", "https://[2001:db8::1]": "",
		"http://api.example.org": "only https", "ftp://api.example.org": "not of the form", "https://": "not of the form", "http://192.0.2.1": "only https",
		"http://localhost:1": "allow_private", "https://LOCALHOST": "allow_private", "https://127.0.0.1": "allow_private", "https://[::ffff:127.0.0.1]": "allow_private",
		"https://169.254.169.254": "nobody's", "https://[::ffff:169.254.169.254]": "nobody's", "https://10.0.0.1": "allow_private",
		"https://2852039166": "odd spelling", "https://0xa9fea9fe": "odd spelling", "https://127.1": "odd spelling", "https://0251.0376.0251.0376": "odd spelling", "https://10.0.0.1.": "odd spelling",
	} {
		u, err := url.Parse(where)
		if err != nil {
			t.Fatal(err)
		}
		if err := (Options{}).Check(u); want == "" && err != nil || want != "" && (!errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", where, err, want)
		}
	}
	for _, where := range []string{"http://localhost:1", "http://[::1]:1", "https://10.0.0.1"} {
		u, _ := url.Parse(where)
		if err := (Options{AllowPrivate: true}).Check(u); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// names is a name service that gives each question the next of its addresses.
func names(t *testing.T, answers ...string) *net.Resolver {
	t.Helper()
	asked := 0
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			size := make([]byte, 2)
			if _, err := io.ReadFull(there, size); err != nil {
				return
			}
			q := make([]byte, binary.BigEndian.Uint16(size))
			if _, err := io.ReadFull(there, q); err != nil {
				return
			}
			_, _ = there.Write(answerDNS(q, netip.MustParseAddr(answers[min(asked, len(answers)-1)])))
		}()
		return here, nil
	}}
}

// answerDNS answers one question for an IPv4 address, in the form of TCP.
func answerDNS(q []byte, ip netip.Addr) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	question := q[12 : end+5]
	a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if kind := binary.BigEndian.Uint16(q[end+1:]); kind == 1 {
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		a = append(a, ip.AsSlice()...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)
}

func TestANameThatLeadsInsideIsNotFollowed(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"} {
		c := New(Options{})
		c.Transport.(*guard).resolver = names(t, ip)
		if _, err := get(t, c, "https://api.example.org"); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", ip, err)
		}
	}
	c := New(Options{AllowPrivate: true})
	c.Transport.(*guard).resolver = names(t, "169.254.169.254")
	if _, err := get(t, c, "https://api.example.org"); !errors.Is(err, ErrAddress) {
		t.Errorf("metadata, where private networks are allowed: %v", err)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	for _, to := range []string{"/elsewhere", "https://169.254.169.254/latest/meta-data", "http://127.0.0.1/", "//other.example"} {
		calls := 0
		s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		})
		resp, err := get(t, New(o), s.URL)
		if err != nil || resp.StatusCode != http.StatusTemporaryRedirect || calls != 1 {
			t.Errorf("%s: %v, after %d calls", to, err, calls)
		}
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range 1000 {
			if _, err := io.WriteString(w, strings.Repeat(secret, 1000)); err != nil {
				return
			}
		}
	})
	resp, err := get(t, New(o), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ReadAll(resp, 100)
	hushed(t, err)
	if !errors.Is(err, ErrTooLarge) || text != nil {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestALengthThatIsTooLargeIsNotWaitedFor(t *testing.T) {
	s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	resp, err := get(t, New(o), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAll(resp, 100); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// A server that sends a byte and then nothing, or nothing at all, is left.
func TestAServerThatDawdlesIsLeft(t *testing.T) {
	s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	o.Timeout = 200 * time.Millisecond
	if _, err := get(t, New(o), s.URL); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no headers: %v", err)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	resp, err := Do(New(o), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAll(resp, 100); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("half a body: %v", err)
	}
}

func TestTheClientIsBornWithLimits(t *testing.T) {
	c := New(Options{})
	tr := c.Transport.(*guard).next
	if c.Timeout != 15*time.Second || tr.TLSHandshakeTimeout == 0 || tr.ResponseHeaderTimeout == 0 || tr.MaxResponseHeaderBytes == 0 || c.Jar != nil {
		t.Errorf("%+v", tr)
	}
	if tr.TLSClientConfig.InsecureSkipVerify || tr.TLSClientConfig.MinVersion < 0x0303 {
		t.Errorf("%+v", tr.TLSClientConfig)
	}
}

func TestTheEnvironmentSetsNoProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	u, err := New(Options{}).Transport.(*guard).next.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "api.example.org"}})
	if u != nil || err != nil {
		t.Errorf("%v, %v", u, err)
	}
}

func TestACertificateThatDoesNotHoldIsSaid(t *testing.T) {
	s, o := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	o.RootCAs = x509.NewCertPool()
	if _, err := get(t, New(o), s.URL); err == nil || !strings.Contains(err.Error(), "authority is not known here (hint: ca_file)") {
		t.Error(err)
	}
}

// raw is a server that says exactly one thing to whoever connects.
func raw(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, words)
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestTheWordsOfAServerAreNotRepeated(t *testing.T) {
	for name, words := range map[string]string{
		"garbage":            secret,
		"a strange status":   "HTTP/1.1 " + secret + " OK\r\n\r\n",
		"a strange version":  "HTTP/" + secret + " 200 OK\r\n\r\n",
		"a strange header":   "HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n",
		"a strange length":   "HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n",
		"a strange coding":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
		"a strange redirect": "HTTP/1.1 302 Found\r\nLocation: http://%zz" + secret + "\r\n\r\n",
		"endless headers":    "HTTP/1.1 200 OK\r\nX: " + strings.Repeat(secret, maxHeader) + "\r\n\r\n",
		"nothing":            "",
	} {
		if _, err := get(t, New(Options{AllowPrivate: true}), raw(t, words)); err == nil {
			t.Errorf("%s passes for an answer", name)
		}
	}
}

func TestAProxyIsUsedForAllButThisMachine(t *testing.T) {
	proxy := raw(t, "HTTP/1.1 407 "+secret+"\r\n\r\n")
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Proxy: u}
	if _, err := get(t, New(o), "https://api.example.org"); err == nil || !strings.Contains(err.Error(), "the proxy refused with status 407") {
		t.Errorf("through the proxy: %v", err)
	}
	for _, where := range []string{"https://127.0.0.1", "https://169.254.169.254", "https://10.0.0.1", "http://api.example.org"} {
		if _, err := get(t, New(o), where); !errors.Is(err, ErrAddress) {
			t.Errorf("%s through the proxy: %v", where, err)
		}
	}
	s, o := serve(t, func(http.ResponseWriter, *http.Request) {})
	o.Proxy = u
	if _, err := get(t, New(o), s.URL); err != nil {
		t.Errorf("to this machine, past the proxy: %v", err)
	}
}

func TestAProxyIsOfOneForm(t *testing.T) {
	for where, good := range map[string]bool{
		"http://gate.example:8080": true, "https://10.0.0.1": true,
		"socks5://gate.example": false, "gate:8080": false, "http://u:" + secret + "@gate.example": false, "http://gate.example/path": false, "http://gate.example?x": false,
	} {
		u, err := url.Parse(where)
		if err != nil {
			t.Fatal(err)
		}
		err = CheckProxy(u)
		hushed(t, err)
		if (err == nil) != good {
			t.Errorf("%s: %v", where, err)
		}
	}
}

func ExampleDo() {
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://169.254.169.254/?token=secret", http.NoBody)
	_, err := Do(New(Options{}), r) //nolint:bodyclose // there is no answer
	fmt.Println(err)
	// Output: outbound: calling 169.254.169.254: calls to this address are refused: 169.254.169.254 is nobody's address
}
