package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/identity"
)

// Wish is what a desk asks for.
type Wish struct {
	Directory string           `json:"directory,omitempty"`
	Login     string           `json:"login"`
	Action    identity.Action  `json:"action"`
	Channel   identity.Channel `json:"channel"`
	Ticket    string           `json:"ticket,omitempty"`
}

// Request is a request as staff see it.
type Request struct {
	ID      string          `json:"id"`
	Case    string          `json:"case"`
	Action  identity.Action `json:"action"`
	Status  string          `json:"status"`
	Subject struct {
		Account identity.AccountID `json:"account"`
		Login   string             `json:"login"`
		Name    string             `json:"name"`
	} `json:"subject"`
	Class     identity.Class    `json:"class"`
	Tier      identity.Tier     `json:"tier"`
	Channel   identity.Channel  `json:"channel"`
	Desk      string            `json:"desk,omitempty"`
	Agent     identity.PersonID `json:"agent,omitempty"`
	Ticket    string            `json:"ticket,omitempty"`
	OpenedAt  time.Time         `json:"opened_at"`
	ChangedAt time.Time         `json:"changed_at"`
	ExpiresAt time.Time         `json:"expires_at"`
	WaitUntil *time.Time        `json:"wait_until,omitempty"`
	Words     string            `json:"words"` // the requester's page shows the same two
	// Callback is a call to the requester that waits for the code it spoke.
	Callback *struct {
		Number string    `json:"number"`
		Until  time.Time `json:"until"`
	} `json:"callback,omitempty"`
	Proved []struct {
		Method    string    `json:"method"`
		At        time.Time `json:"at"`
		Until     time.Time `json:"until"`
		Resistant bool      `json:"phishing_resistant"`
		Signed    bool      `json:"signed"` // everybody can check it; else the server's word
		Witness   string    `json:"witness,omitempty"`
	} `json:"proved"`
	Approvals []Signature `json:"approvals"`
	Missing   string      `json:"missing,omitempty"`
	Needs     []Need      `json:"needs"`
	Receipt   *Receipt    `json:"receipt,omitempty"`
	FollowUps []struct {
		Kind    string `json:"kind"`
		Outcome string `json:"outcome"`
		Note    string `json:"note,omitempty"`
	} `json:"follow_ups"`
	ReviewOwed bool       `json:"review_owed"`
	Repudiated bool       `json:"repudiated"`
	Probation  *time.Time `json:"probation_until,omitempty"`
	// Unusual is what whoever decides should not overlook.
	Unusual   []Oddity        `json:"unusual,omitempty"`
	Policy    string          `json:"policy"`
	Reasons   json.RawMessage `json:"reasons,omitempty"`
	Progress  []Step          `json:"progress"`
	Page      string          `json:"page"` // where the requester comes forward
	AgentName string          `json:"agent_name,omitempty"`
	Vendor    bool            `json:"vendor_desk"`
	Version   uint64          `json:"version"`
}

// Signature is a signed decision.
type Signature struct {
	Person   identity.PersonID `json:"person"`
	Name     string            `json:"name"`
	Roles    []identity.Role   `json:"roles"`
	Decision string            `json:"decision"`
	At       time.Time         `json:"at"`
	Counts   bool              `json:"counts"`
	Note     string            `json:"note,omitempty"`
}

// Need is how many signatures of a role the plan asks for.
type Need struct {
	Role  identity.Role `json:"role"`
	Count int           `json:"count"`
}

// Receipt is what came of the order.
type Receipt struct {
	Order         string   `json:"order"`
	Outcome       string   `json:"outcome"`
	OldCredential string   `json:"old_credential,omitempty"`
	Reconciled    bool     `json:"reconciled"`
	Notes         []string `json:"notes"`
}

// open are the statuses in which something is still owed.
var open = []string{"proving", "approving", "waiting", "ready", "ordered", "dispatching", "uncertain"}

// IsOpen reports whether the request may still reach a directory.
func (r Request) IsOpen() bool { return slices.Contains(open, r.Status) }

// Open opens a request.
func (c Client) Open(ctx context.Context, w Wish) (Request, error) {
	return fetch[Request](ctx, c, http.MethodPost, "/requests", w)
}

func requestPath(id string) string { return "/requests/" + url.PathEscape(id) }

// Request shows a request.
func (c Client) Request(ctx context.Context, id string) (Request, error) {
	return fetch[Request](ctx, c, http.MethodGet, requestPath(id), nil)
}

// Filter selects requests.
type Filter struct {
	Statuses []string
	Action   identity.Action
	Desk     string
	Case     string
	Mine     bool // only those that wait for my signature
	Cursor   string
	Limit    int
}

