package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Parts is everything a server works with.
type Parts struct {
	Since  time.Time `json:"since"` // calls are counted from here
	Parts  []Part    `json:"parts"`
	Ledger struct {
		Entries uint64     `json:"entries"`
		Signed  *time.Time `json:"signed,omitempty"`
	} `json:"ledger"`
	Store struct {
		State string `json:"state"`
		Size  int64  `json:"size"`
		Free  int64  `json:"free"`
	} `json:"store"`
	Jobs  []Queue `json:"jobs"`
	Stuck []Stuck `json:"stuck"`
}

// Part is one of them.
type Part struct {
	Kind       string     `json:"kind"`
	Name       string     `json:"name"`
	State      string     `json:"state"` // ok, warning, failing, unused
	Detail     string     `json:"detail,omitempty"`
	Calls      int        `json:"calls"`
	Failures   int        `json:"failures"`
	LastOK     *time.Time `json:"last_ok,omitempty"`
	LastFailed *time.Time `json:"last_failed,omitempty"`
	Failure    string     `json:"failure,omitempty"`
	Usual      int64      `json:"usual_ms,omitempty"`
}

// Queue is how the jobs of one kind stand.
type Queue struct {
	Kind     string     `json:"kind"`
	Waiting  int        `json:"waiting"`
	Oldest   *time.Time `json:"oldest,omitempty"`
	Retrying int        `json:"retrying"`
	GivenUp  int        `json:"given_up"`
}

// Stuck is a job that was tried in vain.
type Stuck struct {
	Kind     string     `json:"kind"`
	Request  string     `json:"request,omitempty"`
	Attempts int        `json:"attempts"`
	Since    time.Time  `json:"since"`
	Next     *time.Time `json:"next,omitempty"` // absent: it was given up
}

// Parts tells how everything is that the server works with.
func (c Client) Parts(ctx context.Context) (Parts, error) {
	return fetch[Parts](ctx, c, http.MethodGet, "/parts", nil)
}

// Test is what came of a test of a part.
type Test struct {
	OK      bool           `json:"ok"`
	Failure string         `json:"failure,omitempty"`
	Took    int64          `json:"took_ms"`
	Account *TestedAccount `json:"account,omitempty"`
}

// TestedAccount is what a directory knows of the account that was looked up.
type TestedAccount struct {
	Login   string `json:"login"`
	Name    string `json:"name"`
	Account string `json:"account"`
	Person  string `json:"person"`
	Status  string `json:"status"`
	Manager bool   `json:"manager"`
	Mails   int    `json:"mails"`
	Phones  int    `json:"phones"`
	Groups  int    `json:"groups"`
}

// TestDirectory looks an account up in a directory, and changes nothing.
func (c Client) TestDirectory(ctx context.Context, name, login string) (Test, error) {
	return fetch[Test](ctx, c, http.MethodPost, "/parts/directories/"+url.PathEscape(name)+"/test", map[string]any{"login": login})
}

// TestMail sends a test letter: to "self", or to "security".
func (c Client) TestMail(ctx context.Context, to string) (Test, error) {
	return fetch[Test](ctx, c, http.MethodPost, "/parts/mail/test", map[string]any{"to": to})
}
