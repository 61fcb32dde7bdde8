package gate

import (
	"context"
	"errors"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/policy"
)

const (
	signalLife = 30 * 24 * time.Hour // counted from when it happened, as is the next
	reportLife = 24 * time.Hour      // of a location or a device
	// reportSkew is how far ahead of ours a reporter's clock may be.
	reportSkew = time.Minute
	// maxSignals is the most that a policy can be asked about. There are no
	// more slots, so nobody can make a policy refuse by piling signals up.
	maxSignals = 500
	// maxSignalsOf is the most of one source: a talkative one cannot keep the
	// signals of the others out.
	maxSignalsOf = 100
)

// Report is what an integration knows about a person, who is named by id or by
// an account of theirs. Exactly one of Signal, Location and Device is set. Who
// reports is no part of it: that is whom the token is for.
type Report struct {
	Person    identity.PersonID
	Directory string // may be left out where there is only one
	Login     string
	Signal    *SignalReport
	Location  *LocationReport
	Device    *DeviceReport
}

// SignalReport says that something happened which may raise what is demanded.
type SignalReport struct {
	Kind string    `json:"kind" maxLength:"60" pattern:"^[a-z0-9_.-]+$" doc:"a word of your own, which rules can name"`
	At   time.Time `json:"at" doc:"when it happened: within the last 30 days"`
}

// LocationReport says where the person seems to be.
type LocationReport struct {
	Country string    `json:"country,omitempty" pattern:"^[A-Z]{2}$" doc:"ISO 3166-1 alpha-2"`
	Network string    `json:"network,omitempty" maxLength:"100" doc:"your name for the network"`
	At      time.Time `json:"at" doc:"when it was seen: within the last day"`
}

// DeviceReport says what the person works with.
type DeviceReport struct {
	ID        string    `json:"id,omitempty" maxLength:"200"`
	Managed   *bool     `json:"managed,omitempty"`
	Compliant *bool     `json:"compliant,omitempty"`
	At        time.Time `json:"at" doc:"when it was seen: within the last day"`
}

// Report keeps what an integration reports until it has lapsed. It can only
// add: a signal stays for its 30 days, and of locations and devices the newest
// counts, for a day. An account that nobody has is answered as any other is,
// and the log tells the operator.
func (g *Gate) Report(ctx context.Context, c Caller, r Report) error {
	if !c.has(ScopeReport) {
		return ErrForbidden
	}
	now := g.now()
	if err := r.check(now); err != nil {
		return err
	}
	person, err := g.reportee(ctx, c, r)
	if err != nil {
		return err
	}
	switch {
	case r.Signal != nil:
		s := policy.Signal{Kind: r.Signal.Kind, At: moment(r.Signal.At, now)}
		return g.signalled(ctx, person, signal{s, c.Token}, now)
	case r.Location != nil:
		l := policy.Location{Country: r.Location.Country, Network: r.Location.Network, Source: c.Token, At: moment(r.Location.At, now)}
		return newest(ctx, g, shelfLocation, person, l, func(l policy.Location) time.Time { return l.At }, now)
	default:
		d := policy.Device{ID: r.Device.ID, Managed: r.Device.Managed, Compliant: r.Device.Compliant, Source: c.Token, At: moment(r.Device.At, now)}
		return newest(ctx, g, shelfDevice, person, d, func(d policy.Device) time.Time { return d.At }, now)
	}
}

// moment is a reporter's time at our precision, and never ahead of us.
func moment(at, now time.Time) time.Time {
	if at = at.UTC().Truncate(time.Millisecond); at.After(now) {
		return now
	}
	return at
}

func (r Report) check(now time.Time) error {
	whom, what := 0, 0
	for _, named := range []bool{r.Person != "", r.Login != ""} {
		whom += count(named)
	}
	for _, said := range []bool{r.Signal != nil, r.Location != nil, r.Device != nil} {
		what += count(said)
	}
	switch {
	case whom != 1 || r.Person != "" && r.Directory != "":
		return invalid("name a person, or a login and its directory")
	case identity.CheckLine(string(r.Person), 200) != nil || identity.CheckLine(r.Login, 256) != nil:
		return invalid("person or login: too long, or with characters that none has")
	case what != 1:
		return invalid("report one thing: a signal, a location or a device")
	}
	switch {
	case r.Signal != nil:
		return checkSignal(*r.Signal, now)
	case r.Location != nil:
		return checkLocation(*r.Location, now)
	}
	return checkDevice(*r.Device, now)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func checkSignal(s SignalReport, now time.Time) error {
	if s.Kind == "" || len(s.Kind) > 60 || strings.Trim(s.Kind, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != "" {
		return invalid("signal: kind is a word of at most 60 of the characters a-z 0-9 _ . -")
	}
	return checkTime("signal", s.At, now, signalLife)
}

func checkLocation(l LocationReport, now time.Time) error {
	switch {
	case l.Country == "" && l.Network == "":
		return invalid("location: say a country, a network, or both")
	case l.Country != "" && (len(l.Country) != 2 || strings.Trim(l.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != ""):
		return invalid("location: country is two capital letters (ISO 3166-1 alpha-2)")
	case identity.CheckLine(l.Network, 100) != nil:
		return invalid("location: network is too long or not a plain line")
	}
	return checkTime("location", l.At, now, reportLife)
}

func checkDevice(d DeviceReport, now time.Time) error {
	switch {
	case d.ID == "" && d.Managed == nil && d.Compliant == nil:
		return invalid("device: say its id, whether it is managed, or whether it is compliant")
	case identity.CheckLine(d.ID, 200) != nil:
		return invalid("device: id is too long or not a plain line")
	}
	return checkTime("device", d.At, now, reportLife)
}

func checkTime(what string, at, now time.Time, life time.Duration) error {
	switch {
	case at.IsZero():
		return invalid(what + ": at is missing")
	case at.After(now.Add(reportSkew)):
		return invalid(what + ": at is in the future")
	case !now.Before(at.Add(life)):
		return invalid(what + ": at is too long ago to count")
	}
	return nil
}

// reportee is the person that a report is about. For an account that nobody
// has it is one whom nobody else is: the report is kept all the same, so that
// neither answer, nor its time, nor the bounds tell whether there is one.
func (g *Gate) reportee(ctx context.Context, c Caller, r Report) (identity.PersonID, error) {
	if r.Person != "" {
		return r.Person, nil
	}
	d, err := g.directory(r.Directory)
	if err != nil {
		return "", err
	}
	a, err := g.find(ctx, d, r.Login)
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
		g.log.Warn("a report is about an account that the directory does not have", "source", c.Token, "directory", d.Name())
		return identity.PersonID("nobody:" + hashed(d.Name()+"\x00"+r.Login)), nil
	}
	return a.Person, err
}
