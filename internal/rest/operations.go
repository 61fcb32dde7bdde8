package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"countersign/internal/gate"
)

// auth is whom an operation listens to.
type auth int

const (
	anybody   auth = iota // the credential, if any, is in the body
	staffOnly             // a signed-in person or an API token
	claimant              // a requester's session
	owning                // the session of somebody who looks after their own account
)

// route is what is known of an operation before its body is read.
type route struct {
	auth   auth
	secret bool  // the answer holds a secret and is never kept for a replay
	reads  bool  // it only reads: what may be read is decided anew each time, and no key is held
	limit  int64 // of the body, in bytes
}

const (
	maxBody   = 64 << 10
	maxPolicy = 512 << 10 // a policy is proposed as its text
)

// op describes an operation.
type op struct {
	huma.Operation
	secret bool
	reads  bool
	limit  int64
}

// operations registers all of them and the document that describes them.
func (a *api) operations() {
	h := newHuma(a.mux)
	a.signIn(h)
	a.requests(h)
	a.lookUps(h)
	a.decisions(h)
	a.records(h)
	a.cases(h)
	a.challenges(h)
	a.enrolments(h)
	a.security(h)
	a.attestations(h)
	a.roster(h)
	a.joining(h)
	a.tokens(h)
	a.reports(h)
	a.observations(h)
	a.desk(h)
	a.self(h)
	a.simulations(h)
	a.figures(h)
	a.parts(h)
	a.setup(h)
	a.policies(h)
	a.entries(h)
	a.sessions(h)
	a.live(h)
	doc, err := json.MarshalIndent(h.OpenAPI(), "", "  ")
	a.mux.HandleFunc("GET "+base+"/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			a.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(append(doc, '\n'))
	})
}

// describeErrors tells huma, once for the process, to speak in our problems:
// it has no other way to be told.
var describeErrors = sync.OnceFunc(func() {
	huma.NewError = refusedInput
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return refusedInput(status, msg, errs...)
	}
})

// newHuma has none of huma's own pages: they load scripts from elsewhere.
func newHuma(mux *http.ServeMux) huma.API {
	describeErrors()
	return humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Countersign", Version: "1",
				Description: "The server between the helpdesk and the directories. docs/api.md teaches its use.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer":       {Type: "http", Scheme: "bearer", Description: "a staff session (sst_…) or an API token (cst_…)"},
					"cookie":       {Type: "apiKey", In: "cookie", Name: "__Host-countersign", Description: "a staff session in a browser"},
					"case":         {Type: "http", Scheme: "bearer", Description: "a requester's session (AGE-SECRET-KEY-1…)"},
					"owner":        {Type: "http", Scheme: "bearer", Description: "an owner's session (own_…)"},
					"owner_cookie": {Type: "apiKey", In: "cookie", Name: "__Host-owner", Description: "an owner's session in a browser"},
					"case_cookie":  {Type: "apiKey", In: "cookie", Name: "__Host-case", Description: "a requester's session in a browser"},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	})
}

// public registers an operation that anybody may call.
func public[I, O any](a *api, h huma.API, o op, do func(context.Context, *I) (*O, error)) {
	register(a, h, o, anybody, do)
}

// staff registers an operation for staff and integrations. What they may do is
// the gate's to say.
func staff[I, O any](a *api, h huma.API, o op, do func(context.Context, gate.Caller, *I) (*O, error)) {
	o.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	register(a, h, o, staffOnly, func(ctx context.Context, in *I) (*O, error) {
		return do(ctx, callOf(ctx).caller, in)
	})
}

// requester registers an operation for whoever came forward with a case code.
func requester[I, O any](a *api, h huma.API, o op, do func(context.Context, string, *I) (*O, error)) {
	o.Security = []map[string][]string{{"case": {}}, {"case_cookie": {}}}
	register(a, h, o, claimant, func(ctx context.Context, in *I) (*O, error) {
		return do(ctx, callOf(ctx).token, in)
	})
}

// owner registers an operation for somebody who looks after their own account.
func owner[I, O any](a *api, h huma.API, o op, do func(context.Context, gate.Owner, *I) (*O, error)) {
	o.Security = []map[string][]string{{"owner": {}}, {"owner_cookie": {}}}
	register(a, h, o, owning, func(ctx context.Context, in *I) (*O, error) {
		return do(ctx, callOf(ctx).owner, in)
	})
}

func register[I, O any](a *api, h huma.API, o op, who auth, do func(context.Context, *I) (*O, error)) {
	if o.limit == 0 {
		o.limit = maxBody
	}
	o.MaxBodyBytes = o.limit + 1 // huma refuses at its limit, and takes what comes before
	o.Path = base + o.Path
	a.routes[o.Method+" "+o.Path] = route{auth: who, secret: o.secret, reads: o.reads, limit: o.limit}
	huma.Register(h, o.Operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

func get(path, id, summary string) op {
	return op{Operation: huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary}}
}

func post(path, id, summary string, status int) op {
	return op{Operation: huma.Operation{Method: http.MethodPost, Path: path, OperationID: id, Summary: summary, DefaultStatus: status}}
}

// withSecret marks an operation whose answer is shown once.
func (o op) withSecret() op { o.secret = true; return o }

// reading marks an operation that only reads, by POST because of what it is
// given. Its answers are not kept for a replay, which would outlive the rights
// that they were read with.
func (o op) reading() op { o.reads = true; return o }

// Keyed is the header that staff and integrations may send with any POST.
type Keyed struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"Any text of your making; the same key with the same request never acts twice. Honoured for staff and API tokens; ignored where an operation only reads."`
}

// none is the input or output of an operation that has none.
type none struct{}

// browserAnswer is what navigator.credentials gave, as its toJSON writes it.
type browserAnswer json.RawMessage

// UnmarshalJSON keeps the bytes as they came.
func (b *browserAnswer) UnmarshalJSON(raw []byte) error {
	*b = append((*b)[:0], raw...)
	return nil
}

// MarshalJSON gives them back.
func (b browserAnswer) MarshalJSON() ([]byte, error) { return b, nil }

// Schema describes it; package passkey judges it.
func (browserAnswer) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true,
		Description: "a PublicKeyCredential as the browser's toJSON() writes it (WebAuthn Level 3 §5.1)"}
}

// words is the schema of a text that is one of a list.
func words[T ~string](doc string, all []T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Description: doc}
	for _, w := range all {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}
