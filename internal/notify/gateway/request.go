package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"countersign/internal/identity"
)

const (
	maxName  = 100
	maxValue = 1000
)

// request is a Request taken apart and checked.
type request struct {
	method   string
	path     template // scheme, host and path
	query    template // of the URL as it is configured
	headers  []entry
	body     Body
	fields   []entry // of a form or a query
	tree     *node   // of JSON
	kind     AuthKind
	header   string // that shows the secret
	shown    string // the header's value
	secret   string // for {secret}
	mentions template
}

// entry is a field taken apart.
type entry struct {
	name  string
	value template
	typ   string
}

// request takes a description apart and collects what is wrong with it; at
// goes before the names of its parts.
func (fs *Faults) request(at string, c Request, slots []string) *request {
	r, before := &request{method: c.Method, body: c.Body, kind: c.Auth.Kind}, len(*fs)
	if r.method == "" {
		r.method = http.MethodPost
	}
	elsewhere := slices.DeleteFunc(slices.Clone(slots), func(s string) bool { return s == "text" })
	fs.url(at, c.URL, elsewhere, r)
	fs.auth(at, c.Auth, r)
	fs.headers(at, c.Headers, elsewhere, r)
	inFields := slots
	if c.Auth.Kind == InBody {
		inFields = append(slices.Clone(slots), "secret")
	}
	fs.fields(at, c.Fields, inFields, r)
	switch {
	case !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodGet}, r.method):
		fs.say(at+"method", "%q is not one of POST, PUT, GET", identity.Line(r.method, 20))
	case r.method == http.MethodGet && r.body != "" && r.body != Query:
		fs.say(at+"body", "GET takes its fields as a query")
	case r.body != "" && r.body != JSON && r.body != Form && r.body != Query:
		fs.say(at+"body", "%q is not one of json, form, query", identity.Line(string(r.body), 20))
	case r.body == "" && len(c.Fields) > 0:
		fs.say(at+"body", "say how the fields travel: json, form or query")
	case len(*fs) > before: // what is missing may be what is misspelt
	case slices.Contains(slots, "text") && !r.mentions.names("text"):
		fs.say(at+"fields", "no field holds {text}")
	case !r.mentions.names("to", "to_digits"):
		fs.say(at+"fields", "neither {to} nor {to_digits} stands anywhere")
	case r.kind == InBody && !r.mentions.names("secret"):
		fs.say(at+"fields", "auth is of kind field, and no field holds {secret}")
	}
	return r
}

// template parses text and notes which places it mentions.
func (fs *Faults) template(at, text string, slots []string, r *request) template {
	if err := identity.CheckLine(text, maxValue); err != nil {
		fs.say(at, "%v", err)
		return nil
	}
	t, err := parse(text, slots)
	if err != nil {
		fs.say(at, "%v", err)
	}
	r.mentions = append(r.mentions, t...)
	return t
}

func (fs *Faults) url(at, text string, slots []string, r *request) {
	before := len(*fs)
	path, query, _ := strings.Cut(text, "?")
	r.path = fs.template(at+"url", path, slots, r)
	r.query = fs.template(at+"url", query, slots, r)
	if len(*fs) > before {
		return
	}
	u, err := url.Parse(r.address(values{}))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(text, " #\\\""):
		fs.say(at+"url", "this is not of the form https://HOST/PATH")
	case strings.Contains(authority(text), "{"):
		fs.say(at+"url", "who is called stands fast: no place may stand in the host")
	case u.Scheme != "https" && u.Scheme != "http":
		fs.say(at+"url", "this is not of the form https://HOST/PATH")
	}
}

// authority is all of a URL before its path.
func authority(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + host
}

var (
	token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_|~-]+$")
	// ours are the headers that the client or another key sets.
	ours = strings.Fields("host content-length transfer-encoding connection te trailer upgrade expect cookie proxy-authorization proxy-connection keep-alive accept-encoding content-encoding authorization")
)