// Summary is one line of a list.
type Summary struct {
	ID        string             `json:"id"`
	Case      string             `json:"case"`
	Action    identity.Action    `json:"action"`
	Status    string             `json:"status"`
	Account   identity.AccountID `json:"account"`
	Login     string             `json:"login"`
	Name      string             `json:"name"`
	Tier      identity.Tier      `json:"tier"`
	Channel   identity.Channel   `json:"channel"`
	Desk      string             `json:"desk,omitempty"`
	OpenedAt  time.Time          `json:"opened_at"`
	ChangedAt time.Time          `json:"changed_at"`
	ExpiresAt time.Time          `json:"expires_at"`
	WaitUntil *time.Time         `json:"wait_until,omitempty"`
	Needs     []Need             `json:"needs"`
	Unusual   []Oddity           `json:"unusual,omitempty"` // where the list is of what waits for one's signature
	Calling   bool               `json:"calling"`           // the requester is being rung, and reads a code to the desk
}

// Oddity is one unusual thing about a request.
type Oddity struct {
	Kind  string     `json:"kind"`
	What  string     `json:"what,omitempty"`
	Count int        `json:"count,omitempty"`
	At    *time.Time `json:"at,omitempty"`
}

// Page is a part of a list and the cursor of the next, "" at the end.
type Page struct {
	Requests []Summary `json:"requests"`
	Next     string    `json:"next,omitempty"`
}

// List lists requests, newest first.
func (c Client) List(ctx context.Context, f Filter) (Page, error) {
	q := url.Values{}
	set := func(k, v string) {
		if v != "" {
			q.Set(k, v)
		}
	}
	set("status", strings.Join(f.Statuses, ","))
	set("action", string(f.Action))
	set("desk", f.Desk)
	set("case", f.Case)
	set("cursor", f.Cursor)
	if f.Mine {
		q.Set("mine", "true")
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	path := "/requests"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return fetch[Page](ctx, c, http.MethodGet, path, nil)
}

// Cancel ends a request that has not been dispatched.
func (c Client) Cancel(ctx context.Context, id string) (Request, error) {
	return fetch[Request](ctx, c, http.MethodPost, requestPath(id)+"/cancel", nil)
}

// Callback enters the code that came back over the call to the number on
// record.
func (c Client) Callback(ctx context.Context, id, code string) (Request, error) {
	return fetch[Request](ctx, c, http.MethodPost, requestPath(id)+"/callback", map[string]any{"code": code})
}

// Statement is what a decision about a request signs: approval, denial,
// review-in-order or review-suspicious.
func (c Client) Statement(ctx context.Context, id, decision string) (Paper, error) {
	return fetch[Paper](ctx, c, http.MethodGet, requestPath(id)+"/statement?decision="+url.QueryEscape(decision), nil)
}

// Decide signs a statement: an approval, a denial or a review, as it says.
func (c Client) Decide(ctx context.Context, id string, p Paper, note string, k Key) (Request, error) {
	signed, err := p.sign(k, c.server)
	if err != nil {
		return Request{}, err
	}
	where := "/decisions"
	if strings.HasPrefix(p.Decision, "review-") {
		where = "/reviews"
	}
	in := map[string]any{"decision": p.Decision, "statement_id": p.Statement.ID(), "assertion": signed}
	if note != "" {
		in["note"] = note
	}
	return fetch[Request](ctx, c, http.MethodPost, requestPath(id)+where, in)
}

// Moment is one event of a request's timeline.
type Moment struct {
	Seq   uint64          `json:"seq"`
	Type  string          `json:"type"`
	At    time.Time       `json:"at"`
	Actor string          `json:"actor"`
	Name  string          `json:"name,omitempty"`
	Body  json.RawMessage `json:"body"`
}

// Timeline is everything that happened to a request.
func (c Client) Timeline(ctx context.Context, id string) ([]Moment, error) {
	var out struct {
		Moments []Moment `json:"moments"`
	}
	err := c.Do(ctx, http.MethodGet, requestPath(id)+"/timeline", nil, &out)
	return out.Moments, err
}

// Bundle fetches the file that proves a request.
func (c Client) Bundle(ctx context.Context, id string) ([]byte, error) {
	return fetch[[]byte](ctx, c, http.MethodGet, requestPath(id)+"/bundle", nil)
}

// Genesis fetches the roster's founding entry.
func (c Client) Genesis(ctx context.Context) ([]byte, error) {
	return fetch[[]byte](ctx, c, http.MethodGet, "/genesis", nil)
}

// LedgerFile fetches a file of the ledger: checkpoint or a tile.
func (c Client) LedgerFile(ctx context.Context, path string) ([]byte, error) {
	var raw []byte
	err := c.do(ctx, http.MethodGet, "/ledger/"+path, nil, &raw)
	return raw, err
}

const pollEvery = 150 * time.Millisecond

// Wait asks again and again until done says that it has seen enough, or ctx
// ends.
func (c Client) Wait(ctx context.Context, id string, done func(Request) bool) (Request, error) {
	quiet := c
	quiet.observe = nil
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		r, err := quiet.Request(ctx, id)
		if err != nil || done(r) {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("client: waiting for %s, which stands at %s: %w", id, r.Status, ctx.Err())
		case <-tick.C:
		}
	}
}

// Observe offers what is no proof. It is always refused, with the reason.
func (c Client) Observe(ctx context.Context, id, kind string) error {
	return c.Do(ctx, http.MethodPost, requestPath(id)+"/observations", map[string]any{"kind": kind}, nil)
}
