package app

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/internal/directory/ldapconn"
	"countersign/internal/notify"
	"countersign/internal/notify/gateway"
	"countersign/internal/outbound"
)

// Gateway is one way to reach telephones. docs/gateways.md shows the common
// shapes.
type Gateway struct {
	Name      string         `koanf:"name" doc:"One word, for logs and for the name of its password in the environment."`
	Kind      string         `koanf:"kind" doc:"sms for text messages, or voice for calls in which the text is spoken. At most one of each."`
	From      string         `koanf:"from" doc:"What {from} stands for: the sender as the provider wants it."`
	URL       string         `koanf:"url" doc:"Whom to call for each message: https://HOST/PATH. Places may stand in its path and query: {to}, {to_digits}, {from}, {id}."`
	Method    string         `koanf:"method" doc:"POST when absent, PUT or GET."`
	Auth      GatewayAuth    `koanf:"auth" doc:"How the provider knows that it is you."`
	Headers   []GatewayField `koanf:"headers" doc:"More headers, with the same places."`
	Body      string         `koanf:"body" doc:"How the fields travel: json, form, or query for behind the URL's question mark."`
	Fields    []GatewayField `koanf:"fields" doc:"What is sent, with the same places and {text}."`
	Success   GatewaySuccess `koanf:"success" doc:"What a JSON answer must say for the message to count as taken; a 2xx status alone when absent."`
	Permanent []int          `koanf:"permanent" doc:"The statuses after which a message is not tried again; all 4xx when absent, but for 401, 402, 403, 407, 408, 425 and 429."`
	SIMChange GatewaySIM     `koanf:"sim_change" doc:"How to ask when the SIM of a number last changed, where a provider tells."`
}

// GatewayAuth shows a secret.
type GatewayAuth struct {
	Kind         string `koanf:"kind" doc:"none when absent, basic, bearer, header (the secret is the whole value of a header), or field (a field says {secret})."`
	User         string `koanf:"user" doc:"Whom basic names."`
	Header       string `koanf:"header" doc:"The header of kind header, such as X-Api-Key."`
	PasswordFile string `koanf:"password_file" doc:"The file with the secret. COUNTERSIGN_GATEWAY_NAME_PASSWORD in the environment does as well, and COUNTERSIGN_GATEWAY_NAME_SIM_CHANGE_PASSWORD for sim_change."`

	password string
}

// GatewayField is a name and a value.
type GatewayField struct {
	Name  string `koanf:"name" doc:"The name. In a json body it is a path: messages.0.to is the member to of the first of a list messages."`
	Value string `koanf:"value" doc:"The value: text with places."`
	Type  string `koanf:"type" doc:"Of a value in a json body: text when absent, number or boolean."`
}

// GatewaySuccess is what an answer must say.
type GatewaySuccess struct {
	Field  string   `koanf:"field" doc:"A path in the answer, such as messages.0.status."`
	Values []string `koanf:"values" doc:"What may stand there; numbers as they are written."`
}

// GatewaySIM asks after a SIM.
type GatewaySIM struct {
	URL     string         `koanf:"url" doc:"As above."`
	Method  string         `koanf:"method" doc:"As above."`
	Auth    GatewayAuth    `koanf:"auth" doc:"As above; nothing is taken over from there."`
	Headers []GatewayField `koanf:"headers" doc:"As above, with {to}, {to_digits} and {from}."`
	Body    string         `koanf:"body" doc:"As above."`
	Fields  []GatewayField `koanf:"fields" doc:"As above, with {to}, {to_digits} and {from}."`
	Field   string         `koanf:"field" doc:"Where in the JSON answer the time stands, such as latestSimChange."`
	Unit    string         `koanf:"unit" doc:"time when absent (RFC 3339, such as 2026-03-04T05:06:07Z); or seconds, hours or days, for an age as a number."`
}

// Outbound is how calls leave for telephone gateways.
type Outbound struct {
	Proxy        string `koanf:"proxy" doc:"http://HOST:PORT or https://HOST:PORT of a proxy for calls to gateways. The environment's is not used."`
	CAFile       string `koanf:"ca_file" doc:"PEM certificates that sign the gateways'; the system's when absent."`
	AllowPrivate bool   `koanf:"allow_private" default:"false" doc:"Call gateways in private networks and on this machine. Without it a name that leads there is refused."`
}

func (o Outbound) options() (outbound.Options, error) {
	out := outbound.Options{AllowPrivate: o.AllowPrivate}
	roots, err := ldapconn.Roots(o.CAFile)
	if err != nil || o.Proxy == "" {
		out.RootCAs = roots
		return out, err
	}
	out.RootCAs = roots
	if out.Proxy, err = url.Parse(o.Proxy); err != nil {
		return out, errors.New("the proxy is not of the form http://HOST:PORT")
	}
	return out, outbound.CheckProxy(out.Proxy)
}

