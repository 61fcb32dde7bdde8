package main

import (
	"errors"
	"time"

	"countersign/internal/client"
	"countersign/internal/identity"
)

type reportVerb struct {
	Signal   reportSignal   `cmd:"" help:"Something happened that may raise what is demanded."`
	Location reportLocation `cmd:"" help:"Where the person seems to be."`
	Device   reportDevice   `cmd:"" help:"What the person works with."`
}

// Help is kong's long text.
func (reportVerb) Help() string {
	return "Needs an API token with the scope facts:report in COUNTERSIGN_TOKEN; its name is what the policy knows the reporter by. A report can only add: a signal counts for 30 days, and the newest location and device for one. An account that does not exist is answered as any other is."
}

// reported is whom a report is about, and when.
type reported struct {
	Login     string `placeholder:"LOGIN" help:"An account of theirs."`
	Person    string `help:"Or the person's id."`
	Directory string `help:"The login's directory, where there is more than one."`
	At        string `placeholder:"TIME" help:"When it was seen, like 2026-03-02T09:00:00Z; now when absent."`
}

func (r reported) send(e *env, fill func(*client.Report, time.Time)) error {
	at := time.Now().UTC().Truncate(time.Millisecond)
	if r.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, r.At); err != nil {
			return usage{errors.New("--at: write the time like 2026-03-02T09:00:00Z")}
		}
	}
	if (r.Login == "") == (r.Person == "") {
		return usage{errors.New("say --login or --person")}
	}
	c, err := e.staff()
	if err != nil {
		return err
	}
	report := client.Report{Login: r.Login, Person: identity.PersonID(r.Person), Directory: r.Directory}
	fill(&report, at)
	return c.Report(e.ctx, report)
}

type reportSignal struct {
	Kind string `arg:"" help:"A word that rules can name, like impossible_travel."`
	reported
}

// Run reports a signal.
func (v reportSignal) Run(e *env) error {
	return v.send(e, func(r *client.Report, at time.Time) { r.Signal = &client.Signal{Kind: v.Kind, At: at} })
}

type reportLocation struct {
	Country string `help:"Two capital letters (ISO 3166-1)."`
	Network string `help:"Your name for the network."`
	reported
}

// Run reports a location.
func (v reportLocation) Run(e *env) error {
	return v.send(e, func(r *client.Report, at time.Time) {
		r.Location = &client.Location{Country: v.Country, Network: v.Network, At: at}
	})
}

type reportDevice struct {
	ID        string `help:"Its id in your inventory."`
	Managed   *bool  `negatable:"" help:"It is managed, or is not."`
	Compliant *bool  `negatable:"" help:"It is as it should be, or is not."`
	reported
}

// Run reports a device.
func (v reportDevice) Run(e *env) error {
	return v.send(e, func(r *client.Report, at time.Time) {
		r.Device = &client.Device{ID: v.ID, Managed: v.Managed, Compliant: v.Compliant, At: at}
	})
}
