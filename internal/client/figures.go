package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/identity"
)

// Figures are what happened on the days from Since to Until, as numbers.
type Figures struct {
	Since      string           `json:"since"` // YYYY-MM-DD, in UTC
	Until      string           `json:"until"` // the last day, included
	Opened     int64            `json:"opened"`
	Days       []DayFigures     `json:"days"`
	Actions    []Volume         `json:"actions"`
	Classes    []Volume         `json:"classes"`
	Tiers      []Volume         `json:"tiers"`
	Channels   []Number         `json:"channels"`
	Desks      []DeskFigures    `json:"desks"`
	Recovered  Recovery         `json:"recovered"`
	ByClass    []Recovery       `json:"recovered_by_class"`
	ByPath     []Recovery       `json:"recovered_by_path"`
	Recoveries []Recovery       `json:"recoveries"` // by class and path
	Refusals   []RefusalFigures `json:"refusals"`
	Exceptions []Number         `json:"exceptions"`
	Agents     []AgentFigures   `json:"agents"`
	Hours      [7][24]int64     `json:"exception_hours"` // Monday first, UTC
	Friction   []Friction       `json:"friction"`
}

// Number is a number of something.
type Number struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

// DayFigures are the requests of one day: those opened, and those that ended,
// by outcome.
type DayFigures struct {
	Day    string           `json:"day"`
	Opened int64            `json:"opened"`
	Ended  map[string]int64 `json:"ended"`
}

// Volume is how many requests of a kind were opened, and how those that ended
// did.
type Volume struct {
	Name   string           `json:"name"`
	Opened int64            `json:"opened"`
	Ended  map[string]int64 `json:"ended"`
}

// DeskFigures are of one desk; an empty name is no desk.
type DeskFigures struct {
	Desk       string   `json:"desk"`
	Vendor     bool     `json:"vendor"`
	Company    string   `json:"company,omitempty"`
	Opened     int64    `json:"opened"`
	Exceptions []Number `json:"exceptions"`
}

// AgentFigures are the exceptions of one agent.
type AgentFigures struct {
	Agent      identity.PersonID `json:"agent"`
	Name       string            `json:"name,omitempty"`
	Desk       string            `json:"desk,omitempty"`
	Exceptions []Number          `json:"exceptions"`
}

// RefusalFigures count a reason to refuse.
type RefusalFigures struct {
	Kind   string `json:"kind"` // rule, bar or hands
	Reason string `json:"reason"`
	N      int64  `json:"n"`
}

// Recovery is how long it took from opening to done.
type Recovery struct {
	Class    identity.Class `json:"class,omitempty"`
	Path     *string        `json:"path,omitempty"` // methods joined with +
	Requests int64          `json:"requests"`
	Half     Between        `json:"half"`
	Most     Between        `json:"nine_in_ten"`
	Steps    []RecoveryStep `json:"steps"`
}

// Between is a duration as far as it is known, in seconds.
type Between struct {
	After  int64 `json:"after"`
	Within int64 `json:"within"` // 0: longer than was counted
}

// RecoveryStep is how many took no longer than Within seconds, and longer than
// the step before.
type RecoveryStep struct {
	Within int64 `json:"within"` // 0: longer than was counted
	N      int64 `json:"n"`
}

// Friction is what requests of a tier asked of people.
type Friction struct {
	Tier        identity.Tier `json:"tier"`
	Requests    int64         `json:"requests"`
	Proofs      int64         `json:"proofs"`
	Approvals   int64         `json:"approvals"`
	WaitSeconds int64         `json:"wait_seconds"`
}

// Figures tells what happened from one day to another, both included. Without
// since it is 30 days, and without until they end today.
func (c Client) Figures(ctx context.Context, since, until time.Time) (Figures, error) {
	q := url.Values{}
	for name, day := range map[string]time.Time{"since": since, "until": until} {
		if !day.IsZero() {
			q.Set(name, day.UTC().Format(time.DateOnly))
		}
	}
	return fetch[Figures](ctx, c, http.MethodGet, "/figures?"+q.Encode(), nil)
}
