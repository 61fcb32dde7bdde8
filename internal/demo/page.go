package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
)

// tags are what every page of the product gets: the demo's own files, from the
// same origin, so that the pages' strict policies hold as they are.
const tags = `<link rel="stylesheet" href="/demo/demo.css"><script src="/demo/demo.js"></script>`

// page passes answers on, and holds those that are pages until the tags are in.
type page struct {
	http.ResponseWriter
	status int
	held   *bytes.Buffer // nil: nothing is held
}

// WriteHeader decides whether this is a page.
func (p *page) WriteHeader(status int) {
	if status >= 200 && p.status == 0 {
		p.status = status
		if strings.HasPrefix(p.Header().Get("Content-Type"), "text/html") {
			p.held = &bytes.Buffer{}
			return
		}
	}
	if p.held == nil {
		p.ResponseWriter.WriteHeader(status)
	}
}

func (p *page) Write(b []byte) (int, error) {
	if p.status == 0 {
		p.WriteHeader(http.StatusOK)
	}
	if p.held != nil {
		return p.held.Write(b)
	}
	return p.ResponseWriter.Write(b)
}

// Flush lets streams through. A page goes out when it is whole.
func (p *page) Flush() {
	if p.held == nil {
		_ = http.NewResponseController(p.ResponseWriter).Flush() // a connection that cannot flush sends later
	}
}

// Unwrap is for http.ResponseController.
func (p *page) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// finish sends the page that was held.
func (p *page) finish() {
	if p.held == nil {
		return
	}
	p.Header().Del("Content-Length")
	p.ResponseWriter.WriteHeader(p.status)
	before, after, ok := bytes.Cut(p.held.Bytes(), []byte("</head>"))
	_, _ = p.ResponseWriter.Write(before) // the reader may have gone
	if ok {
		_, _ = io.WriteString(p.ResponseWriter, tags+"</head>")
		_, _ = p.ResponseWriter.Write(after)
	}
}

// answer is what the product said to a call of the demo's own.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// ask calls the product as the visitor's browser would, with these cookies.
func (s *side) ask(r *http.Request, cookies []*http.Cookie, method, path, kind, body string) *answer {
	a := &answer{header: http.Header{}}
	q, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), method, s.cfg.BaseURL+path, strings.NewReader(body))
	if err != nil {
		a.status = http.StatusBadRequest
		return a
	}
	q.RequestURI, q.RemoteAddr = path, r.RemoteAddr
	q.Header.Set("Countersign-Unattended", "1") // to look is no use of a session
	q.Header.Set("User-Agent", r.UserAgent())   // so that a session begun here is known by the browser that began it
	if kind != "" {
		q.Header.Set("Content-Type", kind)
	}
	for _, c := range cookies {
		q.AddCookie(c)
	}
	s.next.ServeHTTP(a, q)
	return a
}
