package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/notify"
	"countersign/internal/notify/gateway"
	"countersign/internal/outbound"
)

// shape is a provider as one example of the manual describes it.
type shape struct {
	method, path, auth string
	header             map[string]string
	json               string            // the body, or
	form, query        map[string]string // the fields
	answer             string
}

const (
	said   = `Code "1234 5678" & <b>ümläut</b>` + "\n{to} +1%20"
	quoted = `"Code \"1234 5678\" & <b>ümläut</b>\n{to} +1%20"`
)

// shapes are what the examples must make of the message, by their letters.
var shapes = map[string]shape{
	"A": {
		method: "POST", path: "/2010/accounts/AC0001/messages.json", auth: "Basic QUMwMDAxOnMzY3JldA==",
		form: map[string]string{"To": "+15550100", "From": "+15550199", "Body": said}, answer: `{"sid": "SM1", "status": "queued"}`,
	},
	"B": {
		method: "POST", path: "/v1/plans/plan-0001/batches", auth: "Bearer s3cret", answer: `{"id": "b1"}`,
		json: `{"from": "Example", "to": ["+15550100"], "body": ` + quoted + `, "client_reference": "n-1", "flash_message": false}`,
	},
	"C": {
		method: "POST", path: "/sms/2/text/advanced", auth: "s3cret", header: map[string]string{"Idempotency-Key": "n-1"},
		json:   `{"messages": [{"from": "Example", "destinations": [{"to": "15550100", "messageId": "n-1"}], "text": ` + quoted + `, "validityPeriod": 10}]}`,
		answer: `{"messages": [{"status": {"groupId": 1, "groupName": "PENDING"}}]}`,
	},
	"D": {
		method: "GET", path: "/http/send", answer: `{"error": 0}`,
		query: map[string]string{"charset": "utf-8", "user": "example", "password": "s3cret", "from": "Example", "to": "15550100", "text": said},
	},
	"E": {
		method: "POST", path: "/v1/calls", auth: "Bearer s3cret", answer: `{"uuid": "1"}`,
		json: `{"to": [{"type": "phone", "number": "15550100"}], "from": {"number": "+15550199"}, "machine_detection": "hangup",
			"actions": [{"action": "talk", "language": "en-GB", "text": ` + quoted + `}]}`,
	},
	"F": {
		method: "POST", path: "/messages", auth: "Bearer s3cret", answer: `{}`,
		json: `{"to": "+15550100", "from": "+15550199", "text": ` + quoted + `}`,
	},
}

var simSwap = shape{
	method: "POST", path: "/sim-swap/v1/retrieve-date", auth: "Bearer s1m",
	json: `{"phoneNumber": "+15550100"}`, answer: `{"latestSimChange": "2026-03-04T05:06:07.123Z"}`,
}

// differs says in what a request is not of the shape.
func (s shape) differs(r *http.Request, body []byte) string {
	query := r.URL.Query()
	switch {
	case r.Method != s.method || r.URL.Path != s.path:
		return "it is " + r.Method + " " + r.URL.Path
	case r.Header.Get("Authorization") != s.auth:
		return "Authorization is " + r.Header.Get("Authorization")
	case !reflect.DeepEqual(query, values(s.query)):
		return "the query is " + r.URL.RawQuery
	}
	for name, v := range s.header {
		if r.Header.Get(name) != v {
			return name + " is " + r.Header.Get(name)
		}
	}
	switch {
	case s.json != "":
		if r.Header.Get("Content-Type") != "application/json" || !reflect.DeepEqual(tree(body), tree([]byte(s.json))) {
			return "the body is " + string(body)
		}
	case s.form != nil:
		form, err := url.ParseQuery(string(body))
		if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || !reflect.DeepEqual(form, values(s.form)) {
			return "the form is " + string(body)
		}
	case len(body) > 0:
		return "there is a body " + string(body)
	}
	return ""
}

func values(m map[string]string) url.Values {
	out := url.Values{}
	for k, v := range m {
		out.Set(k, v)
	}
	return out
}

func tree(text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&v); err != nil {
		return err
	}
	return v
}

