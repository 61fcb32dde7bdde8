package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/identity"
)

// Tally counts requests by what another policy makes of them. A request that
// is eased in one respect and tightened in another counts in both.
type Tally struct {
	Requests  int `json:"requests"`
	Refused   int `json:"refused"`
	Allowed   int `json:"allowed"`
	Eased     int `json:"eased"`
	Tightened int `json:"tightened"`
	Delayed   int `json:"delayed"` // of those tightened
	Unchanged int `json:"unchanged"`
}

// Group is the tally of the requests that have something in common.
type Group struct {
	Name string `json:"name"`
	Tally
}

// Simulation is what another policy would have made of recorded requests.
type Simulation struct {
	InForce  string    `json:"in_force"`
	New      string    `json:"new"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Total    Tally     `json:"total"`
	Erased   int       `json:"erased"` // could not be planned again; in no other count
	Classes  []Group   `json:"classes"`
	Desks    []Group   `json:"desks"`
	Hours    []Group   `json:"hours"`
	Examples struct {
		Refused   []string `json:"refused"`
		Allowed   []string `json:"allowed"`
		Eased     []string `json:"eased"`
		Tightened []string `json:"tightened"`
		Delayed   []string `json:"delayed"`
	} `json:"examples"`
}

// Simulate plans the requests opened from since on and before until again
// under another policy.
func (c Client) Simulate(ctx context.Context, policyText string, since, until time.Time) (Simulation, error) {
	in := map[string]any{"policy_text": policyText, "since": since, "until": until}
	return fetch[Simulation](ctx, c, http.MethodPost, "/policy/simulations", in)
}

// Report is what an integration knows about a person: exactly one of Signal,
// Location and Device, about a person or an account of theirs.
type Report struct {
	Person    identity.PersonID `json:"person,omitempty"`
	Directory string            `json:"directory,omitempty"`
	Login     string            `json:"login,omitempty"`
	Signal    *Signal           `json:"signal,omitempty"`
	Location  *Location         `json:"location,omitempty"`
	Device    *Device           `json:"device,omitempty"`
}

// Signal is something that happened which may raise what is demanded.
type Signal struct {
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
}

// Location is where the person seems to be.
type Location struct {
	Country string    `json:"country,omitempty"`
	Network string    `json:"network,omitempty"`
	At      time.Time `json:"at"`
}

// Device is what the person works with.
type Device struct {
	ID        string    `json:"id,omitempty"`
	Managed   *bool     `json:"managed,omitempty"`
	Compliant *bool     `json:"compliant,omitempty"`
	At        time.Time `json:"at"`
}

// Report reports; the credential is a token with the scope facts:report.
func (c Client) Report(ctx context.Context, r Report) error {
	return c.Do(ctx, http.MethodPost, "/reports", r, nil)
}

// Policy is a policy that is or was in force.
type Policy struct {
	PolicyEdition
	Text     string          `json:"text"`
	Editions []PolicyEdition `json:"editions"` // all there were, the newest first
}

// PolicyEdition is a policy that was in force from a moment on.
type PolicyEdition struct {
	Policy   string     `json:"policy"` // hash of the text
	Name     string     `json:"name"`
	Since    time.Time  `json:"since"`
	Until    *time.Time `json:"until"` // nil for the one in force
	Proposal string     `json:"proposal"`
	Effect   string     `json:"effect"`
	Signers  []struct {
		Person identity.PersonID `json:"person"`
		Name   string            `json:"name"`
	} `json:"signers"`
}

// Policy reads the policy in force or, by its hash, an earlier one.
func (c Client) Policy(ctx context.Context, hash string) (Policy, error) {
	path := "/policy"
	if hash != "" {
		path += "?policy=" + url.QueryEscape(hash)
	}
	return fetch[Policy](ctx, c, http.MethodGet, path, nil)
}
