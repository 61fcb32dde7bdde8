// Package specimen writes the facts of a request as people do: a short mapping
// that says only in what the request differs from an ordinary one.
//
//	action: mfa_reset
//	subject: {groups: [Domain Admins], admin: unknown, manager: none}
//	agent: {desk: nightline}
//	request: {channel: phone}
//	history: [{action: password_reset, ago: 2h}]
//
// Names and order are those of policy.Facts. The words none and unknown make an
// optional fact absent; in quotes they are texts like any other. A moment is a
// span (ago, age, declared, since, created and sim_changed count back from the
// request, until and starts forward) or a time like 2026-03-02T12:00:00Z. Words
// that the policy knows (actions, channels, methods, roles, kinds, statuses) are checked
// for slips unless they stand in quotes, so that every fact can be written.
//
// Some facts follow from others when nobody says them: the requester is the
// subject's owner, the subject's directory is that of its id and the source of
// its contacts, and whoever acts at a desk is p3.
package specimen

import (
	"bytes"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy"
	"countersign/internal/policy/yamltext"
)

// MaxSize is how many bytes Parse reads.
const MaxSize = 1 << 20

// monday is when an ordinary request comes in.
var monday = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Ordinary is the request that a specimen is measured against: a
// password_reset in self-service at noon (UTC) of Monday 2026-03-02, by the
// owner of an active account corp/1. The account has a manager (p2), no groups
// and no administrator's rights; its owner (p1) has enrolled passkey, totp,
// recovery_code and email_code, and one e-mail address 400 days ago. Nothing
// else is known: no unit, location, ticket, zone, date of creation, first day,
// change of a SIM, history, signal or circumstance.
func Ordinary() policy.Facts {
	var f policy.Facts
	for _, d := range factFields(&f) {
		d.dflt()
	}
	return f
}

// Parse reads a specimen, or the whole facts in the JSON form in which they are
// recorded with a request: an object with every one of the members at, action,
// subject, requester, agent, request, contacts, history and signals. An empty
// text is the ordinary request. Times come back in UTC, and lists are never
// nil. The error is policy.Problems: all faults at once.
func Parse(text []byte) (policy.Facts, error) {
	r := &yamltext.Reader{What: "specimen"}
	if isRecorded(text) {
		return parseRecorded(r, text)
	}
	f := Ordinary()
	if root := r.Parse(text, MaxSize); root != nil {
		f = Read(r, root, "")
	}
	return f, r.Err()
}

// Read reads the specimen at a node of a larger text, noting faults in r.
func Read(r *yamltext.Reader, n *yaml.Node, path string) policy.Facts {
	var f policy.Facts
	readFields(r, n, path, factFields(&f))
	return f
}

// Print writes the shortest specimen of the facts, a line for each of their
// members that differs, always the same for the same facts. Parse gives the
// facts back, for all facts that JSON can carry: texts are UTF-8, years have
// four digits, and request.utc_offset is below a hundred years. An absent list
// comes back as an empty one.
func Print(f policy.Facts) []byte {
	var out bytes.Buffer
	for _, line := range differences(&f, factFields) {
		out.WriteString(line + "\n")
	}
	if out.Len() == 0 {
		return []byte("{} # an ordinary request\n")
	}
	return out.Bytes()
}

// Line is Print on one line, in braces.
func Line(f policy.Facts) string { return inBraces(differences(&f, factFields)) }

func inBraces(parts []string) string {
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(p, "\n", " ")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Changes lists in what one request differs from another, a fact each, such as
// "subject.admin: false". Spans are compared as spans: a request that comes in
// an hour later with a history an hour later differs in its time alone.
func Changes(from, to policy.Facts) []string {
	return changes("", factFields(&from), factFields(&to))
}
