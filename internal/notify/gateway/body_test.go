package gateway_test

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"countersign/internal/notify"
	"countersign/internal/notify/gateway"
)

// parsed is what a provider reads out of a request, by the names of fields.
func parsed(t *testing.T, kind gateway.Body, r *http.Request, body string) any {
	t.Helper()
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var flat url.Values
	var err error
	switch kind {
	case gateway.JSON:
		if media != "application/json" {
			t.Fatalf("media type %q", media)
		}
		var v any
		d := json.NewDecoder(bytes.NewReader([]byte(body)))
		d.UseNumber()
		if err := d.Decode(&v); err != nil || d.More() {
			t.Fatalf("%q: %v", body, err)
		}
		return v
	case gateway.Form:
		if media != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
			t.Fatalf("media type %q, query %q", media, r.URL.RawQuery)
		}
		flat, err = url.ParseQuery(body)
	default:
		if body != "" {
			t.Fatalf("a body %q", body)
		}
		flat, err = url.ParseQuery(r.URL.RawQuery)
	}
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return flat
}

func TestJSONIsBuiltFromPaths(t *testing.T) {
	where, last := echo(t)
	c := to(where, gateway.JSON)
	c.Send.Fields = []gateway.Field{
		{Name: "messages.0.destinations.0.to", Value: "{to_digits}"},
		{Name: "messages.0.destinations.1", Value: "{to_digits}", Type: "number"},
		{Name: "messages.0.text", Value: "<{text}> {from} {id}"},
		{Name: "messages.0.flash", Value: "false", Type: "boolean"},
		{Name: "messages.1.ttl", Value: "-1.50", Type: "number"},
		{Name: "<b>", Value: ""},
	}
	if err := built(t, c).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	const want = `{"<b>":"","messages":[{"destinations":[{"to":"15550100"},15550100],"flash":false,"text":"<canary-4711 0815> Acme & Söhne notice-1"},{"ttl":-1.50}]}`
	if _, body := last(); body != want {
		t.Errorf("%s\nwant\n%s", body, want)
	}
	c.Send.Fields = []gateway.Field{{Name: "0.to", Value: "{to}"}, {Name: "0.text", Value: "{text}"}}
	if err := built(t, c).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if _, body := last(); body != `[{"text":"canary-4711 0815","to":"+15550100"}]` {
		t.Errorf("%s", body)
	}
}

// Whatever the text: it comes out as it went in, in its place, and nothing
// else comes out.
func FuzzNoTextBreaksOutOfItsPlace(f *testing.F) {
	for _, text := range []string{
		`"`, `\`, `","to":"+19995550100`, "a\nb", "&to=+19995550100", "a+b c%20d", "{to} {secret} {id}", "{{text}}", "</script>", "\u2028\u2029", "\ufeff", "é中😀", "#?;/=", "\x00", "\r\nX: y",
	} {
		f.Add(text)
	}
	where, last := echo(f)
	gateways := map[gateway.Body]*gateway.Gateway{}
	for _, kind := range []gateway.Body{gateway.JSON, gateway.Form, gateway.Query} {
		c := to(where, kind)
		c.Send.Auth = gateway.Auth{Kind: gateway.InBody, Secret: "s&{text}\""}
		c.Send.Fields = append(c.Send.Fields, gateway.Field{Name: "pass", Value: "{secret}"}, gateway.Field{Name: "both", Value: "{id}: {text} {text}"})
		g, err := gateway.New(c)
		if err != nil {
			f.Fatal(err)
		}
		gateways[kind] = g
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := notify.PhoneMessage{To: number, Text: text, ID: "a.b"}
		if m.Check() != nil {
			return
		}
		want := map[string]string{"to": number, "text": text, "pass": "s&{text}\"", "both": "a.b: " + text + " " + text}
		tree, flat := map[string]any{}, url.Values{}
		for k, v := range want {
			tree[k], flat[k] = v, []string{v}
		}
		for kind, g := range gateways {
			if err := g.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			r, body := last()
			got := parsed(t, kind, r, body)
			if ok := reflect.DeepEqual(got, any(flat)) || reflect.DeepEqual(got, any(tree)); !ok {
				t.Fatalf("%s: %q becomes %#v", kind, text, got)
			}
		}
	})
}
