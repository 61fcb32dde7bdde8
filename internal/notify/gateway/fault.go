package gateway

import (
	"fmt"
	"strings"

	"countersign/internal/identity"
)

// Fault is what is wrong with one part of a description.
type Fault struct {
	At  string // the part, such as fields[2].value or sim_change.url
	Msg string
}

// Faults are all that is wrong with a description.
type Faults []Fault

// Error names every fault. It never repeats a secret.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = fmt.Sprintf("gateway: %s: %s", f.At, f.Msg)
	}
	return strings.Join(lines, "\n")
}

func (fs *Faults) say(at, format string, args ...any) {
	*fs = append(*fs, Fault{at, fmt.Sprintf(format, args...)})
}

// config judges what is not part of a request.
func (fs *Faults) config(c Config) {
	if c.Client == nil {
		fs.say("client", "there is none to call with")
	}
	if c.Kind != SMS && c.Kind != Voice {
		fs.say("kind", "%q is neither sms nor voice", identity.Line(string(c.Kind), 60))
	}
	if err := identity.CheckLine(c.From, 100); err != nil {
		fs.say("from", "%v", err)
	}
	for i, s := range c.Permanent {
		if s < 300 || s > 599 {
			fs.say(fmt.Sprintf("permanent[%d]", i), "%d is no status that refuses anything", s)
		}
	}
	if (c.Success.Field == "") != (len(c.Success.Values) == 0) {
		fs.say("success", "field and values go together")
	} else if c.Success.Field != "" {
		fs.path("success.field", c.Success.Field)
	}
	s := c.SIMChange
	if s == nil {
		return
	}
	fs.path("sim_change.field", s.Field)
	if s.Unit != "" && s.Unit != Time && units[s.Unit] == 0 {
		fs.say("sim_change.unit", "%q is not one of time, seconds, hours, days", identity.Line(string(s.Unit), 60))
	}
}

func (fs *Faults) path(at, path string) {
	for _, part := range strings.Split(path, ".") {
		if part == "" || identity.CheckLine(part, maxName) != nil {
			fs.say(at, "this is not names with dots between, such as messages.0.status")
			return
		}
	}
}
