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

	// What is known of the circumstances; nil when nothing is.
	Location   *Location   `json:"location,omitempty"`
	Device     *Device     `json:"device,omitempty"`
	Emergency  *Emergency  `json:"emergency,omitempty"`
	Delegation *Delegation `json:"delegation,omitempty"`
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
	// Starts is the first day on which the account's owner works here.
	Starts *time.Time `json:"starts,omitempty"`
	// Staff lists the roles the subject's person holds on Countersign's own
	// roster; whoever can open or sign requests is worth taking over.
	Staff []string `json:"staff"`
	// Fenced: somebody said "this wasn't me" and nobody has reviewed it yet.
	Fenced bool `json:"fenced"`
	// Enrolled lists the proof methods the person has, sorted.
	Enrolled []string `json:"enrolled"`
	// OnProbation: an earlier reset's probation has not ended yet.
	OnProbation bool `json:"on_probation,omitempty"`
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
	// Vendor says whether the desk is a vendor's. The policy fills it from its
	// desks; what stands here is not believed.
	Vendor bool `json:"vendor"`
}

// Request is how it came in.
type Request struct {
	Channel identity.Channel `json:"channel"`
	Ticket  string           `json:"ticket,omitempty"`
	// Zone is the IANA name of the time zone of the desk, or of the policy when
	// the desk has none, and Offset what that zone was from UTC at Facts.At, in
	// seconds east. The offset is recorded because the rules of zones change.
	Zone   string `json:"zone,omitempty"`
	Offset *int   `json:"utc_offset,omitempty"`
}

// Contact is a registered destination, without its address.
type Contact struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // email, phone
	FirstSeen time.Time `json:"first_seen"`
	Source    string    `json:"source"` // the directory's name, or "enrolment"
	Own       bool      `json:"own"`    // opened by the very account in question
	// SIMChanged is when the SIM of a telephone number last changed, by the word
	// of a gateway; nil when none tells.
	SIMChanged *time.Time `json:"sim_changed,omitempty"`
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

// Location is where the person seems to be, as an integration reported it.
type Location struct {
	Country string    `json:"country,omitempty"` // ISO 3166-1 alpha-2, capital letters
	Network string    `json:"network,omitempty"` // the reporter's name for the network
	Source  string    `json:"source"`            // who reported it
	At      time.Time `json:"at"`
}

// Device is what the person asks from, as an integration reported it.
type Device struct {
	ID        string    `json:"id,omitempty"`
	Managed   *bool     `json:"managed,omitempty"`
	Compliant *bool     `json:"compliant,omitempty"`
	Source    string    `json:"source"`
	At        time.Time `json:"at"`
}

// Emergency is a declared incident whose narrow path the request is asked on.
type Emergency struct {
	Incident string    `json:"incident"`
	Declared time.Time `json:"declared"`
	Until    time.Time `json:"until"`
}

// Delegation is a grant, in force now, to sign in the stead of the subject's
// manager of record.
type Delegation struct {
	Person identity.PersonID `json:"person"` // who signs
	Since  time.Time         `json:"since"`
	Until  time.Time         `json:"until"`
}