func (fs *Faults) headers(at string, fields []Field, slots []string, r *request) {
	seen := map[string]bool{strings.ToLower(r.header): true}
	for i, f := range fields {
		here := fmt.Sprintf("%sheaders[%d]", at, i)
		name := strings.ToLower(f.Name)
		switch {
		case !token.MatchString(f.Name):
			fs.say(here+".name", "this is not the name of a header")
		case name == "authorization":
			fs.say(here+".name", "secrets belong into auth; auth of kind header sets any header")
		case slices.Contains(ours, name):
			fs.say(here+".name", "this header is not for you to set")
		case seen[name]:
			fs.say(here+".name", "this header is set twice")
		}
		if f.Type != "" {
			fs.say(here+".type", "headers have no type")
		}
		if !visible(f.Value) {
			fs.say(here+".value", "a header is plain ASCII")
		}
		seen[name] = true
		r.headers = append(r.headers, entry{name: f.Name, value: fs.template(here+".value", f.Value, slots, r)})
	}
}

func (fs *Faults) auth(at string, a Auth, r *request) {
	at += "auth"
	switch a.Kind {
	case NoAuth, "":
		if a.User != "" || a.Header != "" || a.Secret != "" {
			fs.say(at+".kind", "say how the secret is shown: basic, bearer, header or field")
		}
		return
	case Basic:
		r.header, r.shown = "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Secret))
		if a.User == "" || strings.Contains(a.User, ":") || identity.CheckLine(a.User, maxName) != nil {
			fs.say(at+".user", "basic needs a user, without a colon")
		}
	case Bearer:
		r.header, r.shown = "Authorization", "Bearer "+a.Secret
	case Header:
		r.header, r.shown = a.Header, a.Secret
		if !token.MatchString(a.Header) || slices.Contains(ours[:len(ours)-1], strings.ToLower(a.Header)) {
			fs.say(at+".header", "name the header that holds the secret, such as X-Api-Key")
		}
	case InBody:
		r.secret = a.Secret
	default:
		fs.say(at+".kind", "%q is not one of none, basic, bearer, header, field", identity.Line(string(a.Kind), 20))
		return
	}
	if a.Secret == "" {
		fs.say(at+".password_file", "the secret is missing")
	} else if a.Kind != Basic && !visible(a.Secret) || a.Kind == Bearer && strings.Contains(a.Secret, " ") {
		fs.say(at+".password_file", "the secret has characters that cannot travel so")
	}
	if a.User != "" && a.Kind != Basic {
		fs.say(at+".user", "only basic has a user")
	}
	if a.Header != "" && a.Kind != Header {
		fs.say(at+".header", "only kind header names one")
	}
}

// visible reports whether s is printable ASCII that neither begins nor ends
// with a space.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) && strings.TrimSpace(s) == s
}

// address is the URL. A value in its path cannot become a slash, nor one in
// its query an ampersand.
func (r *request) address(v values) string {
	out := r.path.fill(v, url.PathEscape)
	query := r.query.fill(v, escape)
	if r.body == Query {
		query = strings.Trim(query+"&"+encode(r.fields, v), "&")
	}
	if query != "" {
		out += "?" + query
	}
	return out
}

// build makes one request. Its errors do not repeat the values.
func (r *request) build(ctx context.Context, v values) (*http.Request, error) {
	if r.kind == InBody {
		v["secret"] = r.secret
	}
	var text []byte
	var kind string
	switch r.body {
	case JSON:
		kind = "application/json"
		raw, err := r.tree.encode(v)
		if err != nil {
			return nil, err
		}
		text = raw
	case Form:
		kind, text = "application/x-www-form-urlencoded", []byte(encode(r.fields, v))
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.address(v), bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("the URL cannot be made")
	}
	req.Header.Set("User-Agent", "countersign")
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for _, h := range r.headers {
		req.Header.Set(h.name, h.value.fill(v, plain))
	}
	if r.header != "" {
		req.Header.Set(r.header, r.shown)
	}
	return req, nil
}
