package client

import (
	"context"
	"net/http"
	"time"

	"countersign/internal/identity"
)

// Findings is the answer to a look-up.
type Findings struct {
	Accounts []Found  `json:"accounts"`
	Silent   []string `json:"silent"` // directories that did not answer
}

// Found is an account that the agent's desk can open requests for.
type Found struct {
	Account   identity.AccountID `json:"account"`
	Directory string             `json:"directory"`
	Login     string             `json:"login"`
	Name      string             `json:"name"`
	Class     identity.Class     `json:"class"`
	Actions   []identity.Action  `json:"actions"`
	Open      []struct {
		ID     string          `json:"id"`
		Case   string          `json:"case"`
		Action identity.Action `json:"action"`
		Status string          `json:"status"`
	} `json:"open"`
	Elsewhere bool `json:"open_elsewhere"` // another desk, or the owner, has a request open
}

// LookUp finds an account by its exact login, for an agent. directory may be
// "": all of them.
func (c Client) LookUp(ctx context.Context, directory, login string) (Findings, error) {
	in := map[string]any{"login": login}
	if directory != "" {
		in["directory"] = directory
	}
	return fetch[Findings](ctx, c, http.MethodPost, "/look-ups", in)
}

// Step is one line of a request's checklist. State is pending, current, done,
// refused or off.
type Step struct {
	Step    string        `json:"step"`
	State   string        `json:"state"`
	At      *time.Time    `json:"at,omitempty"`
	Until   *time.Time    `json:"until,omitempty"`
	Role    identity.Role `json:"role,omitempty"`
	Count   int           `json:"count,omitempty"`
	Have    int           `json:"have,omitempty"`
	Seconds int64         `json:"seconds,omitempty"`
	What    string        `json:"what,omitempty"`
	Outcome string        `json:"outcome,omitempty"`
	Ways    [][]string    `json:"ways,omitempty"` // what the policy accepts as proof
	Left    [][]string    `json:"left,omitempty"` // what is missing of it
}
