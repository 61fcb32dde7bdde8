package specimen

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"countersign/internal/policy"
	"countersign/internal/policy/yamltext"
)

// recordedMembers are in every recorded form of facts.
var recordedMembers = []string{"at", "action", "subject", "requester", "agent", "request", "contacts", "history", "signals"}

// isRecorded tells the recorded form from a specimen that happens to be JSON.
func isRecorded(src []byte) bool {
	var members map[string]json.RawMessage
	if len(src) > MaxSize || json.Unmarshal(src, &members) != nil {
		return false
	}
	for _, name := range recordedMembers {
		if _, there := members[name]; !there {
			return false
		}
	}
	return true
}

// parseRecorded reads strictly: members that are unknown or stand twice would
// show something other than what was recorded.
func parseRecorded(r *yamltext.Reader, src []byte) (policy.Facts, error) {
	var f policy.Facts
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		line, column := placeOf(src, offsetOf(err, d))
		r.FaultAt(line, column, "", "these are not recorded facts: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if name, at, twice := firstTwice(src); twice {
		line, column := placeOf(src, at)
		r.FaultAt(line, column, "", "the member `%s` stands here twice", yamltext.Clip(name))
	}
	return tidy(f), r.Err()
}

func offsetOf(err error, d *json.Decoder) int64 {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrong.Offset
	}
	return d.InputOffset()
}

// tidy gives facts the form that a specimen has: UTC, and no list absent.
func tidy(f policy.Facts) policy.Facts {
	f.At = f.At.UTC()
	for _, l := range []*[]string{&f.Subject.Groups, &f.Subject.Staff, &f.Subject.Enrolled} {
		*l = append([]string{}, *l...)
	}
	f.Contacts = append([]policy.Contact{}, f.Contacts...)
	f.History = append([]policy.Past{}, f.History...)
	f.Signals = append([]policy.Signal{}, f.Signals...)
	return f
}

// firstTwice finds a member that stands twice in one object. Capital and small
// letters count as the same, as they do for the decoder.
func firstTwice(src []byte) (string, int64, bool) {
	d := json.NewDecoder(bytes.NewReader(src))
	type level struct {
		seen  map[string]bool // nil in a list
		value bool            // a member's value comes next
	}
	stack := []level{{}}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) || err != nil {
			return "", 0, false
		}
		top := &stack[len(stack)-1]
		name, isText := token.(string)
		switch {
		case token == json.Delim('}') || token == json.Delim(']'):
			stack = stack[:len(stack)-1]
			continue
		case top.seen != nil && !top.value && isText:
			if top.seen[strings.ToLower(name)] {
				return name, d.InputOffset(), true
			}
			top.seen[strings.ToLower(name)], top.value = true, true
			continue
		}
		top.value = false
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{seen: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}

func placeOf(src []byte, offset int64) (line, column int) {
	before := src[:min(max(offset, 0), int64(len(src)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}
