package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxDepth is far beyond any body of this API.
const maxDepth = 32

// readBody reads a request's body whole and refuses what two readers could
// understand differently. The request gets it back to be read again.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		r.Body = http.NoBody
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, newProblem("too_large", "the body is longer than this operation takes")
	case err != nil:
		return nil, newProblem("malformed_body", "the body could not be read to its end")
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		return nil, nil
	}
	if !isJSON(r.Header.Values("Content-Type")) {
		return nil, newProblem("unsupported_media_type", "send application/json")
	}
	r.Header.Set("Content-Type", "application/json")
	return body, checkJSON(body)
}

func isJSON(types []string) bool {
	if len(types) != 1 {
		return false
	}
	t, params, err := mime.ParseMediaType(types[0])
	if err != nil || t != "application/json" {
		return false
	}
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8")
}

// checkJSON wants one JSON object in UTF-8 in which no name stands twice.
// encoding/json alone would let a later member replace an earlier one, take
// "Login" for "login", and repair broken text.
func checkJSON(body []byte) error {
	switch {
	case !utf8.Valid(body):
		return newProblem("malformed_body", "the body is not valid UTF-8")
	case !json.Valid(body): // also finds what follows the value
		return newProblem("malformed_body", "the body is not one JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	t, err := d.Token()
	if err != nil || t != json.Delim('{') {
		return newProblem("malformed_body", "the body is not one JSON object")
	}
	return checkMembers(d, 1)
}

// checkMembers reads to the end of an object whose brace is read.
func checkMembers(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		switch {
		case err != nil || !ok:
			return newProblem("malformed_body", "the body is not one JSON object")
		case seen[name]:
			return newProblem("malformed_body", "a member stands twice in one object")
		case depth == 1 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "":
			// Ours are all lower case, and another spelling is another name.
			p := newProblem("unknown_field", "the request has a field that this operation does not know")
			p.Errors = []Fault{{Location: "body." + cut(name, 100), Message: "unexpected property"}}
			return p
		}
		seen[name] = true
		if err := checkValue(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func checkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return newProblem("malformed_body", "the body is not one JSON object")
	}
	if depth >= maxDepth {
		return newProblem("malformed_body", "the body is nested too deeply")
	}
	switch t {
	case json.Delim('{'):
		return checkMembers(d, depth+1)
	case json.Delim('['):
		for d.More() {
			if err := checkValue(d, depth+1); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return err
	}
	return nil
}