// gateways checks each gateway and reads the secrets.
func (c *Config) gateways(r *reader, environ []string) {
	c.Outbound.CAFile = c.path(c.Outbound.CAFile)
	options, err := c.Outbound.options()
	if err != nil {
		r.fail("outbound", "%v", err)
		return
	}
	kinds, names := map[string]bool{}, map[string]bool{}
	for i := range c.Gateways {
		g, at := &c.Gateways[i], fmt.Sprintf("gateways[%d]", i)
		name := variable("gateway." + strings.Map(word, g.Name))
		switch {
		case g.Name == "" || strings.ContainsAny(g.Name, "/ ") || len(g.Name) > 40:
			r.fail(at+".name", "a gateway needs a name of one word, such as texts")
			continue
		case names[name]:
			r.fail(at+".name", "two gateways are named %q", g.Name)
		case kinds[g.Kind]:
			r.fail(at+".kind", "there is another gateway of kind %s; one reaches everybody, or nobody can say who was reached", g.Kind)
		}
		names[name], kinds[g.Kind] = true, true
		g.Auth.read(r, c, at+".auth", name+"_PASSWORD", environ)
		g.SIMChange.Auth.read(r, c, at+".sim_change.auth", name+"_SIM_CHANGE_PASSWORD", environ)
		g.complete(r, at, options)
	}
}

func (a *GatewayAuth) read(r *reader, c *Config, at, name string, environ []string) {
	a.PasswordFile = c.path(a.PasswordFile)
	a.password = r.secret(at+".password_file", a.PasswordFile, name, environ)
	if a.password == "" && a.PasswordFile == "" && a.Kind != "" && a.Kind != string(gateway.NoAuth) {
		r.fail(at, "the secret is missing: set password_file, or %s in the environment", name)
	}
}

func (g *Gateway) complete(r *reader, at string, options outbound.Options) {
	choice(r, at+".kind", g.Kind, string(gateway.SMS), string(gateway.Voice))
	for key, text := range map[string]string{".url": g.URL, ".sim_change.url": g.SIMChange.URL} {
		if u, err := url.Parse(text); err == nil && text != "" {
			if err := options.Check(u); err != nil {
				r.fail(at+key, "%v", err)
			}
		}
	}
	_, err := gateway.New(g.config(outbound.New(options), time.Now))
	var faults gateway.Faults
	errors.As(err, &faults)
	for _, f := range faults {
		if f.At != "kind" && (!strings.HasSuffix(f.At, "auth.password_file") || g.secretOf(f.At) != "") { // said already, with the way out
			r.fail(join(at, f.At), "%s", f.Msg)
		}
	}
}

func (g *Gateway) secretOf(at string) string {
	if strings.HasPrefix(at, "sim_change.") {
		return g.SIMChange.Auth.password
	}
	return g.Auth.password
}

func (g *Gateway) config(client *http.Client, now func() time.Time) gateway.Config {
	out := gateway.Config{
		Name: g.Name, Kind: gateway.Kind(g.Kind), From: g.From, Client: client, Now: now,
		Send: gateway.Request{
			URL: g.URL, Method: g.Method, Auth: g.Auth.config(), Headers: described(g.Headers),
			Body: gateway.Body(g.Body), Fields: described(g.Fields),
		},
		Success: gateway.Success(g.Success), Permanent: g.Permanent,
	}
	if s := g.SIMChange; s.asked() {
		out.SIMChange = &gateway.SIMChange{
			Request: gateway.Request{
				URL: s.URL, Method: s.Method, Auth: s.Auth.config(), Headers: described(s.Headers),
				Body: gateway.Body(s.Body), Fields: described(s.Fields),
			},
			Field: s.Field, Unit: gateway.Unit(s.Unit),
		}
	}
	return out
}

// asked reports whether anything at all is configured: half a description is
// a fault, not a reason to ask nobody.
func (s GatewaySIM) asked() bool {
	return s.URL+s.Method+s.Body+s.Field+s.Unit+s.Auth.Kind+s.Auth.User+s.Auth.Header+s.Auth.password != "" || len(s.Headers)+len(s.Fields) > 0
}

func (a GatewayAuth) config() gateway.Auth {
	return gateway.Auth{Kind: gateway.AuthKind(a.Kind), User: a.User, Header: a.Header, Secret: a.password}
}

func described(fields []GatewayField) []gateway.Field {
	out := make([]gateway.Field, len(fields))
	for i, f := range fields {
		out[i] = gateway.Field(f)
	}
	return out
}

// phones are the configured ways to reach telephones; nil where there is none.
func (c Config) phones(now func() time.Time) (sms, voice notify.Phone, err error) {
	if len(c.Gateways) == 0 {
		return nil, nil, nil
	}
	options, err := c.Outbound.options()
	if err != nil {
		return nil, nil, fmt.Errorf("outbound: %w", err)
	}
	client := outbound.New(options)
	for _, g := range c.Gateways {
		p, err := gateway.New(g.config(client, now))
		if err != nil {
			return nil, nil, err
		}
		slot := &sms
		if g.Kind == string(gateway.Voice) {
			slot = &voice
		}
		if *slot != nil {
			return nil, nil, fmt.Errorf("gateway %s: there is another one of kind %s", g.Name, g.Kind)
		}
		*slot = p
	}
	return sms, voice, nil
}
