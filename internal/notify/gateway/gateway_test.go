package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/internal/notify"
	"countersign/internal/notify/gateway"
	"countersign/internal/notify/notifytest"
	"countersign/internal/outbound"
)

const (
	canary = "canary-4711 0815" // the text; must not stand in an error
	number = "+15550100"
)

func message() notify.PhoneMessage {
	return notify.PhoneMessage{To: number, Text: canary, ID: "notice-1"}
}

func built(t *testing.T, c gateway.Config) *gateway.Gateway {
	t.Helper()
	g, err := gateway.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// hushed fails the test when an error tells what no log may have.
func hushed(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range []string{canary, url.QueryEscape(canary), "4711", notifytest.GatewaySecret, number, number[1:]} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells %q: %v", secret, err)
		}
	}
}

func TestWhoIsToBlameForAMessageNotTaken(t *testing.T) {
	for status, want := range map[int]error{
		200: nil, 201: nil, 202: nil, 204: nil,
		400: notify.ErrPermanent, 404: notify.ErrPermanent, 422: notify.ErrPermanent, 410: notify.ErrPermanent,
		401: notify.ErrTemporary, 402: notify.ErrTemporary, 403: notify.ErrTemporary,
		408: notify.ErrTemporary, 425: notify.ErrTemporary, 429: notify.ErrTemporary,
		301: notify.ErrTemporary, 307: notify.ErrTemporary, 500: notify.ErrTemporary, 503: notify.ErrTemporary,
	} {
		p := notifytest.StartGateway(t)
		c := p.Config(gateway.SMS)
		c.Success = gateway.Success{}
		p.Fail(1, notifytest.Status(status))
		err := built(t, c).Send(t.Context(), message())
		hushed(t, err)
		if !errors.Is(err, want) {
			t.Errorf("%d: %v; want %v", status, err, want)
		}
		c.Permanent = []int{503}
		p.Fail(1, notifytest.Status(status))
		err = built(t, c).Send(t.Context(), message())
		if want != nil && errors.Is(err, notify.ErrPermanent) != (status == 503) {
			t.Errorf("%d, where 503 alone is permanent: %v", status, err)
		}
	}
}

