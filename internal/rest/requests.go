package rest

import (
	"context"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/reset"
)

// action and channel say in the contract which words there are.
type (
	action  identity.Action
	channel identity.Channel
	status  reset.Status
)

// Schema lists the words.
func (action) Schema(huma.Registry) *huma.Schema {
	return words("what is to be done to the account", identity.Actions)
}

// Schema lists the words.
func (channel) Schema(huma.Registry) *huma.Schema {
	return words("the way the request came in", identity.IntakeChannels)
}

// statusWords are all of them: the open ones and the ends.
var statusWords = append(append([]reset.Status{}, reset.OpenStatuses...),
	reset.Done, reset.Failed, reset.RefusedEnd, reset.Denied, reset.CancelledBy, reset.ExpiredEnd, reset.Vetoed)

// Schema lists the words.
func (status) Schema(huma.Registry) *huma.Schema {
	return words("where the request stands", statusWords)
}

type openInput struct {
	Keyed
	Body struct {
		Directory string  `json:"directory,omitempty" maxLength:"100" doc:"may be left out where there is only one"`
		Login     string  `json:"login" minLength:"1" maxLength:"256" doc:"the account's exact login name"`
		Action    action  `json:"action"`
		Channel   channel `json:"channel"`
		Ticket    string  `json:"ticket,omitempty" maxLength:"100"`
	}
}

type openOutput struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     gate.View
}

// viewOutput is a request as it stands. The ETag is its version, for If-Match.
type viewOutput struct {
	ETag string `header:"ETag"`
	Body gate.View
}

func viewed(v gate.View, err error) (*viewOutput, error) {
	return &viewOutput{ETag: etag(v.Version), Body: v}, err
}

type listInput struct {
	Status []status `query:"status" maxItems:"20" doc:"one or several, separated by commas"`
	Action action   `query:"action"`
	Desk   string   `query:"desk" maxLength:"100"`
	Case   string   `query:"case" maxLength:"40" doc:"the one with this case code"`
	Mine   bool     `query:"mine" doc:"only those that wait for my signature"`
	Cursor string   `query:"cursor" maxLength:"100" doc:"next of the page before"`
	Limit  int      `query:"limit" minimum:"1" maximum:"100" default:"25"`
}

type listOutput struct {
	Body struct {
		Requests []gate.Summary `json:"requests" nullable:"false"`
		Next     string         `json:"next,omitempty" doc:"cursor of the next page; absent on the last. A page may be short, or empty, and not be the last"`
	}
}

type requestInput struct {
	ID string `path:"id" maxLength:"100"`
}

// Change is what every change of a request carries.
type Change struct {
	Keyed
	ID      string `path:"id" maxLength:"100"`
	IfMatch string `header:"If-Match" maxLength:"200" doc:"the ETag that was read: 412 stale if the request has changed since"`
}

func (a *api) requests(h huma.API) {
	staff(a, h, post("/requests", "open-request", "Open a request", 201), a.openRequest)
	staff(a, h, get("/requests", "list-requests", "List the requests you may see, newest first"), a.listRequests)
	staff(a, h, get("/requests/{id}", "show-request", "Show a request"), a.showRequest)
	staff(a, h, post("/requests/{id}/cancel", "cancel-request", "End a request that has not been dispatched", 200), a.cancelRequest)
}

func (a *api) openRequest(ctx context.Context, c gate.Caller, in *openInput) (*openOutput, error) {
	v, err := a.gate.Open(ctx, c, gate.Wish{
		Directory: in.Body.Directory, Login: in.Body.Login, Ticket: in.Body.Ticket,
		Action: identity.Action(in.Body.Action), Channel: identity.Channel(in.Body.Channel),
	})
	return &openOutput{base + "/requests/" + v.ID, etag(v.Version), v}, err
}

func (a *api) listRequests(ctx context.Context, c gate.Caller, in *listInput) (*listOutput, error) {
	if in.Cursor != "" && known(in.Cursor) != nil {
		return nil, newProblem("invalid", "cursor: take it from the page before")
	}
	f := gate.Filter{Action: identity.Action(in.Action), Desk: in.Desk, Case: in.Case, Mine: in.Mine, Cursor: in.Cursor, Limit: in.Limit}
	for _, s := range in.Status {
		f.Statuses = append(f.Statuses, string(s))
	}
	page, next, err := a.gate.List(ctx, c, f)
	out := &listOutput{}
	out.Body.Requests, out.Body.Next = page, next
	return out, err
}

func (a *api) showRequest(ctx context.Context, c gate.Caller, in *requestInput) (*viewOutput, error) {
	if err := known(in.ID); err != nil {
		return nil, err
	}
	return viewed(a.gate.Request(ctx, c, in.ID))
}

func (a *api) cancelRequest(ctx context.Context, c gate.Caller, in *Change) (*viewOutput, error) {
	if err := a.fresh(ctx, c, in); err != nil {
		return nil, err
	}
	return viewed(a.gate.Cancel(ctx, c, in.ID))
}

// fresh honours If-Match. The request can still change between this look and
// the act: a decision is protected from that by its statement's id, and a
// cancellation means the same whatever has happened meanwhile.
func (a *api) fresh(ctx context.Context, c gate.Caller, in *Change) error {
	if err := known(in.ID); err != nil {
		return err
	}
	if in.IfMatch == "" {
		return nil
	}
	v, err := a.gate.Request(ctx, c, in.ID)
	if err != nil {
		return err
	}
	for tag := range strings.SplitSeq(in.IfMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(v.Version) {
			return nil
		}
	}
	return newProblem("stale", "the request has changed since you read it; read it again")
}

func etag(version uint64) string { return strconv.Quote(strconv.FormatUint(version, 10)) }