// provider answers like the shapes; what is of none of them gets a 400.
func provider(t *testing.T, shapes ...shape) (where string, calls *int) {
	t.Helper()
	calls = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*calls++
		for _, s := range shapes {
			if r.URL.Path != s.path {
				continue
			}
			if why := s.differs(r, body); why != "" {
				t.Error(why)
				break
			}
			_, _ = io.WriteString(w, s.answer)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

var (
	example = regexp.MustCompile("(?s)### ([A-Z]): [^\n]*\n.*?```yaml\n(.*?)```")
	host    = regexp.MustCompile(`https://[a-z.-]+\.example`)
)

func TestTheExamplesOfTheManualWork(t *testing.T) {
	raw, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllStringSubmatch(string(raw), -1)
	if len(examples) != len(shapes) {
		t.Fatalf("the manual has %d examples, this test knows %d", len(examples), len(shapes))
	}
	for _, e := range examples {
		letter, text := e[1], e[2]
		t.Run(letter, func(t *testing.T) {
			load := func(text string) Config {
				path := written(t, "c.yaml", small+text, "gateway.password", "s3cret\n", "sim.password", "s1m\n")
				c, _, err := LoadConfig(path, nil)
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			load(text) // as it stands
			where, calls := provider(t, shapes[letter], simSwap)
			sms, voice, err := load(host.ReplaceAllString(text, where) + "outbound: {allow_private: true}\n").phones(time.Now)
			if err != nil || (letter == "E") != (sms == nil) || (letter != "E") != (voice == nil) {
				t.Fatalf("%v, %v, %v", sms, voice, err)
			}
			phone := sms
			if letter == "E" {
				phone = voice
			}
			if err := phone.Send(t.Context(), notify.PhoneMessage{To: "+15550100", Text: said, ID: "n-1"}); err != nil || *calls != 1 {
				t.Errorf("%v after %d calls", err, *calls)
			}
			at, err := phone.SIMChanged(t.Context(), "+15550100")
			if want := time.Date(2026, 3, 4, 5, 6, 7, 123e6, time.UTC); err != nil || letter == "F" && !at.Equal(want) || letter != "F" && !at.IsZero() {
				t.Errorf("the SIM changed %v, %v", at, err)
			}
		})
	}
}

const oneGateway = `gateways:
  - name: texts
    kind: sms
    url: https://api.provider.example/send
    auth: {kind: bearer, password_file: pw}
    body: json
    fields:
      - {name: to, value: "{to}"}
      - {name: text, value: "{text}"}
`

func TestAFaultOfAGatewayIsNamedAtItsPlace(t *testing.T) {
	change := func(old, now string) string { return small + strings.Replace(oneGateway, old, now, 1) }
	another := strings.TrimPrefix(oneGateway, "gateways:\n")
	for _, c := range []struct{ text, want string }{
		{change("name: texts", "name: te xts"), "c.yaml:8:11: gateways[0].name: a gateway needs a name of one word"},
		{change("kind: sms", "kind: sns"), `c.yaml:9:11: gateways[0].kind: "sns" is not one of sms, voice; did you mean sms?`},
		{change("kind: bearer", "kind: bear"), `c.yaml:11:18: gateways[0].auth.kind: "bear" is not one of none, basic, bearer, header, field`},
		{change("kind: bearer", "kind: basic"), "gateways[0].auth.user: basic needs a user"},
		{change(", password_file: pw", ""), "gateways[0].auth: the secret is missing: set password_file, or COUNTERSIGN_GATEWAY_TEXTS_PASSWORD in the environment"},
		{change("password_file: pw", "password: canary"), "gateways[0].auth.password: a secret never stands in this file"},
		{change("{to}", "{too}"), "c.yaml:14:27: gateways[0].fields[0].value: there is no {too} here; did you mean {to}?"},
		{change("https:", "http:"), "c.yaml:10:10: gateways[0].url: calls to this address are refused: only https goes over a network"},
		{change("api.provider.example", "10.0.0.1"), "gateways[0].url: calls to this address are refused: 10.0.0.1 is in a private network (hint: allow_private)"},
		{change("body: json", "bodi: json"), "gateways[0].bodi: there is no such key; did you mean body?"},
		{change("body: json", "permanent: [4x4]"), "gateways[0].permanent[0]: a whole number is expected here"},
		{small + oneGateway + strings.Replace(another, "kind: sms", "kind: voice", 1), `gateways[1].name: two gateways are named "texts"`},
		{small + oneGateway + strings.Replace(another, "texts", "more", 1), "gateways[1].kind: there is another gateway of kind sms"},
		{small + oneGateway + "    sim_change: {field: at}\n", "gateways[0].sim_change.url: this is not of the form"},
		{small + oneGateway + "    sim_change: {url: \"https://x.example/{to}\", field: at, auth: {kind: bearer}}\n", "COUNTERSIGN_GATEWAY_TEXTS_SIM_CHANGE_PASSWORD"},
		{small + oneGateway + "outbound: {proxy: \"socks5://x.example\"}\n", "outbound: a proxy is of the form"},
		{small + oneGateway + "outbound: {proxy: \"http://canary:canary@x.example\"}\n", "outbound: a proxy's password would stand in the open"},
		{small + oneGateway + "outbound: {ca_file: nowhere.pem}\n", "outbound: "},
	} {
		_, _, err := LoadConfig(written(t, "c.yaml", c.text, "pw", "canary"), nil)
		var problems Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n%v\nwant %s", c.text, err, c.want)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the problem tells a secret: %v", err)
		}
	}
}

func TestTheSecretOfAGatewayMayStandInTheEnvironment(t *testing.T) {
	text := strings.Replace(oneGateway, ", password_file: pw", "", 1) +
		"    sim_change: {url: \"https://x.example/{to}\", method: GET, field: at, auth: {kind: header, header: X-Key}}\n"
	c, warnings, err := LoadConfig(written(t, "c.yaml", small+text), []string{"COUNTERSIGN_GATEWAY_TEXTS_PASSWORD=a", "COUNTERSIGN_GATEWAY_TEXTS_SIM_CHANGE_PASSWORD=b"})
	if err != nil || c.Gateways[0].Auth.password != "a" || c.Gateways[0].SIMChange.Auth.password != "b" || strings.Contains(strings.Join(warnings, ""), "GATEWAY") {
		t.Errorf("%+v, %q, %v", c.Gateways, warnings, err)
	}
}

func TestAGatewayInsideIsCalledOnlyWithLeave(t *testing.T) {
	where, calls := provider(t)
	text := small + strings.Replace(oneGateway, "https://api.provider.example", where, 1)
	if _, _, err := LoadConfig(written(t, "c.yaml", text, "pw", "x"), nil); err == nil || !strings.Contains(err.Error(), "allow_private") {
		t.Errorf("without leave: %v", err)
	}
	c, _, err := LoadConfig(written(t, "c.yaml", text+"outbound: {allow_private: true}\n", "pw", "x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Outbound.AllowPrivate = false // the client judges for itself
	sms, _, err := c.phones(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := sms.Send(t.Context(), notify.PhoneMessage{To: "+15550100", Text: "x", ID: "a"}); !errors.Is(err, outbound.ErrAddress) || *calls > 0 {
		t.Errorf("%v, %d calls", err, *calls)
	}
}

func TestWithoutGatewaysThereAreNoPhones(t *testing.T) {
	if sms, voice, err := (Config{}).phones(time.Now); sms != nil || voice != nil || err != nil {
		t.Errorf("%v, %v, %v", sms, voice, err)
	}
}

func TestPhonesRefusesTwoOfAKind(t *testing.T) {
	one := Gateway{Name: "a", Kind: string(gateway.SMS), URL: "https://x.example/", Body: "form", Fields: []GatewayField{{Name: "t", Value: "{to} {text}"}}}
	if _, _, err := (Config{Gateways: []Gateway{one, one}}).phones(time.Now); err == nil || !strings.Contains(err.Error(), "another one of kind sms") {
		t.Error(err)
	}
}