func TestAGoodStatusIsNotEnoughWhereAWordIsWanted(t *testing.T) {
	p := notifytest.StartGateway(t)
	c := p.Config(gateway.SMS)
	c.Success = gateway.Success{Field: "messages.0.status", Values: []string{"0", "queued", "true"}}
	g := built(t, c)
	for body, good := range map[string]bool{
		`{"messages": [{"status": "0"}]}`:                      true,
		`{"messages": [{"status": 0}, {"status": "failed"}]}`:  true,
		`{"messages": [{"status": true}]}`:                     true,
		` {"messages": [{"status": "queued"}]} `:               true,
		`{"messages": [{"status": "rejected"}]}`:               false,
		`{"messages": [{"status": "` + canary + `"}]}`:         false,
		`{"messages": [{"status": "QUEUED"}]}`:                 false,
		`{"messages": [{"Status": "queued"}]}`:                 false,
		`{"messages": [{"status": ["queued"]}]}`:               false,
		`{"messages": [{"status": null}]}`:                     false,
		`{"messages": [{"status": 0.0}]}`:                      false,
		`{"messages": []}`:                                     false,
		`{"messages": {"status": "queued"}}`:                   false,
		`{"messages.0.status": "queued"}`:                      false,
		`{"messages": "[{\"status\": \"queued\"}]"}`:           false,
		`{"messages": [[{"status": "queued"}]]}`:               false,
		`{"messages": [{"status": "queued"}]} {"messages":[]}`: false,
		`{"messages": [{"status": "queued"}]`:                  false,
		`[{"status": "queued"}]`:                               false,
		`"queued"`:                                             false,
		`null`:                                                 false,
		``:                                                     false,
		`<html>` + canary:                                      false,
		strings.Repeat("[", 60000):                             false,
		`{"messages": [{"status": "queued"}], "x": "` + strings.Repeat("x", 70000) + `"}`: false,
	} {
		p.Fail(1, notifytest.Answer(body))
		err := g.Send(t.Context(), message())
		hushed(t, err)
		if (err == nil) != good || err != nil && !errors.Is(err, notify.ErrTemporary) {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestAGatewayThatDawdlesIsLeft(t *testing.T) {
	p := notifytest.StartGateway(t)
	c := p.Config(gateway.SMS)
	c.Client = outbound.New(outbound.Options{AllowPrivate: true, Timeout: 200 * time.Millisecond})
	p.Fail(2, notifytest.Hang)
	g := built(t, c)
	err := g.Send(t.Context(), message())
	hushed(t, err)
	if !errors.Is(err, notify.ErrTemporary) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if at, err := g.SIMChanged(t.Context(), number); !errors.Is(err, notify.ErrTemporary) || !at.IsZero() {
		t.Errorf("%v, %v", at, err)
	}
}

func TestARedirectLeadsNowhere(t *testing.T) {
	p := notifytest.StartGateway(t)
	g := built(t, p.Config(gateway.SMS))
	for _, to := range []string{"/sms", "http://169.254.169.254/latest/meta-data", "https://elsewhere.example"} {
		p.Fail(1, notifytest.Redirect(to))
		if err := g.Send(t.Context(), message()); !errors.Is(err, notify.ErrTemporary) || len(p.Messages()) > 0 {
			t.Errorf("%s: %v, %d taken", to, err, len(p.Messages()))
		}
	}
}

func TestAGatewayInsideNeedsLeave(t *testing.T) {
	p := notifytest.StartGateway(t)
	c := p.Config(gateway.SMS)
	c.Client = outbound.New(outbound.Options{})
	err := built(t, c).Send(t.Context(), message())
	hushed(t, err)
	if !errors.Is(err, outbound.ErrAddress) || !errors.Is(err, notify.ErrTemporary) {
		t.Error(err)
	}
}

func TestAMessageThatMayNotGoIsNotSent(t *testing.T) {
	p := notifytest.StartGateway(t)
	g := built(t, p.Config(gateway.Voice))
	for _, m := range []notify.PhoneMessage{
		{To: number + "\r\nX: y", Text: "x", ID: "a"}, {To: number + "&x=y", Text: "x", ID: "a"}, {To: number, Text: "\x00", ID: "a"}, {To: number, Text: "x", ID: "a/.."},
	} {
		if err := g.Send(t.Context(), m); !errors.Is(err, notify.ErrPermanent) {
			t.Errorf("%q: %v", m, err)
		}
	}
	if _, err := g.SIMChanged(t.Context(), "0"+number); !errors.Is(err, notify.ErrPermanent) {
		t.Error(err)
	}
	if n := len(p.Messages()); n > 0 {
		t.Errorf("%d were taken", n)
	}
}

func TestWhenASIMChanged(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, c := range []struct {
		unit   gateway.Unit
		answer string
		want   time.Time // zero: an error
	}{
		{"", `{"at": "2026-03-04T05:00:00+01:00"}`, time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC)},
		{gateway.Time, `{"at": "2026-03-04T05:00:00.123Z"}`, time.Date(2026, 3, 4, 5, 0, 0, 123e6, time.UTC)},
		{gateway.Time, `{"at": "2027-01-01T00:00:00Z"}`, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		{gateway.Time, `{"at": "0001-01-01T00:00:00Z"}`, time.Time{}},
		{gateway.Time, `{"at": "1970-01-01T00:00:00Z"}`, time.Time{}},
		{gateway.Time, `{"at": "2026-03-04"}`, time.Time{}},
		{gateway.Time, `{"at": null}`, time.Time{}},
		{gateway.Time, `{}`, time.Time{}},
		{gateway.Time, `{"at": 3}`, time.Time{}},
		{gateway.Time, `{"at": ""}`, time.Time{}},
		{gateway.Days, `{"at": 3}`, now.AddDate(0, 0, -3)},
		{gateway.Days, `{"at": 0}`, now},
		{gateway.Hours, `{"at": 1.5}`, now.Add(-90 * time.Minute)},
		{gateway.Seconds, `{"at": 60}`, now.Add(-time.Minute)},
		{gateway.Days, `{"at": -1}`, time.Time{}},
		{gateway.Days, `{"at": 1e9}`, time.Time{}},
		{gateway.Days, `{"at": 1e999}`, time.Time{}},
		{gateway.Days, `{"at": 20000}`, time.Time{}},
		{gateway.Seconds, `{"at": 9223372036854775808}`, time.Time{}},
		{gateway.Hours, `{"at": "3"}`, time.Time{}},
		{gateway.Hours, `{"at": "2026-03-04T05:00:00Z"}`, time.Time{}},
		{gateway.Hours, `{"at": true}`, time.Time{}},
		{gateway.Hours, `nothing`, time.Time{}},
	} {
		p := notifytest.StartGateway(t)
		config := p.Config(gateway.SMS)
		config.SIMChange.Field, config.SIMChange.Unit, config.Now = "at", c.unit, func() time.Time { return now }
		p.Fail(1, notifytest.Answer(c.answer))
		got, err := built(t, config).SIMChanged(t.Context(), number)
		hushed(t, err)
		if !got.Equal(c.want) || (err == nil) == c.want.IsZero() {
			t.Errorf("%s %s: %v, %v; want %v", c.unit, c.answer, got, err, c.want)
		}
	}
}

func TestAGatewayThatIsAskedAndDoesNotTellIsAnError(t *testing.T) {
	p := notifytest.StartGateway(t)
	g := built(t, p.Config(gateway.SMS))
	for _, status := range []int{401, 404, 429, 500, 302} {
		p.Fail(1, notifytest.Status(status))
		at, err := g.SIMChanged(t.Context(), number)
		hushed(t, err)
		if err == nil || !at.IsZero() {
			t.Errorf("%d: %v, %v", status, at, err)
		}
	}
	c := p.Config(gateway.SMS)
	c.SIMChange = nil
	if at, err := built(t, c).SIMChanged(t.Context(), number); err != nil || !at.IsZero() {
		t.Errorf("one that is never asked: %v, %v", at, err)
	}
}

// echo answers every request with 200 and keeps the last one.
func echo(t testing.TB) (where string, last func() (*http.Request, string)) {
	t.Helper()
	var r *http.Request
	var body string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) {
		text, err := io.ReadAll(got.Body)
		if err != nil {
			t.Error(err)
		}
		r, body = got, string(text)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() (*http.Request, string) { return r, body }
}

func to(where string, kind gateway.Body) gateway.Config {
	return gateway.Config{
		Name: "test", Kind: gateway.SMS, From: "Acme & Söhne", Client: outbound.New(outbound.Options{AllowPrivate: true}),
		Send: gateway.Request{URL: where, Body: kind, Fields: []gateway.Field{{Name: "to", Value: "{to}"}, {Name: "text", Value: "{text}"}}},
	}
}

func TestASecretGoesWhereItIsWanted(t *testing.T) {
	where, last := echo(t)
	for _, c := range []struct {
		auth gateway.Auth
		want func(r *http.Request) bool
	}{
		{gateway.Auth{}, func(r *http.Request) bool { return r.Header.Get("Authorization") == "" }},
		{gateway.Auth{Kind: gateway.Basic, User: "u", Secret: "p:ä\n"}, func(r *http.Request) bool {
			u, p, ok := r.BasicAuth()
			return ok && u == "u" && p == "p:ä\n"
		}},
		{gateway.Auth{Kind: gateway.Bearer, Secret: "t"}, func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer t" }},
		{gateway.Auth{Kind: gateway.Header, Header: "Authorization", Secret: "App t"}, func(r *http.Request) bool { return r.Header.Get("Authorization") == "App t" }},
		{gateway.Auth{Kind: gateway.Header, Header: "X-Api-Key", Secret: "t"}, func(r *http.Request) bool { return r.Header.Get("X-Api-Key") == "t" }},
	} {
		config := to(where, gateway.Form)
		config.Send.Auth = c.auth
		if err := built(t, config).Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		if r, _ := last(); !c.want(r) {
			t.Errorf("%s: %v", c.auth.Kind, r.Header)
		}
	}
}

func TestPlacesInTheURLAndInHeadersAreFilled(t *testing.T) {
	where, last := echo(t)
	c := to(where+"/a%2Fb/{to}/{from}?x=1&n={to}&f={from}", gateway.Query)
	c.From = "A/b?c&d=é#"
	c.Send.Headers = []gateway.Field{{Name: "Idempotency-Key", Value: "cs-{id}"}}
	if err := built(t, c).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	r, body := last()
	q := r.URL.Query()
	if r.URL.EscapedPath() != "/a%2Fb/+15550100/A%2Fb%3Fc&d=%C3%A9%23" || q.Get("x") != "1" || q.Get("n") != number || q.Get("f") != c.From || q.Get("text") != canary || len(q) != 5 {
		t.Errorf("%s", r.URL)
	}
	if r.Header.Get("Idempotency-Key") != "cs-notice-1" || r.Method != http.MethodPost || body != "" {
		t.Errorf("%v %q", r.Header, body)
	}
	if strings.Contains(r.URL.RawQuery, "+") {
		t.Errorf("a space is a plus sign in %s", r.URL.RawQuery)
	}
}

func TestEachPartOfADescriptionIsJudged(t *testing.T) {
	field := func(name, value, typ string) func(*gateway.Config) {
		return func(c *gateway.Config) {
			c.Send.Fields = append(c.Send.Fields, gateway.Field{Name: name, Value: value, Type: typ})
		}
	}
	header := func(name, value string) func(*gateway.Config) {
		return func(c *gateway.Config) { c.Send.Headers = []gateway.Field{{Name: name, Value: value}} }
	}
	where := func(u string) func(*gateway.Config) { return func(c *gateway.Config) { c.Send.URL = u } }
	auth := func(a gateway.Auth) func(*gateway.Config) { return func(c *gateway.Config) { c.Send.Auth = a } }
	for want, spoils := range map[string][]func(*gateway.Config){
		"kind: ":    {func(c *gateway.Config) { c.Kind = "fax" }, func(c *gateway.Config) { c.Kind = "" }},
		"client: ":  {func(c *gateway.Config) { c.Client = nil }},
		"from: ":    {func(c *gateway.Config) { c.From = "a\r\nb" }},
		"method: ":  {func(c *gateway.Config) { c.Send.Method = "get" }, func(c *gateway.Config) { c.Send.Method = "DELETE" }},
		"body: GET": {func(c *gateway.Config) { c.Send.Method = "GET" }},
		"body: ":    {func(c *gateway.Config) { c.Send.Body = "xml" }, func(c *gateway.Config) { c.Send.Body = "" }},
		"url: ": {
			where(""), where("api.example"), where("ftp://api.example"), where("https://{to}.example/"), where("https://api.example:{to_digits}/"), where("https://api.example{to}"),
			where("https://u:p@api.example"), where("https://api.example/#x"), where("https://api.example/a b"), where("https://api.example/?text={text}"), where("https://api.example/{text}"),
			where("https://api.example/{secret}"), where("{to}https://api.example/"), where("https://api.example/\r\n"), where("https://api.example/{"), where("mailto:{to}"), where("https:///{to}"),
			where("https:{to}//x"), where("https://api.example\\@{to}/"),
		},
		"headers[0].name: ":      {header("", "x"), header("X Y", "x"), header("X:", "x"), header("X\r\nY", "x"), header("Host", "x"), header("Authorization", "x"), header("content-length", "0"), header("Cookie", "x")},
		"headers[0].value: ":     {header("X", "a\r\nY: b"), header("X", "{text}"), header("X", "{secret}"), header("X", "é"), header("X", " x")},
		"fields[2].value: ":      {field("x", "{tex}", ""), field("x", "{TO}", ""), field("x", "{ to }", ""), field("x", "{{to}}", ""), field("x", "{}", ""), field("x", "}", ""), field("x", "{secret}", ""), field("x", "a\nb", "")},
		"fields[2].name: ":       {field("", "x", ""), field("to", "x", ""), field("to.x", "x", ""), field("list.1", "x", ""), field("a..b", "x", ""), field("a\nb", "x", "")},
		"fields[2].type: ":       {field("x", "{text}", "number"), field("x", "{to}", "number"), field("x", "1{to_digits}", "number"), field("x", "01", "number"), field("x", "NaN", "number"), field("x", "yes", "boolean"), field("x", "{id}", "boolean"), field("x", "x", "object")},
		"fields: no field holds": {func(c *gateway.Config) { c.Send.Fields = c.Send.Fields[:1] }},
		"fields: neither {to}":   {func(c *gateway.Config) { c.Send.Fields = c.Send.Fields[1:] }},
		"auth.kind: ":            {auth(gateway.Auth{Kind: "digest", Secret: "canary"}), auth(gateway.Auth{Secret: "canary"})},
		"auth.user: ":            {auth(gateway.Auth{Kind: gateway.Basic, Secret: "canary"}), auth(gateway.Auth{Kind: gateway.Basic, User: "a:b", Secret: "canary"}), auth(gateway.Auth{Kind: gateway.Bearer, User: "a", Secret: "canary"})},
		"auth.header: ":          {auth(gateway.Auth{Kind: gateway.Header, Secret: "canary"}), auth(gateway.Auth{Kind: gateway.Header, Header: "Host", Secret: "canary"}), auth(gateway.Auth{Kind: gateway.Bearer, Header: "X", Secret: "canary"})},
		"auth.password_file: ":   {auth(gateway.Auth{Kind: gateway.Bearer}), auth(gateway.Auth{Kind: gateway.Bearer, Secret: "canary x"}), auth(gateway.Auth{Kind: gateway.Header, Header: "X", Secret: "canary\r\nY: z"}), auth(gateway.Auth{Kind: gateway.InBody, Secret: "canary\x00"})},
		"fields: auth is of":     {auth(gateway.Auth{Kind: gateway.InBody, Secret: "canary"})},
		"success: ":              {func(c *gateway.Config) { c.Success.Field = "status" }, func(c *gateway.Config) { c.Success.Values = []string{"x"} }},
		"success.field: ":        {func(c *gateway.Config) { c.Success = gateway.Success{Field: "a..b", Values: []string{"x"}} }},
		"permanent[1]: ":         {func(c *gateway.Config) { c.Permanent = []int{404, 200} }},
		"sim_change.field: ":     {func(c *gateway.Config) { c.SIMChange.Field = "" }},
		"sim_change.unit: ":      {func(c *gateway.Config) { c.SIMChange.Unit = "weeks" }},
		"sim_change.fields: ":    {func(c *gateway.Config) { c.SIMChange.Fields = nil }},
		"sim_change.fields[1].v": {func(c *gateway.Config) {
			c.SIMChange.Fields = append(c.SIMChange.Fields, gateway.Field{Name: "x", Value: "{text}"})
		}},
		"sim_change.url: ": {func(c *gateway.Config) { c.SIMChange.URL = "x" }},
	} {
		for i, spoil := range spoils {
			c := to("https://api.example/", gateway.JSON)
			c.SIMChange = &gateway.SIMChange{Request: gateway.Request{URL: "https://api.example/", Body: gateway.JSON, Fields: []gateway.Field{{Name: "n", Value: "{to}"}}}, Field: "at"}
			built(t, c)
			spoil(&c)
			_, err := gateway.New(c)
			var faults gateway.Faults
			if !errors.As(err, &faults) || !strings.Contains(err.Error(), "gateway: "+want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s%d: %v", want, i, err)
			}
		}
	}
	c := to("https://api.example/", gateway.Form)
	c.Send.Fields[0].Type = "number"
	if _, err := gateway.New(c); err == nil || !strings.Contains(err.Error(), "fields[0].type") {
		t.Errorf("a typed form: %v", err)
	}
}

func TestAHeaderThatHoldsTheSecretIsNotSetTwice(t *testing.T) {
	c := to("https://api.example/", gateway.JSON)
	c.Send.Auth = gateway.Auth{Kind: gateway.Header, Header: "X-Api-Key", Secret: "t"}
	c.Send.Headers = []gateway.Field{{Name: "x-api-key", Value: "other"}}
	if _, err := gateway.New(c); err == nil || !strings.Contains(err.Error(), "set twice") {
		t.Error(err)
	}
}

func TestATypoIsGuessed(t *testing.T) {
	c := to("https://api.example/", gateway.JSON)
	c.Send.Fields[0].Value = "{to_digit}"
	if _, err := gateway.New(c); err == nil || !strings.Contains(err.Error(), "did you mean {to_digits}?") {
		t.Error(err)
	}
}

func TestListsCountFromZeroWithoutGaps(t *testing.T) {
	c := to("https://api.example/", gateway.JSON)
	for i := range 101 {
		c.Send.Fields = append(c.Send.Fields, gateway.Field{Name: "l." + strconv.Itoa(i), Value: "x"})
	}
	if _, err := gateway.New(c); err == nil || !strings.Contains(err.Error(), "fields[102].name") {
		t.Error(err)
	}
}
