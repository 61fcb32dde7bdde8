package policy

import (
	"time"

	"countersign/internal/identity"
)

// Facts is everything a plan is computed from. They are recorded with the
// request, so the same plan can be computed again years later. A nil pointer
// or an empty optional text is an absent fact: a condition that reads it fails,
// and a condition that fails denies.
type Facts struct {
	At        time.Time       `json:"at"` // UTC, milliseconds; "now" in conditions
	Action    identity.Action `json:"action"`
	Subject   Subject         `json:"subject"`
	Requester Requester       `json:"requester"`
	Agent     Agent           `json:"agent"`
	Request   Request         `json:"request"`
	Contacts  []Contact       `json:"contacts"`
	History   []Past          `json:"history"`
	Signals   []Signal        `json:"signals"`
}

// Subject is the account whose credential would change.
type Subject struct {
	ID        identity.AccountID `json:"id"`
	Person    identity.PersonID  `json:"person"`
	Directory string             `json:"directory"`
	Login     string             `json:"login"`
	Name      string             `json:"name"`
	Unit      string             `json:"unit,omitempty"`
	Location  string             `json:"location,omitempty"`
	Groups    []string           `json:"groups"`
	Admin     *bool              `json:"admin,omitempty"` // absent when the directory cannot tell
	Service   bool               `json:"service"`
	Status    string             `json:"status"` // directory.Status words
	Locked    bool               `json:"locked"`
	Manager   identity.PersonID  `json:"manager,omitempty"`
	Created   *time.Time         `json:"created,omitempty"`
	// Staff lists the roles the subject's person holds on Countersign's own
	// roster; whoever can open or sign requests is worth taking over.
	Staff []string `json:"staff"`
	// Fenced: somebody said "this wasn't me" and nobody has reviewed it yet.
	Fenced bool `json:"fenced"`
	// Enrolled lists the proof methods the person has, sorted.
	Enrolled []string `json:"enrolled"`
}

// Requester is who claims to need the reset. In self-service and on the phone
// this is a claim until proofs say otherwise, so it carries no weight alone.
type Requester struct {
	Person identity.PersonID `json:"person"`
}

// Agent is who opened the request for somebody else; zero in self-service.
type Agent struct {
	Person identity.PersonID `json:"person,omitempty"`
	Desk   string            `json:"desk,omitempty"`
	Vendor bool              `json:"vendor"` // filled by the policy from its desks
}

// Request is how it came in.
type Request struct {
	Channel identity.Channel `json:"channel"`
	Ticket  string           `json:"ticket,omitempty"`
}

// Contact is a registered destination, without its address.
type Contact struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // email, phone
	FirstSeen time.Time `json:"first_seen"`
	Source    string    `json:"source"` // the directory's name, or "enrolment"
	Own       bool      `json:"own"`    // opened by the very account in question
}

// Past is an earlier request about the same person.
type Past struct {
	Request string          `json:"request"`
	Action  identity.Action `json:"action"`
	Outcome string          `json:"outcome"` // reset.Status words
	Desk    string          `json:"desk,omitempty"`
	At      time.Time       `json:"at"`
}

// Signal is a fact that may raise what is demanded and never lowers it.
type Signal struct {
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
}
