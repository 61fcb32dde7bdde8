package policy

import "strings"

// Faults are those of the plan's denials that came from a condition which
// could not be evaluated, in contrast to rules and reaches that say no. They
// name a fault of the facts or of the policy, for somebody to mend.
func (p *Policy) Faults(plan Plan) []Denial {
	var out []Denial
	for _, d := range plan.Deny {
		reason := d.Reason
		if d.Rule == byDesk {
			_, reason, _ = strings.Cut(reason, ": ")
		}
		if isFailure(reason) {
			out = append(out, d)
		}
	}
	return out
}

// isFailure reports whether a denial's reason is that of a condition which
// could not be evaluated. No rule can refuse in such words.
func isFailure(reason string) bool {
	if reason == errTooCostly.Error() || reason == errNotEvaluated.Error() {
		return true
	}
	name, ok := strings.CutPrefix(reason, "the fact ")
	name, missing := strings.CutSuffix(name, " is missing")
	return ok && missing && factNamed(name)
}
