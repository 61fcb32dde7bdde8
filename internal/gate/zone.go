package gate

import (
	"fmt"
	"time"

	"countersign/internal/policy"
)

// LoadPolicy is policy.Load for a policy that is to be enforced on this
// machine: the time zones it names have to be known here too.
func LoadPolicy(text []byte) (*policy.Policy, error) {
	p, err := policy.Load(text)
	if err != nil {
		return nil, err
	}
	known := zones{}
	for _, desk := range append(p.Desks(), "") {
		if zone := p.Zone(desk); zone != "" {
			if _, err := known.of(zone); err != nil {
				return nil, fmt.Errorf("gate: the time zone %q is not known here: %w", zone, err)
			}
		}
	}
	return p, nil
}

// zones keeps time zones by their IANA names.
type zones map[string]*time.Location

func (z zones) of(name string) (*time.Location, error) {
	if l, ok := z[name]; ok {
		return l, nil
	}
	l, err := time.LoadLocation(name)
	if err == nil {
		z[name] = l
	}
	return l, err
}

// localTime puts down in the facts which zone the policy reads their moment
// in, and how far from UTC that zone was then. A policy that names no zone
// leaves both absent.
func (z zones) localTime(f *policy.Facts, p *policy.Policy) error {
	f.Request.Zone, f.Request.Offset = "", nil
	name := p.Zone(f.Agent.Desk)
	if name == "" {
		return nil
	}
	l, err := z.of(name)
	if err != nil {
		return fmt.Errorf("gate: the time zone %q: %w", name, err)
	}
	_, offset := f.At.In(l).Zone()
	f.Request.Zone, f.Request.Offset = name, &offset
	return nil
}
